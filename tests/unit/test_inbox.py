"""Decisions wait beside the store until a run takes them in: none lost, none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from state import inbox

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def test_decisions_come_back_in_the_order_they_were_taken(tmp_path: Path) -> None:
    """merge, then apart, then merge again: the last word counts, so order and repetition must survive."""
    store = tmp_path / "var" / "customers.duckdb"
    subject = {"review_id": "r1"}
    ids = [
        inbox.put(store, kind, subject, AT + timedelta(minutes=minutes))
        for minutes, kind in ((5, "apart"), (0, "merge"), (9, "merge"))
    ]
    assert [(d.decision_id, d.kind, d.subject) for d in inbox.pending(store)] == [
        (ids[1], "merge", subject),
        (ids[0], "apart", subject),
        (ids[2], "merge", subject),
    ]
    assert inbox.pending(store)[0].at == AT


def test_the_same_decision_twice_is_one(tmp_path: Path) -> None:
    store = tmp_path / "customers.duckdb"
    one = inbox.put(store, "ignore", {"customer_id": "c1"}, AT)
    assert inbox.put(store, "ignore", {"customer_id": "c1"}, AT) == one
    assert len(inbox.pending(store)) == 1


def test_what_was_taken_is_gone_and_taking_twice_does_no_harm(tmp_path: Path) -> None:
    store = tmp_path / "customers.duckdb"
    assert inbox.pending(store) == []
    one = inbox.put(store, "ignore", {"customer_id": "c1"}, AT)
    two = inbox.put(store, "ignore", {"customer_id": "c2"}, AT)
    inbox.taken(store, [one, "unknown"])
    inbox.taken(store, [one])
    assert [d.decision_id for d in inbox.pending(store)] == [two]


def test_half_written_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    store = tmp_path / "customers.duckdb"
    inbox.put(store, "ignore", {"customer_id": "c1"}, AT)
    folder = inbox.inbox_path(store)
    (folder / "x.1.tmp").write_text('{"kind": "ignore"')
    (folder / "notes.json").write_text("[]")
    assert len(inbox.pending(store)) == 1
    assert (folder / "notes.json").exists()


def test_only_the_owner_may_read_them(tmp_path: Path) -> None:
    """A decision may quote a customer's value."""
    store = tmp_path / "customers.duckdb"
    one = inbox.put(store, "value", {"customer_id": "c1", "value": "Ana"}, AT)
    folder = inbox.inbox_path(store)
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / f"{one}.json").stat().st_mode & 0o077 == 0
