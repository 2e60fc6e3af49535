"""The public views, column by column: they are the contract (section 4), whatever the tables behind them become."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from pipeline.query import VIEWS
from state import migrations

CANONICAL = (
    "full_name, given_name, middle_name, family_name, company, is_business, email, phone, mobile, vat_number, birth_date, "
    "gender, street, address_extra, postal_code, city, state, country, marketing_consent, is_vip, is_favourite, "
    "is_blocked, note"
)
COUNTS = (
    "records_read, records_new, records_changed, records_unchanged, records_rejected, created, updated, deleted, "
    "unchanged, excluded, held, failed"
)
CONTRACT = {
    "customers": f"customer_id, {CANONICAL}, systems, records, created_at, updated_at",
    "records": f"system, record_id, customer_id, {CANONICAL}, payload, content_hash, source_created_at, "
    "source_updated_at, first_seen_at, last_seen_at, deleted_at",
    "links": "system, record_id, customer_id, is_primary, matched_on, linked_at",
    "provenance": "customer_id, field, value, system, record_id, since",
    "runs": f"run_id, command, started_at, finished_at, exit_code, outcome, {COUNTS}",
    "run_systems": f"run_id, system, {COUNTS}",
    "exclusions": "customer_id, system, reason, detail, since",
    "writes": "run_id, system, record_id, customer_id, operation, fields, status, http_status, error, attempts, "
    "sent_at, finished_at",
    "rejects": "system, record_id, run_id, stage, reason, payload, since",
    "conflicts": "customer_id, field, candidates, chosen_system, policy, run_id, at",
    "reviews": "review_id, left_system, left_record_id, right_system, right_record_id, agree, differ, decision, since",
    "cursors": "system, watermark, last_complete_at, last_full_scan_at, records",
    "history": "system, record_id, seen_at, run_id, content_hash, payload",
}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        migrations.apply(con, None)
        yield con


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: Any) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    con.execute(f"INSERT INTO core.{table} ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


@pytest.mark.parametrize("view", CONTRACT)
def test_columns_stand_as_in_the_contract(con: duckdb.DuckDBPyConnection, view: str) -> None:
    columns = con.sql(f"SELECT * FROM {view}").columns
    assert columns == CONTRACT[view].split(", ")


def test_there_are_exactly_the_views_of_the_contract(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1").fetchall()
    assert [name for (name,) in rows] == sorted(CONTRACT) == sorted(VIEWS)


def test_every_time_is_an_instant(con: duckdb.DuckDBPyConnection) -> None:
    """A time without a zone would be read in the reader's."""
    rows = con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal"
    ).fetchall()
    times = {(view, name): kind for view, name, kind in rows if re.search(r"_at$|^at$|^since$|^watermark$", name)}
    assert len(times) == 21
    assert set(times.values()) == {"TIMESTAMP WITH TIME ZONE"}


def test_a_customer_lists_its_systems_and_counts_live_records(con: duckdb.DuckDBPyConnection) -> None:
    for system, record_id, deleted in (
        ("oslo", "1", None),
        ("berlin", "2", None),
        ("berlin", "3", None),
        ("riyadh", "4", day(2)),
    ):
        insert(con, "records", system=system, record_id=record_id, deleted_at=deleted)
        insert(con, "links", system=system, record_id=record_id, customer_id="ana")
    insert(con, "customers", customer_id="ana")
    insert(con, "customers", customer_id="gone")
    rows = con.execute("SELECT customer_id, systems, records FROM customers ORDER BY 1").fetchall()
    assert rows == [("ana", ["berlin", "oslo"], 3), ("gone", [], 0)]


def test_when_a_record_was_last_seen_follows_from_the_last_full_scan(con: duckdb.DuckDBPyConnection) -> None:
    """A quiet walk rewrites nothing, so the view has to know that the record was there."""
    insert(con, "systems", system="berlin", last_full_scan_at=day(9))
    insert(con, "records", system="berlin", record_id="present", seen_at=day(1))
    insert(con, "records", system="berlin", record_id="newer", seen_at=day(10))
    insert(con, "records", system="berlin", record_id="missing", seen_at=day(1), missing_since=4)
    insert(con, "records", system="berlin", record_id="deleted", seen_at=day(1), deleted_at=day(5))
    insert(con, "records", system="oslo", record_id="unscanned", seen_at=day(1))
    rows = con.execute("SELECT record_id, strftime(last_seen_at, '%d') FROM records ORDER BY 1").fetchall()
    assert rows == [("deleted", "01"), ("missing", "01"), ("newer", "10"), ("present", "09"), ("unscanned", "01")]


def test_provenance_has_a_row_per_value_and_groups_share_their_source(con: duckdb.DuckDBPyConnection) -> None:
    sources = '{"name":["berlin","1","2026-03-01T00:00:00Z"],"phone":["oslo","2","2026-03-02T00:00:00Z"],"is_vip":["riyadh","3",null]}'
    insert(con, "customers", customer_id="ana", full_name="Ana Berg", family_name="Berg", phone="+4741234567",
           mobile="+4741234567", is_vip=False, sources=sources)  # fmt: skip
    rows = con.execute(
        "SELECT field, value, system, record_id, strftime(since, '%d') FROM provenance ORDER BY field"
    ).fetchall()
    assert rows == [
        ("family_name", "Berg", "berlin", "1", "01"),
        ("full_name", "Ana Berg", "berlin", "1", "01"),
        ("is_vip", "false", "riyadh", "3", None),
        ("mobile", "+4741234567", "oslo", "2", "02"),
        ("phone", "+4741234567", "oslo", "2", "02"),
    ]


def test_a_run_sums_its_systems_also_when_it_had_none(con: duckdb.DuckDBPyConnection) -> None:
    insert(con, "runs", run_id="r1", command="sync", exit_code=0)
    insert(con, "runs", run_id="r2", command="sync", exit_code=2)
    insert(con, "run_systems", run_id="r1", system="berlin", records_read=3, created=1, failed=0)
    insert(con, "run_systems", run_id="r1", system="oslo", records_read=4, created=2, failed=0)
    rows = con.execute("SELECT run_id, exit_code, records_read, created, failed FROM runs ORDER BY 1").fetchall()
    assert rows == [("r1", 0, 7, 3, 0), ("r2", 2, 0, 0, 0)]


def test_a_write_in_flight_is_unknown_and_an_unsent_one_failed(con: duckdb.DuckDBPyConnection) -> None:
    for status in ("sending", "done", "failed", "unknown", "unsent"):
        operation = "restore" if status == "done" else "update"
        insert(con, "intents", record_id=status, operation=operation, status=status, reason=f"why {status}", error="")
    rows = con.execute("SELECT record_id, operation, status, error FROM writes ORDER BY 1").fetchall()
    assert rows == [
        ("done", "update", "done", "why done"),
        ("failed", "update", "failed", "why failed"),
        ("sending", "update", "unknown", "why sending"),
        ("unknown", "update", "unknown", "why unknown"),
        ("unsent", "update", "failed", "why unsent"),
    ]


def test_a_cursor_counts_the_records_that_are_there(con: duckdb.DuckDBPyConnection) -> None:
    insert(con, "systems", system="berlin")
    insert(con, "records", system="berlin", record_id="1")
    insert(con, "records", system="berlin", record_id="2", deleted_at=day(1))
    assert con.execute("SELECT system, records FROM cursors").fetchall() == [("berlin", 1)]
