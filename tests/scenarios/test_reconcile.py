"""`reconcile`: every disagreement is named, and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.simulators import faults
from pipeline.errors import Exit
from pipeline.progress import Silent
from pipeline.reconcile import Found, document, run_reconcile, text
from pipeline.run import Options
from pipeline.undo import run_undo
from tests.engine import Workshop, workshop
from tests.laws import books
from tests.quick import quickly
from tests.simulators import Shop, start


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def w(tmp_path: Path, running: Shop) -> Iterator[Workshop]:
    """Two customers, the same everywhere."""
    running.reset()
    with quickly(), workshop(tmp_path, running) as w:
        w.shop.berlin.add(first_name="Ana", last_name="Berg", email="ana@example.com", phone_number="+4915112345678")
        w.shop.oslo.add(firstname="Bo", lastname="Dahl", email="bo@example.com", mobile="+4741234567")
        w.backfill()
        yield w


def reconcile(w: Workshop) -> Found:
    """One reconciliation, which must not write."""
    writes = w.shop.writes()
    found = run_reconcile(w.config, Options("reconcile", full=True, write=False), Silent())
    assert w.shop.writes() == writes
    return found


def of(w: Workshop, system: str, email: str) -> str:
    return next(record_id for record_id, row in w.shop.tills[system].customers().items() if row["email"] == email)


def test_systems_that_agree_give_nothing_and_exit_0(w: Workshop) -> None:
    found = reconcile(w)
    assert (found.report.exit_code, found.disagreements, found.strangers, found.gone) == (Exit.DONE, [], [], [])
    assert text(found).startswith("No disagreement")


def test_every_disagreement_is_named_with_both_values(w: Workshop) -> None:
    ana, bo, lost = of(w, "oslo", "ana@example.com"), of(w, "oslo", "bo@example.com"), of(w, "berlin", "bo@example.com")
    w.shop.oslo.edit(ana, email="other@example.com")
    w.shop.oslo.edit(bo, lastname="Dahle")
    w.shop.berlin.delete(lost)
    new = w.shop.riyadh.add(name="Sara Haddad", dial_code=966, phone="512345678")
    found = reconcile(w)
    assert found.report.exit_code == Exit.REJECTED
    named = document(found)
    assert {(d["record_id"], d["unit"]) for d in named["disagreements"]} == {(ana, "email"), (bo, "name")}
    (email,) = [d for d in named["disagreements"] if d["unit"] == "email"]
    assert (email["customer"], email["record"]) == ("ana@example.com", "other@example.com")
    assert named["unknown_records"] == [{"system": "riyadh", "record_id": new}]
    assert [(g["system"], g["record_id"]) for g in named["gone"]] == [("berlin", lost)]
    shown = text(found)
    assert "oslo: email is not the customer's in 1 record" in shown
    assert "other@example.com" not in shown, "counts for the terminal, values for --json"
    w.sync()
    assert reconcile(w).open == []


def test_what_was_agreed_to_differ_is_no_disagreement(w: Workshop) -> None:
    ana = of(w, "oslo", "ana@example.com")
    w.shop.oslo.edit(ana, email="")
    w.sync()
    found = reconcile(w)
    assert (found.report.exit_code, found.open) == (Exit.DONE, [])
    assert [(one.system, one.unit, one.known) for one in found.disagreements] == [("oslo", "email", "cleared_there")]


def test_a_system_that_does_not_answer_is_named_and_nothing_is_said_of_it(w: Workshop) -> None:
    w.shop.oslo.edit(of(w, "oslo", "ana@example.com"), email="other@example.com")
    w.shop.oslo.faults.on(1, faults.SERVER_ERROR, times=None)
    found = reconcile(w)
    w.shop.oslo.faults.clear()
    assert found.report.exit_code == Exit.UNREACHABLE
    assert list(found.not_read) == ["oslo"]
    assert found.open == []


def test_what_we_deleted_ourselves_is_not_missed(w: Workshop) -> None:
    """Foodics tells its own time of a deletion in the next walk; that is no news."""
    (first,) = [run_id for (run_id,) in books(w, "SELECT run_id FROM core.runs")]
    run_undo(w.config, first, Options("undo", max_deletes=10), Silent())
    assert len(w.shop.riyadh) == 0
    found = reconcile(w)
    assert (found.report.exit_code, found.open, found.gone) == (Exit.DONE, [], [])
