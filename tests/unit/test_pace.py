"""`connectors.pace`: even, never over the budget, hardly under it, and obedient."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.pace import HEADROOM, Pace, shared_pace
from tests.unit.scripted import FakeTime


def turns(pace: Pace, fake: FakeTime, count: int) -> list[float]:
    """When each of `count` turns came."""
    taken = []
    for _ in range(count):
        pace.take()
        taken.append(fake.at)
    return taken


@settings(max_examples=60, deadline=None)
@given(
    per_minute=st.sampled_from([60, 300, 600, 1200]),
    lateness=st.lists(st.floats(0, 0.1), min_size=1, max_size=20),
    idle=st.lists(st.floats(0, 3), min_size=1, max_size=5),
)
def test_no_second_has_more_than_its_share(per_minute: int, lateness: list[float], idle: list[float]) -> None:
    """However late threads wake up, and whatever was not used before: vendors count in windows of a second."""
    fake = FakeTime(late=iter(lateness * 200).__next__)
    pace = Pace(per_minute, fake.clock)
    taken: list[float] = []
    for pause in idle:
        fake.at += pause
        taken += turns(pace, fake, 15)
    share = max(1, per_minute // 60)
    for first, later in zip(taken, taken[share:], strict=False):
        assert later - first >= 1.0


def test_the_budget_is_used() -> None:
    """Wake-ups that are 2 ms late each, as on a busy machine, do not add up."""
    fake = FakeTime(late=lambda: 0.002)
    taken = turns(Pace(1200, fake.clock), fake, 400)
    rate = (len(taken) - 1) / (taken[-1] - taken[0])
    assert 0.96 * 20 < rate <= 20


def test_turns_are_even_over_threads() -> None:
    """With real threads and real time: 20 a second, one every 50 ms, whoever takes them."""
    pace, taken, lock = Pace(1200), list[float](), threading.Lock()

    def work() -> None:
        for _ in range(5):
            pace.take()
            with lock:
                taken.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gaps = [later - first for first, later in pairwise(sorted(taken))]
    assert min(gaps) > 0.005
    assert 0.9 < taken[-1] - taken[0] < 2


def test_429_stops_everybody_and_then_slows_down() -> None:
    fake = FakeTime()
    pace = Pace(600, fake.clock)
    pace.take()
    assert 5 <= pace.busy(5) <= 5.6
    before = fake.at
    pace.take()
    assert 5 <= fake.at - before <= 5.6
    first, second = turns(pace, fake, 2)
    assert second - first > 0.1 / HEADROOM * 1.2


def test_the_pace_recovers() -> None:
    fake = FakeTime()
    pace = Pace(600, fake.clock)
    pace.busy(0)
    fake.at += 60
    first, second = turns(pace, fake, 2)
    assert second - first < 0.1 / HEADROOM * 1.01


def test_several_429s_at_once_are_one_event() -> None:
    """Requests that were under way together all fail together; the pace must not collapse for that."""
    once, often = Pace(600, FakeTime().clock), Pace(600, FakeTime().clock)
    once.busy()
    for _ in range(8):
        often.busy()
    assert often._share(1000.0) == once._share(1000.0)  # type: ignore[attr-defined]


def test_pauses_without_a_time_double_up_to_a_minute() -> None:
    fake = FakeTime()
    pace = Pace(6000, fake.clock)
    pauses = []
    for _ in range(8):
        pauses.append(pace.busy())
        fake.at += pauses[-1]
    for pause, expected in zip(pauses, [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert expected <= pause <= expected * 1.1 + 0.05
    fake.at += 1
    pace.heard()
    assert pace.busy() < 2


def test_a_low_remainder_slows_down_more_the_lower_it_is() -> None:
    waits = []
    for remaining in (50, 5, 1, 0):
        fake = FakeTime()
        pace = Pace(60, fake.clock)
        pace.take()
        pace.heard(remaining)
        waits.append(turns(pace, fake, 1)[0] - 1000.0)
    assert waits == sorted(waits)
    assert waits[0] < 1.1
    assert waits[1] < waits[3]
    assert waits[3] > 5


def test_one_pace_per_account() -> None:
    one = shared_pace("https://till.example.com/api/", "client", 600)
    assert shared_pace("https://till.example.com/api", "client", 600) is one
    assert shared_pace("https://till.example.com/api", "other", 600) is not one
    assert shared_pace("https://till.example.org/api", "client", 600) is not one
