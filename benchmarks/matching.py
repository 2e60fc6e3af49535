"""Precision, recall and speed of matching on worlds with known truth.

    python -m benchmarks.matching [CUSTOMERS] [SEED]

Pairs of records are counted: precision over pairs that were joined, recall over true pairs that share a key. Reviews count as unmerged.
Beside it, joining on any shared key, with crowded values removed and without: what a deterministic linkage on these keys does.
"""

from __future__ import annotations

import resource
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow

from benchmarks.worlds import Row, make_world
from pipeline.match import MatchSettings, match

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = Path(__file__).parent.parent / "state" / "schema" / "0001_initial.sql"


def open_world(rows: Sequence[Row]) -> duckdb.DuckDBPyConnection:
    """A store in memory in which every record has just arrived."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute(SCHEMA.read_text("utf-8"))
    add_rows(con, rows)
    return con


def add_rows(con: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> None:
    """Put records into `records`, `normalised` and `changed`, in place of what is there by the same key."""
    fields = ("system", "record_id", "given", "family", "company", "is_business", "email", "mobile", "vat")
    full = [" ".join(part for part in (row.given, row.family) if part) or None for row in rows]
    con.register(
        "rows", pyarrow.table({field: [getattr(row, field) for row in rows] for field in fields} | {"full": full})
    )
    for table in ("normalised", "records"):
        con.execute(f"DELETE FROM core.{table} WHERE (system, record_id) IN (SELECT (system, record_id) FROM rows)")
    con.execute("""
        INSERT INTO core.normalised
            (system, record_id, full_name, given_name, family_name, company, is_business, email, phone, mobile, vat_number)
        SELECT system, record_id, "full", given, family, company, is_business, email, mobile, mobile, vat FROM rows""")
    con.execute(
        "INSERT INTO core.records (system, record_id, seen_at) SELECT system, record_id, $now FROM rows", {"now": NOW}
    )
    con.execute("INSERT INTO core.changed SELECT system, record_id, 'world' FROM rows")
    con.unregister("rows")


def run_match(con: duckdb.DuckDBPyConnection, settings: MatchSettings) -> object:
    """One match in one transaction."""
    con.begin()
    report = match(con, "run", NOW, settings, lambda: str(uuid.uuid4()))
    con.commit()
    return report


def customer_of(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], object]:
    """Record → customer, as linked."""
    return {
        (system, record_id): customer
        for system, record_id, customer in con.execute(
            "SELECT system, record_id, customer_id FROM core.links"
        ).fetchall()
    }


def joined_by_any_key(rows: Sequence[Row], shared_after: int | None) -> dict[tuple[str, str], object]:
    """Record → component when any shared value joins; values held by more records of one system than `shared_after` left out."""
    holders: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        for field in ("email", "mobile", "vat"):
            if value := getattr(row, field):
                holders[field, value].append(row)
    parent = {(row.system, row.record_id): (row.system, row.record_id) for row in rows}

    def find(key: tuple[str, str]) -> tuple[str, str]:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for held in holders.values():
        if shared_after is not None and max(Counter(row.system for row in held).values()) > shared_after:
            continue
        for row in held[1:]:
            parent[find((row.system, row.record_id))] = find((held[0].system, held[0].record_id))
    return {key: find(key) for key in parent}


def score(rows: Sequence[Row], joined: Mapping[tuple[str, str], object]) -> tuple[float, float]:
    """Pairwise precision, and recall over the true pairs that share a key."""
    key = {row: (row.system, row.record_id) for row in rows}
    together = Counter(joined[key[row]] for row in rows)
    right = Counter((joined[key[row]], row.truth) for row in rows)
    precision = _pairs(right.values()) / max(1, _pairs(together.values()))
    customers: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        customers[row.truth].append(row)
    reachable = found = 0
    for records in customers.values():
        for at, one in enumerate(records):
            for other in records[:at]:
                if any(
                    value and value == getattr(other, field)
                    for field in ("email", "mobile", "vat")
                    if (value := getattr(one, field))
                ):
                    reachable += 1
                    found += joined[key[one]] == joined[key[other]]
    return precision, found / max(1, reachable)


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)


def main(customers: int, seed: int) -> None:
    """Print the figures of one world."""
    rows = make_world(customers, seed)
    con = open_world(rows)
    started = time.perf_counter()
    report = run_match(con, MatchSettings())
    took = time.perf_counter() - started
    print(f"{len(rows):,} records of {customers:,} customers, seed {seed}: {report}")
    print(
        f"match from scratch: {took:.2f} s, {len(rows) / took:,.0f} records/s, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB"
    )
    changed = rows[:1000]
    add_rows(con, changed)
    started = time.perf_counter()
    run_match(con, MatchSettings())
    print(f"match of {len(changed):,} changed records: {time.perf_counter() - started:.2f} s")
    for name, joined in (
        ("this matcher", customer_of(con)),
        ("any shared key, crowded values removed", joined_by_any_key(rows, 10)),
        ("any shared key", joined_by_any_key(rows, None)),
    ):
        precision, recall = score(rows, joined)
        print(f"{name}: precision {precision:.5f}, recall {recall:.4f}")


if __name__ == "__main__":
    main(*(int(text) for text in (*sys.argv[1:], "20000", "1")[:2]) if len(sys.argv) != 2 else (int(sys.argv[1]), 1))
