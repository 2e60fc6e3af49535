"""Laws 5 and 11 at every point where something becomes durable or leaves: a run that dies right before or right after the n-th commit
of its store, or whose n-th write request meets trouble, and is then run again, ends as an undisturbed run does.

In this process, so that every n can be tried; `test_killed.py` does it to the real program at random moments.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Literal

import duckdb
import pytest

from connectors.simulators.faults import LOST_REPLY, RESET, RESET_AFTER, SERVER_ERROR_AFTER, Fault
from pipeline.errors import Exit
from pipeline.progress import Silent
from pipeline.run import Options, RunReport, run_sync
from state.store import Store
from tests.endings import creates, end_state
from tests.engine import Workshop
from tests.quick import TIMEOUT_S, quickly
from tests.simulators import Shop, start

When = Literal["before", "after"]

BERLIN: tuple[dict[str, Any], ...] = (
    {"first_name": "Anna", "last_name": "Berg", "email": "anna@example.com", "phone_number": "+4915112345001", "note": "tea"},
    {"first_name": "Lars", "last_name": "Berg", "email": "lars@example.com", "phone_number": "+4915112345001"},
    {"first_name": "Omar", "last_name": "Haddad", "phone_number": "+493022334455"},
    {"company": "Nordlicht GmbH", "tax_number": "DE288362273", "is_b2b": True, "phone_number": "+4915112345003"},
)  # fmt: skip
"""A pair who share a phone, one without any key, and a company."""
OSLO: tuple[dict[str, Any], ...] = (
    {"firstname": "Anna", "lastname": "Berg", "email": "anna@example.com", "city": "Oslo"},
    {"firstname": "Silje", "lastname": "Lunde", "email": "shared@example.com", "mobile": "+4746120001"},
    {"firstname": "Petra", "lastname": "Lunde", "email": "shared@example.com", "mobile": "+4746120001"},
)
"""A couple who share phone and e-mail in one till: two customers, to be created elsewhere as two."""
RIYADH: tuple[dict[str, Any], ...] = (
    {"name": "Lars Berg", "email": "lars@example.com", "dial_code": 49, "phone": "15112345009"},
    {"name": "Mona Haddad", "email": None, "dial_code": 966, "phone": "501234567"},
)


class Died(BaseException):
    """The process is no more. Not an Exception: nothing may catch it and go on."""


class Doom:
    """Lets the process die at the n-th commit (0: never), and keeps it dead: no later step of any thread becomes durable."""

    def __init__(self, n: int = 0, when: When = "before") -> None:
        self.n, self.when, self.commits, self.dead = n, when, 0, False

    @contextmanager
    def transaction(self, real: Any, store: Store) -> Iterator[duckdb.DuckDBPyConnection]:
        with store._turn:
            outermost = not store._depth
            fatal = False
            with real(store) as con:
                if self.dead:
                    raise Died
                yield con
                if outermost:
                    self.commits += 1
                    fatal = self.commits == self.n
                    if fatal and self.when == "before":
                        self.dead = True
                        raise Died
            if fatal:
                self.dead = True
                raise Died


class StopsWhenWritten(Silent):
    """Somebody presses Ctrl-C as soon as anything was written."""

    def __init__(self, stop: Event) -> None:
        self.stop = stop

    def writing(self, system: str, *, done: int, total: int) -> None:
        self.stop.set()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running, quickly():
        yield running


def small_world(folder: Path, shop: Shop) -> Workshop:
    """New tills with the small world in them, and a new workspace."""
    shop.reset()
    for name, rows in (("berlin", BERLIN), ("oslo", OSLO), ("riyadh", RIYADH)):
        shop.tills[name].load(rows)
    folder.mkdir()
    return Workshop(folder, shop, {"systems": {name: {"timeout_s": TIMEOUT_S} for name in shop.tills}})


def backfill(w: Workshop, doom: Doom | None = None) -> RunReport:
    real, doom = Store.transaction, doom or Doom()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "transaction", lambda store: doom.transaction(real, store))
        return run_sync(w.config, Options("backfill", full=True), Silent(), w.shop.clock.tick)


def until_quiet(w: Workshop) -> None:
    """The same command again, until it has nothing to do: at most three times."""
    for _ in range(3):
        writes = w.shop.writes()
        assert backfill(w).exit_code is Exit.DONE
        if w.shop.writes() == writes:
            return
    pytest.fail("the third run still writes")


@pytest.fixture(scope="module")
def undisturbed(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, int, dict[str, int]]:
    """End state, creates, number of commits, and number of write requests of each till, of a story without trouble."""
    w, doom = small_world(tmp_path_factory.mktemp("calm") / "place", shop), Doom()
    assert backfill(w, doom).exit_code is Exit.DONE
    writes = {name: len(till.ledger.writes()) for name, till in shop.tills.items()}
    until_quiet(w)
    assert sum(writes.values()) == shop.writes()
    assert set(creates(shop).values()) == {1}
    return end_state(shop), creates(shop), doom.commits, writes


Undisturbed = tuple[Any, Any, int, dict[str, int]]


def ends_well(w: Workshop, undisturbed: Undisturbed, story: str) -> None:
    until_quiet(w)
    state, created, *_ = undisturbed
    assert end_state(w.shop) == state, story
    assert creates(w.shop) == created, story


def share(total: int, part: int, parts: int) -> list[int]:
    """Every `parts`-th of 1 … total."""
    return list(range(1 + part, total + 1, parts))


QUICK = 8
"""By default every eighth point is tried; `make test-deep` tries them all."""
PARTS = [0, *(pytest.param(part, marks=pytest.mark.deep) for part in range(1, QUICK))]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_at_the_nth_commit_is_continued(
    when: When, part: int, undisturbed: Undisturbed, shop: Shop, tmp_path: Path
) -> None:
    shift = QUICK // 2 if when == "after" else 0
    for n in share(undisturbed[2], (part + shift) % QUICK, QUICK):
        w = small_world(tmp_path / f"{n}", shop)
        with pytest.raises(Died):
            backfill(w, Doom(n, when))
        ends_well(w, undisturbed, f"died {when} commit {n}")


@pytest.mark.deep
@pytest.mark.parametrize("again", [1, 2, 3, 5, 8])
def test_a_run_that_dies_over_and_over_is_continued(
    again: int, undisturbed: Undisturbed, shop: Shop, tmp_path: Path
) -> None:
    w = small_world(tmp_path / "place", shop)
    for n in range(1, 60):
        try:
            backfill(w, Doom(again + n // 2, "after" if n % 2 else "before"))
        except Died:
            continue
        break
    ends_well(w, undisturbed, f"died at every commit from {again} on")


WRITES = r"POST|PUT|DELETE"
WHERE = {"berlin": r"/customers/", "oslo": r"/customers(/batch)?$", "riyadh": r"/customers"}


@pytest.mark.parametrize(
    "fault",
    [RESET, LOST_REPLY, *(pytest.param(fault, marks=pytest.mark.deep) for fault in (RESET_AFTER, SERVER_ERROR_AFTER))],
    ids=lambda fault: fault.label,
)
@pytest.mark.parametrize("till", ["berlin", "oslo", "riyadh"])
def test_trouble_with_the_nth_write_request_is_made_good(
    till: str, fault: Fault, undisturbed: Undisturbed, shop: Shop, tmp_path: Path
) -> None:
    """Nobody is created twice, and nobody left out, whether or not the request was carried out."""
    for n in range(1, undisturbed[3][till] + 1):
        w = small_world(tmp_path / f"{n}", shop)
        shop.tills[till].faults.on(n, fault, method=WRITES, path=WHERE[till])
        report = backfill(w)
        assert report.exit_code in (Exit.DONE, Exit.REJECTED, Exit.UNREACHABLE), report.problems
        assert shop.tills[till].ledger.counts[f"fault:{fault.label}"] == 1
        ends_well(w, undisturbed, f"{fault.label} at write {n} to {till}")


@pytest.mark.deep
@pytest.mark.parametrize("fault", [RESET_AFTER, LOST_REPLY], ids=lambda fault: fault.label)
def test_killed_while_an_unanswered_write_was_looked_up(
    fault: Fault, undisturbed: Undisturbed, shop: Shop, tmp_path: Path
) -> None:
    """Trouble upon trouble: a lost reply, and the run that would look it up dies in the middle of that."""
    for n in range(4, 22, 3):
        w = small_world(tmp_path / f"{n}", shop)
        for till in shop.tills:
            shop.tills[till].faults.on(1, fault, method=WRITES, path=WHERE[till])
        backfill(w)
        with pytest.raises(Died):
            backfill(w, Doom(n, "before"))
        ends_well(w, undisturbed, f"{fault.label}, then died at commit {n}")


@pytest.mark.parametrize("meanwhile", ["edited", "deleted"])
@pytest.mark.parametrize("till", ["berlin", "oslo", "riyadh"])
def test_nobody_is_created_twice_when_staff_were_at_the_record_before_its_lost_reply_was_looked_up(
    till: str, meanwhile: str, shop: Shop, tmp_path: Path
) -> None:
    """No key of what was sent is left on it: only our reference, its name and its being new tell whose it is."""
    if meanwhile == "deleted" and till != "riyadh":
        pytest.skip("these vendors leave no trace of a deleted customer")
    shop.reset()
    if till == "berlin":
        shop.oslo.add(firstname="Anna", lastname="Berg", email="anna@example.com", mobile="+4915112345001")
    else:
        shop.berlin.add(first_name="Anna", last_name="Berg", email="anna@example.com", phone_number="+4915112345001")
    (tmp_path / "place").mkdir()
    w = Workshop(tmp_path / "place", shop, {"systems": {name: {"timeout_s": TIMEOUT_S} for name in shop.tills}})
    shop.tills[till].faults.on(1, LOST_REPLY, method="POST", path=WHERE[till])
    stop = Event()
    # The run ends with what it has sent: it does not look the lost reply up by itself.
    run_sync(w.config, Options("backfill", full=True, stop=stop), StopsWhenWritten(stop), shop.clock.tick)
    ((record_id, _),) = shop.tills[till].customers().items()
    if meanwhile == "deleted":
        shop.tills[till].delete(record_id)
    else:
        other = {
            "riyadh": {"dial_code": 49, "phone": "15112345999"},
            "berlin": {"phone_number": ""},
            "oslo": {"mobile": ""},
        }
        shop.tills[till].edit(record_id, email="typo@example.com", **other[till])
    until_quiet(w)
    assert len(shop.tills[till].ledger.creates()) == 1
    assert {name: len(other) for name, other in shop.tills.items()} == {
        name: 0 if name == till and meanwhile == "deleted" else 1 for name in shop.tills
    }


def test_replies_lost_on_every_tenth_create_double_nobody(shop: Shop, tmp_path: Path) -> None:
    shop.reset()
    people = 40
    shop.berlin.load(
        [{"first_name": f"Anna{n}", "last_name": "Berg", "email": f"anna{n}@example.com"} for n in range(people)]
    )
    shop.oslo.load(
        [{"firstname": f"Lars{n}", "lastname": "Lunde", "mobile": f"+474612{n:04d}", "email": "lost@example.org" if n < 3 else ""}
         for n in range(people)]
    )  # fmt: skip
    for name in ("berlin", "riyadh"):
        for nth in range(10, people + 1, 10):
            shop.tills[name].faults.on(nth, LOST_REPLY, method="POST", path=WHERE[name])
    shop.oslo.faults.on(1, LOST_REPLY, method="POST", path="/batch")
    (tmp_path / "place").mkdir()
    w = Workshop(tmp_path / "place", shop, {"systems": {name: {"timeout_s": TIMEOUT_S} for name in shop.tills}})
    backfill(w)
    until_quiet(w)
    assert set(creates(shop).values()) == {1}
    assert {name: len(till) for name, till in shop.tills.items()} == {"berlin": 80, "oslo": 80, "riyadh": 40}


def test_one_bad_item_leaves_the_other_49_of_its_batch_written(shop: Shop, tmp_path: Path) -> None:
    shop.reset()
    rows = [{"first_name": f"Anna{n}", "last_name": "Berg", "email": f"anna{n}@example.com"} for n in range(50)]
    rows[17]["billing_address"] = {"address1": "Weg 1", "city": "Bonn", "country": "DE"}
    shop.berlin.load(rows)
    shop.oslo.turn(unique_fields=("email",))
    shop.oslo.load(
        [{"firstname": "Other", "lastname": "Person", "customerType": "COMPANY", "email": "anna17@example.com"}]
    )
    (tmp_path / "place").mkdir()
    w = Workshop(tmp_path / "place", shop, {"match": {"on": ["mobile"]}})
    report = backfill(w)
    assert report.exit_code is Exit.REJECTED
    assert len(shop.oslo.ledger.creates()) == 49
    assert w.shop.oslo.ledger.counts["write"] >= 1
