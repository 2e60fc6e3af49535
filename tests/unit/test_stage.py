"""Landed rows become records: in one transaction with their cursor, with each reject once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.base import End, Record, Reject
from connectors.errors import BadAnswer
from connectors.seen import Seen
from pipeline import stage
from pipeline.stage import Received
from pipeline.workspace import System, Workspace, canonical_json, utc_now
from state.store import append, open_store


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    store = open_store(tmp_path / "store.duckdb")
    with store.transaction() as con:
        con.execute("INSERT INTO core.systems (system, connector) VALUES ('till', 'memory')")
    yield cast(Workspace, SimpleNamespace(run_id="run", store=store, now=utc_now))
    store.close()


TILL = cast(System, SimpleNamespace(name="till", connector=SimpleNamespace(volatile=frozenset({"balance"}))))


def walk(ws: Workspace, *items: Record | Reject, full: bool = True, cursor: Any = None) -> Received:
    """One complete walk that showed `items`."""
    records = [item for item in items if isinstance(item, Record)]
    with ws.store.transaction() as con:
        append(con, "core.landing", stage.LANDING, stage.landing_rows("p", 0, records, TILL.connector.volatile))
        rejects = stage.reject_rows("p", [item for item in items if isinstance(item, Reject)])
        append(con, "core.landing_rejects", ("pull_id", "record_id", "reason", "raw"), rejects)
    return stage.promote(ws, TILL, "p", End(cursor, full), utc_now())


def row(record_id: str, **fields: Any) -> Record:
    return Record(record_id, {"id": record_id, **fields})


def missing(ws: Workspace) -> list[str]:
    return [
        r for (r,) in ws.store.rows("SELECT record_id FROM core.records WHERE missing_since IS NOT NULL ORDER BY 1")
    ]


def rejects(ws: Workspace) -> list[tuple[Any, ...]]:
    return ws.store.rows("SELECT record_id, reason FROM core.rejects ORDER BY ALL")


def test_rows_and_cursor_move_together_or_not_at_all(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law 2: a crash after the rows and before the cursor leaves neither."""
    walk(ws, row("1"), cursor={"at": 1})

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stage, "_move_cursor", crash)
        with pytest.raises(KeyboardInterrupt):
            walk(ws, row("1"), row("2"), cursor={"at": 2})
    assert ws.store.rows("SELECT record_id FROM core.records") == [("1",)]
    assert ws.store.value("SELECT cursor::VARCHAR FROM core.systems") == '{"at":1}'
    assert ws.store.value("SELECT count(*) FROM core.landing") > 0, "what had landed is still there to go on from"


def test_the_last_version_of_a_walk_counts_and_what_vendors_change_by_themselves_does_not(ws: Workspace) -> None:
    assert walk(ws, row("1", name="a"), row("1", name="b")) == Received(new=1)
    assert ws.store.value("SELECT payload->>'name' FROM core.records") == "b"
    assert walk(ws, row("1", name="b", balance=7)) == Received(unchanged=1)
    assert walk(ws, row("1", name="c")) == Received(changed=1)
    assert ws.store.value("SELECT count(*) FROM core.history") == 2


def test_a_reject_is_opened_once_and_closed_when_its_record_comes_in_well(ws: Workspace) -> None:
    bad = Reject("1", "wrong_type", "{}")
    assert walk(ws, bad).fresh_rejects == 1
    assert walk(ws, bad).fresh_rejects == 0
    assert walk(ws, Reject("1", "broken_text", "{}"), full=False).fresh_rejects == 1
    assert rejects(ws) == [("1", "broken_text")], "another reason replaces it"
    assert walk(ws, row("1"), full=False) == Received(new=1)
    assert rejects(ws) == []


def test_a_record_that_comes_well_and_badly_at_once_keeps_its_reject(ws: Workspace) -> None:
    """The same id twice in one walk, walk after walk."""
    both = (row("1"), Reject("1", "duplicate_id", "{}"))
    assert [walk(ws, *both).fresh_rejects for _ in range(3)] == [1, 0, 0]
    assert rejects(ws) == [("1", "duplicate_id")]


def test_a_row_without_id_is_told_by_its_text_and_closed_by_a_full_walk_without_it(ws: Workspace) -> None:
    assert walk(ws, Reject(None, "no_id", "null"), Reject(None, "no_id", "7")).fresh_rejects == 2
    assert walk(ws, Reject(None, "no_id", "null"), full=False).fresh_rejects == 0
    assert len(rejects(ws)) == 2, "an incremental walk says nothing about the other"
    walk(ws, Reject(None, "no_id", "null"))
    assert rejects(ws) == [(None, "no_id")]


def test_a_rejected_row_is_not_missing(ws: Workspace) -> None:
    walk(ws, row("1"), row("2"), row("3"))
    walk(ws, row("1"), Reject("2", "wrong_type", "{}"))
    assert missing(ws) == ["3"]
    walk(ws, row("1"), row("3"))
    assert missing(ws) == ["2"], "no longer shown at all"
    walk(ws, row("1"), full=False)
    assert missing(ws) == ["2"], "an incremental walk shows no absence"


def test_what_a_failing_system_says_is_kept_once_until_it_works(ws: Workspace) -> None:
    for words in ("<html>at 10:01", "<html>at 10:02"):
        with ws.store.transaction() as con:
            error = BadAnswer("no page", code="not_json", endpoint="GET /customers", status=200, vendor_text=words)
            stage.keep_failure(con, ws, "till", error)
    assert ws.store.rows("SELECT stage, reason, payload FROM core.rejects") == [
        ("answer", "not_json", "<html>at 10:01")
    ]
    walk(ws, row("1"))
    assert rejects(ws) == []


def test_fields_are_told_once_and_only_names(ws: Workspace) -> None:
    unknown = stage.unknown_fields([row("1", tier=1), row("2", **{"ana@example.com": 1})], frozenset({"id"}))
    for _ in range(2):
        with ws.store.transaction() as con:
            stage.note_fields(con, ws, "till", unknown)
    assert stage.new_fields(ws) == ["till now sends `tier`: kept in its records' payload, read by no mapping"]
    assert stage.new_fields(ws) == []


def test_equal_values_are_equal_text_and_any_text_can_be_kept() -> None:
    assert canonical_json({"b": [1.0, None], "a": "é"}) == canonical_json({"a": "é", "b": [1.0, None]})
    assert canonical_json({"a": "x\ud800"}) == '{"a":"x\\ud800"}'


def test_seen_is_a_set() -> None:
    seen, model = Seen(), set[int]()
    for number in [*range(1, 3000), *range(1, 2**62, 2**51), 5, 2**64 - 1]:
        assert seen.add(number) == (number not in model)
        model.add(number)
    assert len(seen) == len(model)
    assert 5 in seen
    assert 3001 not in seen
