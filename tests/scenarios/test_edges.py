"""What happens at the edges of merging and writing, in whole runs against the tills."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from connectors.simulators.faults import Fault
from pipeline.errors import Exit
from state import inbox
from tests import laws
from tests.engine import Workshop
from tests.simulators import Shop, start

ANA = {"first_name": "Ana", "last_name": "Berg", "email": "ana@example.com", "phone_number": "+4915223433333"}


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def w(running: Shop, tmp_path: Path) -> Workshop:
    running.reset()
    return Workshop(tmp_path, running)


def record_in(w: Workshop, system: str) -> str:
    """The only record of the only customer in one system."""
    ((record_id,),) = w.query(
        f"SELECT record_id FROM links JOIN records USING (system, record_id) WHERE system = '{system}' AND deleted_at IS NULL"
    )
    return str(record_id)


def test_a_person_chooses_the_value_of_a_conflict_and_it_goes_everywhere(w: Workshop) -> None:
    w.shop.berlin.add(**ANA)
    w.backfill()
    oslo = record_in(w, "oslo")
    w.shop.oslo.edit(oslo, email="first@example.com")
    w.sync()
    ((customer_id,),) = w.query("SELECT customer_id FROM customers")
    from datetime import UTC, datetime

    inbox.put(
        w.config.store_path,
        "value",
        {"customer_id": customer_id, "unit": "email", "value": "chosen@example.com"},
        datetime.now(UTC),
    )
    assert w.sync().exit_code is Exit.DONE
    assert {c["email"] for till in w.shop.tills.values() for c in till.customers().values()} == {"chosen@example.com"}
    w.shop.oslo.edit(oslo, email="later@example.com")
    w.sync()
    assert {c["email"] for till in w.shop.tills.values() for c in till.customers().values()} == {"later@example.com"}
    assert laws.quiet(w) == 0


def test_an_edit_beats_a_deletion_for_good(w: Workshop) -> None:
    """Deleted at one till and edited at another: it stays where it is, also in later runs without any edit."""
    w.settings = {"systems": {name: {"deletes": "propagate"} for name in w.shop.tills}, "safety": {"max_deletes": 9}}
    w.shop.berlin.add(**ANA)
    w.backfill()
    oslo, riyadh = record_in(w, "oslo"), record_in(w, "riyadh")
    w.shop.riyadh.delete(riyadh)
    w.shop.oslo.edit(oslo, city="Bergen")
    w.sync()
    w.shop.berlin.touch(record_in(w, "berlin"))
    w.shop.oslo.edit(oslo, internalNote="hello")
    for _ in range(3):
        w.backfill()
    assert [len(till) for till in w.shop.tills.values()] == [1, 1, 0]


def test_a_deletion_is_propagated_where_that_is_wished_and_within_the_limit(w: Workshop) -> None:
    w.settings = {"systems": {"oslo": {"deletes": "propagate"}}}
    w.shop.berlin.add(**ANA)
    w.backfill()
    w.shop.riyadh.delete(record_in(w, "riyadh"))
    stopped = w.sync()
    assert stopped.exit_code is Exit.SAFETY
    assert "--max-deletes 1" in stopped.problems[0]
    assert [len(till) for till in w.shop.tills.values()] == [1, 1, 0]
    assert w.sync(max_deletes=1).exit_code is Exit.DONE
    assert [len(till) for till in w.shop.tills.values()] == [1, 0, 0]
    assert laws.quiet(w) == 0


def test_a_value_that_a_till_makes_something_else_of_is_neither_sent_again_nor_spread(w: Workshop) -> None:
    """A vendor that shortens a value must not shorten it in the other tills (law 7), nor be written to at every run (law 3)."""
    w.shop.berlin.add(**ANA, note="a" * 40)
    kept = w.shop.oslo._merged

    def shortening(record_id: str, row: dict[str, object], fields: dict[str, object]) -> dict[str, object]:
        merged = kept(record_id, row, fields)
        return {**merged, "internalNote": str(merged["internalNote"])[:10]}

    w.backfill()
    w.shop.oslo._merged = shortening  # type: ignore[method-assign, assignment]
    try:
        berlin = record_in(w, "berlin")
        w.shop.berlin.edit(berlin, note="b" * 40)
        w.sync()
        assert laws.quiet(w) == 0
        assert w.shop.berlin.customer(berlin)["note"] == "b" * 40
        assert w.query("SELECT system, reason FROM exclusions") == [("oslo", "not_taken")]
    finally:
        del w.shop.oslo._merged


def test_a_run_that_was_asked_to_stop_forgets_nothing(w: Workshop) -> None:
    w.shop.berlin.add(**ANA)
    stop = Event()
    w.run("backfill", full=True, write=False)
    stop.set()
    w.run("sync", stop=stop)
    assert w.shop.writes() == 0
    assert w.sync().exit_code is Exit.DONE
    assert [len(till) for till in w.shop.tills.values()] == [1, 1, 1]


def test_two_systems_that_rewrite_each_others_values_are_frozen_and_reported(w: Workshop) -> None:
    """Each run, staff (or a vendor's own tidying) at one till turn the value back to theirs."""
    w.shop.berlin.add(**ANA, company="Berg AS", is_b2b=True)
    w.backfill()
    oslo, berlin = record_in(w, "oslo"), record_in(w, "berlin")
    for turn in range(8):
        if turn % 2:
            w.shop.berlin.edit(berlin, company="Berg AS")
        else:
            w.shop.oslo.edit(oslo, companyName="BERG AS (Oslo)")
        w.sync()
    assert ("frozen",) in w.query("SELECT DISTINCT reason FROM exclusions")
    before = w.shop.writes()
    w.shop.oslo.edit(oslo, companyName="BERG AS (Oslo)")
    w.sync()
    assert w.shop.writes() == before
    w.shop.oslo.edit(oslo, companyName="Fjell AS")
    w.sync()
    assert w.shop.berlin.customer(berlin)["company"] == "Fjell AS"


def test_lost_replies_of_creates_make_no_duplicates(w: Workshop) -> None:
    """Law 5, also for customers without any key but a name and for those who share a phone."""
    for n in range(12):
        w.shop.berlin.add(
            first_name=f"Gast{n}", last_name="Berg", email=f"g{n}@example.com", phone_number=f"+49152234333{n:02}"
        )
    for till in w.shop.tills.values():
        till.faults.on(2, Fault("lost"), method="POST", path=r"customers(/batch)?/?$", times=1)
        till.faults.on(5, Fault("lost"), method="POST", path=r"customers(/batch)?/?$", times=1)
    w.backfill()
    w.backfill()
    assert [len(till) for till in w.shop.tills.values()] == [12, 12, 12]
    assert laws.quiet(w) == 0
