"""`undo RUN`: what a run wrote is put back where nobody changed it since, and stays put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pipeline.apply
import pipeline.undo
from connectors.simulators.sample import sample
from pipeline.errors import Exit, UserError
from pipeline.progress import Silent
from pipeline.run import Options
from pipeline.undo import Undone, find_run, run_undo
from state import inbox
from tests.engine import Workshop, workshop
from tests.laws import books, quiet
from tests.quick import quickly
from tests.simulators import Shop, start

STAMPS = {"updated_at", "lastModifiedAt"}
"""What vendors set by themselves with every write."""

ANA = {"first_name": "Ana", "last_name": "Berg", "email": "ana@example.com", "phone_number": "+4915112345678"}


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def w(tmp_path: Path, running: Shop) -> Iterator[Workshop]:
    running.reset()
    with quickly(), workshop(tmp_path, running) as w:
        yield w


def undo(w: Workshop, run_id: str, **options: Any) -> Undone:
    return run_undo(w.config, run_id, Options("undo", **{"max_deletes": 1000, **options}), Silent())


def tills(w: Workshop) -> dict[str, Any]:
    """All that the tills hold, less the vendors' own stamps."""
    return {
        f"{name}:{record_id}": {key: value for key, value in row.items() if key not in STAMPS}
        for name, till in w.shop.tills.items()
        for record_id, row in till.customers().items()
    }


def exclusions(w: Workshop, reason: str) -> set[str]:
    return {system for (system,) in books(w, f"SELECT system FROM core.exclusions WHERE reason = '{reason}'")}


def unaccounted(w: Workshop) -> int:
    """How many rows of run_systems break one of the two sums: records read, and customers that every system must give one outcome."""
    return len(
        books(
            w,
            "SELECT run_id FROM (SELECT *, created + updated + deleted + unchanged + excluded + held + failed AS customers"
            " FROM core.run_systems) GROUP BY run_id HAVING count(DISTINCT customers) > 1"
            " OR bool_or(records_read <> records_new + records_changed + records_unchanged + records_rejected)",
        )
    )


def test_an_undone_backfill_leaves_the_tills_as_they_were_for_good(w: Workshop) -> None:
    """The sample people: hundreds of writes go back; then three syncs and a backfill write nothing."""
    for name, rows in sample().rows.items():
        w.shop.tills[name].load(rows)
    before = tills(w)
    backfill = w.backfill()
    assert len(backfill.plan) > 300
    done = undo(w, backfill.run_id)
    assert (done.report.exit_code, done.apart) == (Exit.DONE, [])
    # Foodics demands a phone: one that we filled in cannot be taken out again.
    assert {(one.system, one.units, one.why) for one in done.left} == {
        ("riyadh", ("phone",), "this system demands a value there")
    }
    after, given = tills(w), {f"riyadh:{one.record_id}" for one in done.left}
    assert {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)} == given
    assert all({**after[key], "phone": ""} == {**before[key], "phone": ""} for key in given)
    assert quiet(w, runs=3) == 0
    writes = w.shop.writes()
    w.backfill()
    assert (w.shop.writes() - writes, tills(w)) == (0, after)
    assert exclusions(w, "undone") == {"berlin", "oslo", "riyadh"}
    assert unaccounted(w) == 0


@pytest.fixture
def both(w: Workshop) -> tuple[str, str]:
    """Ana at berlin and, created by a first backfill, at oslo: her two record ids."""
    berlin = w.shop.berlin.add(**ANA)
    w.backfill()
    (oslo,) = w.shop.oslo.customers()
    return berlin, oslo


def test_an_update_goes_back_and_stays_back_until_somebody_changes_it(w: Workshop, both: tuple[str, str]) -> None:
    berlin, oslo = both
    w.shop.berlin.edit(berlin, email="new@example.com", last_name="Berger")
    edit = w.sync()
    assert w.shop.oslo.customer(oslo)["email"] == "new@example.com"
    done = undo(w, edit.run_id)
    assert (done.report.exit_code, done.left) == (Exit.DONE, [])
    there = w.shop.oslo.customer(oslo)
    assert (there["email"], there["lastname"]) == ("ana@example.com", "Berg")
    assert quiet(w, runs=3) == 0
    w.shop.berlin.edit(berlin, phone_number="+4915112345679")
    w.sync()
    there = w.shop.oslo.customer(oslo)
    assert (there["email"], there["mobile"]) == ("ana@example.com", "+4915112345679"), "another field is no reason"
    w.shop.oslo.edit(oslo, email="third@example.com")
    w.sync()
    assert w.shop.berlin.customer(berlin)["email"] == "third@example.com"
    w.shop.berlin.edit(berlin, last_name="Bergmann")
    w.sync()
    assert w.shop.oslo.customer(oslo)["lastname"] == "Bergmann"
    assert quiet(w) == 0


