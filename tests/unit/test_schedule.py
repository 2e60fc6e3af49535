"""When what runs: ticks are never lost, systems due together run together, failing ones are left alone longer and longer."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from pipeline import schedule, timetable
from pipeline.config import Config, load_config
from pipeline.schedule import Queue, Schedule, TimetableTrigger, backoff_s

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def config(folder: Path, **systems: dict[str, object]) -> Config:
    document = {
        "workspace": "acme",
        "systems": {
            name: {"connector": "flow_retail", "base_url": f"https://{name}.example.com", "tenant": "acme",
                   "auth": {"token": f"token-{name}"}, "timezone": "Europe/Berlin", **more}
            for name, more in systems.items()
        },
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(document))
    return load_config(folder / "config.yaml")


def test_a_trigger_counts_from_the_last_time_it_fired() -> None:
    every = TimetableTrigger(timetable.parse("every 15m"), ZoneInfo("UTC"))
    assert every.get_next_fire_time(None, at(0)) == at(900)
    assert every.get_next_fire_time(at(-60), at(0)) == at(840)
    cron = TimetableTrigger(timetable.parse("0 3 * * *"), ZoneInfo("Europe/Berlin"))
    assert cron.get_next_fire_time(None, at(0)) == datetime(2026, 3, 3, 2, tzinfo=UTC)


def test_systems_due_within_seconds_of_each_other_run_together() -> None:
    queue = Queue()
    queue.add("oslo", at(0))
    assert queue.take(at(1)) == ()
    queue.add("berlin", at(1.5))
    assert queue.take(at(2)) == ("berlin", "oslo")
    assert queue.take(at(10)) == ()


def test_a_tick_that_comes_before_the_last_one_was_served_becomes_one_run_with_it_and_is_told() -> None:
    """Two ticks of one moment (schedule and full scan) are no news; a run that takes longer than the interval is."""
    queue = Queue()
    assert [queue.add("oslo", at(0)), queue.add("oslo", at(1)), queue.add("oslo", at(900))] == [True, True, False]
    assert queue.take(at(901)) == ("oslo",)
    assert queue.take(at(1000)) == ()


def test_a_failing_system_is_left_alone_while_the_others_go_on() -> None:
    queue = Queue()
    assert queue.failed("oslo", at(0), 900, hopeless=False) == at(60)
    assert queue.add("oslo", at(30))  # its ticks meanwhile are neither served nor missed
    queue.add("berlin", at(30))
    assert queue.take(at(35)) == ("berlin",)
    assert queue.take(at(59)) == ()
    assert queue.take(at(63)) == ("oslo",)
    assert queue.failed("oslo", at(63), 900, hopeless=False) == at(63 + 120)
    assert queue.failures() == {"oslo": 2}
    assert queue.worked("oslo")
    assert not queue.worked("oslo")
    assert queue.failed("oslo", at(500), 900, hopeless=False) == at(560)


def test_what_could_not_begin_is_tried_again_soon_without_counting_as_a_failure() -> None:
    queue = Queue()
    queue.put_back(["oslo", "berlin"], at(0), 15)
    assert queue.take(at(10)) == ()
    assert queue.take(at(18)) == ("berlin", "oslo")
    assert queue.failures() == {}


def test_a_changed_configuration_ends_back_offs_and_forgets_systems() -> None:
    queue = Queue()
    queue.failed("oslo", at(0), 900, hopeless=True)
    queue.failed("gone", at(0), 900, hopeless=True)
    queue.keep(["oslo", "berlin"])
    assert queue.take(at(5)) == ("oslo",)
    assert queue.failures() == {"oslo": 1}


@pytest.mark.parametrize(
    ("interval_s", "hopeless", "waits"),
    [
        (900, False, [60, 120, 240, 480, 960, 1920, 3600, 3600]),
        (900, True, [900, 1800, 3600, 3600]),
        (10, False, [10, 20, 40, 40]),
        (86400, False, [60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 30720, 61440, 86400, 86400]),
        (86400, True, [86400, 86400]),
        (4 * 3600, True, [4 * 3600, 6 * 3600, 6 * 3600]),
    ],
)
def test_back_off_doubles_up_to_a_few_intervals(interval_s: float, hopeless: bool, waits: list[float]) -> None:
    assert [backoff_s(n, interval_s, hopeless=hopeless) for n in range(1, len(waits) + 1)] == waits


def test_back_off_stands_any_number_of_failures() -> None:
    assert backoff_s(10_000, 900, hopeless=False) == 3600


def test_each_system_has_its_times_in_its_own_zone_and_a_paused_one_none(tmp_path: Path) -> None:
    ticks: list[str] = []
    running = Schedule(
        config(tmp_path, oslo={"schedule": "0 3 * * *"}, berlin={"paused": True}, bergen={"schedule": "every 2h"}),
        ticks.append, ticks.append,
    )  # fmt: skip
    try:
        times = running.next_times()
        assert times.keys() == {"oslo", "bergen"}
        assert times["oslo"].astimezone(ZoneInfo("Europe/Berlin")).hour == 3
        assert running.is_alive(datetime.now(UTC))
        assert not running.is_alive(datetime.now(UTC) + timedelta(minutes=10))
        running.replace(config(tmp_path, bergen={"schedule": "every 1h"}))
        later = running.next_times()
        assert later.keys() == {"bergen"}
        assert later["bergen"] < times["bergen"]
    finally:
        running.stop()
    assert not running.is_alive(datetime.now(UTC))
    assert ticks == []


@pytest.mark.parametrize("slow", ["the same system", "another system"])
def test_a_missed_tick_is_told_and_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str) -> None:
    """APScheduler's defaults lose them in silence: here its thread is kept busy for longer than it may be late."""
    monkeypatch.setattr(timetable, "parse", lambda text: timetable.Every(1 if text == "every 15s" else 3600))
    monkeypatch.setattr(schedule, "GRACE_S", 1)
    happened: list[str] = []

    def due(system: str) -> None:
        happened.append(f"due {system}")
        if happened.count("due oslo") == 1 and system == "oslo":
            time.sleep(3)

    found = config(
        tmp_path,
        oslo={"schedule": "every 15s"},
        **({"rome": {"schedule": "every 15s"}} if slow != "the same system" else {}),
    )
    running = Schedule(found, due, lambda system: happened.append(f"missed {system}"))
    try:
        until = time.monotonic() + 10
        waits_for = "missed oslo" if slow == "the same system" else "missed rome"
        while waits_for not in happened and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        running.stop()
    counts = Counter(happened)
    assert counts[waits_for] >= 1
    assert counts[waits_for.replace("missed", "due")] >= counts[waits_for]