def test_what_somebody_changed_since_is_left_and_named(w: Workshop, both: tuple[str, str]) -> None:
    berlin, oslo = both
    w.shop.berlin.edit(berlin, email="new@example.com", last_name="Berger")
    edit = w.sync()
    w.shop.oslo.edit(oslo, email="mine@example.com")
    done = undo(w, edit.run_id)
    there = w.shop.oslo.customer(oslo)
    assert (there["email"], there["lastname"]) == ("mine@example.com", "Berg")
    assert [(one.system, one.units, one.why) for one in done.left if one.system == "oslo"] == [
        ("oslo", ("email",), "changed since")
    ]
    w.sync()
    assert w.shop.berlin.customer(berlin)["email"] == "mine@example.com", "the edit made meanwhile is not lost"
    assert quiet(w) == 0


def test_a_name_goes_back_whole_or_not_at_all(w: Workshop, both: tuple[str, str]) -> None:
    berlin, oslo = both
    w.shop.berlin.edit(berlin, first_name="Anna", last_name="Berger")
    edit = w.sync()
    w.shop.oslo.edit(oslo, lastname="Bergh")
    undo(w, edit.run_id)
    assert w.shop.oslo.customer(oslo)["firstname"] == "Anna"


def test_what_was_created_goes_and_is_not_created_again(w: Workshop) -> None:
    w.shop.berlin.add(**ANA)
    backfill = w.backfill()
    assert len(w.shop.oslo) == len(w.shop.riyadh) == 1
    undo(w, backfill.run_id)
    assert len(w.shop.berlin) == 1
    assert len(w.shop.oslo) == len(w.shop.riyadh) == 0
    assert quiet(w, runs=3) == 0
    assert exclusions(w, "undone") == {"oslo", "riyadh"}


def test_a_removal_by_undo_is_no_deletion_that_spreads(w: Workshop) -> None:
    w.settings["systems"] = {"berlin": {"deletes": "propagate"}}
    w.settings["safety"] = {"max_deletes": 100}
    w.shop.berlin.add(**ANA)
    backfill = w.backfill()
    undo(w, backfill.run_id)
    assert quiet(w) == 0
    assert len(w.shop.berlin) == 1


def test_a_created_record_that_somebody_changed_or_that_holds_money_stays(w: Workshop) -> None:
    w.shop.berlin.add(**ANA)
    w.shop.berlin.add(first_name="Bo", last_name="Dahl", email="bo@example.com", phone_number="+4915112345699")
    backfill = w.backfill()
    by_email = {row["email"]: record_id for record_id, row in w.shop.oslo.customers().items()}
    w.shop.oslo.edit(by_email["ana@example.com"], address="Storgata 1")
    done = undo(w, backfill.run_id)
    assert [one.why for one in done.left if one.system == "oslo"] == ["it was changed since"]
    assert w.shop.oslo.customers().keys() == {by_email["ana@example.com"]}
    w.sync()
    assert quiet(w) == 0


def test_deletes_need_leave_and_a_dry_run_writes_nothing(w: Workshop) -> None:
    w.shop.berlin.add(**ANA)
    backfill = w.backfill()
    writes = w.shop.writes()
    stopped = undo(w, backfill.run_id, max_deletes=None)
    assert stopped.report.exit_code == Exit.SAFETY
    assert "--max-deletes 1" in " ".join(stopped.report.problems)
    planned = undo(w, backfill.run_id, write=False)
    assert {(change.system, change.operation) for change in planned.report.plan} == {
        ("oslo", "delete"),
        ("riyadh", "delete"),
    }
    assert w.shop.writes() == writes
    assert quiet(w) == 0
    assert unaccounted(w) == 0


def test_undoing_twice_changes_nothing(w: Workshop, both: tuple[str, str]) -> None:
    w.shop.berlin.edit(both[0], email="new@example.com")
    edit = w.sync()
    undo(w, edit.run_id)
    writes = w.shop.writes()
    again = undo(w, edit.run_id)
    assert {one.why for one in again.left} == {"it is as it was before already"}
    assert w.shop.writes() == writes


def test_a_run_is_named_by_its_id_or_its_beginning(tmp_path: Path, running: Shop) -> None:
    running.reset()
    with workshop(tmp_path, running) as w:
        run_id = w.sync().run_id
        assert find_run(w.config, run_id[:17]) == run_id
        for unknown in ("20190101", ""):
            with pytest.raises(UserError, match="no run"):
                find_run(w.config, unknown)


def test_an_undone_merge_parts_the_customers_for_good(w: Workshop) -> None:
    """Two customers that a new shared key joined: after the undo they are two again, each with its own values, and nothing is written."""
    ana = w.shop.berlin.add(**ANA)
    old = w.shop.oslo.add(firstname="Ana", lastname="Berg", email="old@example.com")
    w.backfill()
    parts = set(books(w, "SELECT system, record_id, customer_id FROM core.links"))
    assert len({customer_id for _, _, customer_id in parts}) == 2
    w.shop.oslo.edit(old, email="ana@example.com")
    merge = w.sync()
    assert len(set(books(w, "SELECT customer_id FROM core.links"))) == 1
    stopped = undo(w, merge.run_id, max_updates=0)
    assert stopped.report.exit_code == Exit.SAFETY
    assert len(set(books(w, "SELECT customer_id FROM core.links"))) == 1, "what is stopped parts nobody"
    done = undo(w, merge.run_id)
    assert done.apart
    now = {
        (system, record_id): customer_id
        for system, record_id, customer_id in books(w, "SELECT system, record_id, customer_id FROM core.links")
    }
    assert now["berlin", ana] != now["oslo", old]
    groups = {frozenset(key for key in now if now[key] == customer_id) for customer_id in now.values()}
    known: dict[str, set[tuple[str, str]]] = {}
    for system, record_id, customer_id in parts:
        known.setdefault(customer_id, set()).add((system, record_id))
    assert groups == {frozenset(group) for group in known.values()}
    after = tills(w)
    assert quiet(w, runs=3) == 0
    w.backfill()
    assert tills(w) == after


def test_an_undone_merge_that_was_killed_half_way_goes_on(w: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    w.shop.berlin.add(**ANA)
    old = w.shop.oslo.add(firstname="Ana", lastname="Berg", email="old@example.com")
    w.backfill()
    w.shop.oslo.edit(old, email="ana@example.com")
    merge = w.sync()

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(pipeline.undo, "apply", die)
        with pytest.raises(KeyboardInterrupt):
            undo(w, merge.run_id)
    done = undo(w, merge.run_id)
    assert (done.report.exit_code, bool(done.apart)) == (Exit.DONE, True)
    assert w.shop.oslo.customer(old)["mobile"] in (None, "")
    assert quiet(w) == 0


def test_a_write_that_nobody_heard_of_again_is_looked_up_and_stays_undone(
    w: Workshop, both: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the requests and their outcomes: the next sync finds the old values there, and knows whose doing that is."""
    berlin, oslo = both
    w.shop.berlin.edit(berlin, email="new@example.com")
    edit = w.sync()

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(pipeline.apply, "_record_outcomes", die)
        with pytest.raises(KeyboardInterrupt):
            undo(w, edit.run_id)
    assert w.shop.oslo.customer(oslo)["email"] == "ana@example.com"
    assert quiet(w) == 0
    assert w.shop.oslo.customer(oslo)["email"] == "ana@example.com"


def test_decisions_that_waited_in_the_inbox_are_taken_in(w: Workshop, both: tuple[str, str]) -> None:
    """An ignored customer is left alone, also by undo."""
    w.shop.berlin.edit(both[0], email="new@example.com")
    edit = w.sync()
    (customer_id,) = {customer_id for (customer_id,) in books(w, "SELECT customer_id FROM core.links")}
    inbox.put(w.config.store_path, "ignore", {"customer_id": customer_id}, w.shop.clock.now())
    done = undo(w, edit.run_id)
    assert {one.why for one in done.left} == {"its customer is left alone, by a person's decision"}
    assert w.shop.oslo.customer(both[1])["email"] == "new@example.com"
