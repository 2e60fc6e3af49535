"""What the pages read from the published snapshot: rows as JSON types, and how each customer stands in each system.

Reads: the snapshot. Writes: nothing.

Of every customer and system exactly one holds: IN_SYNC, EXCLUDED (for a reason that lasts), HELD (until somebody decides or
a run can go on), FAILING (the system refused it), PENDING (nothing was tried yet).
"""

# ruff: noqa: S608  SQL is put together from our own constants and names; what comes from outside is always bound

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from mappings.canonical import COLUMNS

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]

IN_SYNC, EXCLUDED, HELD, FAILING, PENDING = "in_sync", "excluded", "held", "failing", "pending"
STATES = (FAILING, HELD, PENDING, EXCLUDED, IN_SYNC)

HELD_REASONS = (
    "held_for_review", "conflict_review", "suspected_anonymisation", "unreachable", "not_selected", "unknown", "unsent",
    "moved", "found_there", "not_confirmed", "gone",
)  # fmt: skip
"""Reasons that pass: the customer is brought up to date once somebody decided, or the next run could go on."""

# One row per customer and system that is not simply in sync: state, reason, detail, since.
EXCEPTIONS = f"""
    SELECT customer_id, system, min_by(state, rank) AS state, min_by(reason, rank) AS reason,
           min_by(detail, rank) AS detail, min_by(since, rank) AS since
    FROM (
        SELECT j.customer_id, j.system, 'failing' AS state, 1 AS rank, j.reason, NULL AS detail, j.since
        FROM (
            SELECT coalesce(j.customer_id, l.customer_id) AS customer_id, j.system, j.reason, j.since
            FROM core.rejects AS j LEFT JOIN core.links AS l ON l.system = j.system AND l.record_id = j.record_id
        ) AS j
        WHERE j.customer_id IS NOT NULL
        UNION ALL
        SELECT customer_id, system, CASE WHEN reason IN {HELD_REASONS} THEN 'held' ELSE 'excluded' END,
               CASE WHEN reason IN {HELD_REASONS} THEN 2 ELSE 3 END, reason, detail, since
        FROM exclusions
    )
    GROUP BY customer_id, system
"""
LIVE = """
    SELECT DISTINCT l.customer_id, l.system
    FROM core.links AS l JOIN core.records AS r ON r.system = l.system AND r.record_id = l.record_id AND r.deleted_at IS NULL
"""


def rows(con: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
    """The rows of one query as JSON types: times as ISO 8601 in UTC, JSON columns decoded."""
    cursor = con.execute(sql, values if isinstance(values, Mapping) else list(values))
    columns = [(str(column[0]), str(column[1])) for column in cursor.description or ()]
    return [
        {name: _plain(value, kind) for (name, kind), value in zip(columns, row, strict=True)}
        for row in cursor.fetchall()
    ]


def one(con: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Row | None:
    """The first row, None when there is none."""
    found = rows(con, sql, values)
    return found[0] if found else None


def count(con: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> int:
    """The number that a query gives."""
    found = con.execute(sql, values if isinstance(values, Mapping) else list(values)).fetchone()
    return int(found[0]) if found and found[0] is not None else 0


def standing(con: duckdb.DuckDBPyConnection, systems: Sequence[str]) -> dict[str, dict[str, int]]:
    """System → state → customers; each system's numbers add up to all customers."""
    total = count(con, "SELECT count(*) FROM core.customers")
    found = con.execute(f"""
        WITH exceptions AS ({EXCEPTIONS}), live AS ({LIVE}), known AS (SELECT customer_id FROM core.customers)
        SELECT system, state, count(*) FROM exceptions SEMI JOIN known USING (customer_id) GROUP BY ALL
        UNION ALL
        SELECT system, 'in_sync', count(*) FROM live SEMI JOIN known USING (customer_id) ANTI JOIN exceptions USING (customer_id, system)
        GROUP BY ALL
    """).fetchall()
    result = {system: dict.fromkeys(STATES, 0) for system in systems}
    for system, state, number in found:
        if system in result:
            result[system][state] = number
    for states in result.values():
        states[PENDING] = max(0, total - sum(states.values()))
    return result


def reasons(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Why customers are not kept where: system, state, reason and how many; the most frequent first."""
    return rows(
        con,
        f"""
        SELECT system, state, reason, count(*) AS customers FROM ({EXCEPTIONS})
        WHERE customer_id IN (SELECT customer_id FROM core.customers)
        GROUP BY ALL ORDER BY system, state, customers DESC, reason""",
    )


def places(con: duckdb.DuckDBPyConnection, customer_ids: Sequence[str], systems: Sequence[str]) -> dict[str, list[Row]]:
    """customer_id → one row per system, in the order of the configuration: state, reason, detail, since."""
    ids = list(customer_ids)
    wanted = "SELECT unnest(?::VARCHAR[])"
    exceptions = {
        (row["customer_id"], row["system"]): row
        for row in rows(con, f"SELECT * FROM ({EXCEPTIONS}) WHERE customer_id IN ({wanted})", [ids])
    }
    # The ids go inside: after the DISTINCT of LIVE they would come too late to save reading everybody.
    live = set(con.execute(f"{LIVE} WHERE l.customer_id IN ({wanted})", [ids]).fetchall())

    def place(customer_id: str, system: str) -> Row:
        state = IN_SYNC if (customer_id, system) in live else PENDING
        plain = {
            "customer_id": customer_id,
            "system": system,
            "state": state,
            "reason": None,
            "detail": None,
            "since": None,
        }
        return exceptions.get((customer_id, system), plain)

    return {customer_id: [place(customer_id, system) for system in systems] for customer_id in ids}


def records(con: duckdb.DuckDBPyConnection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """(system, record_id) → the record as the view `records` has it, with `readings` (unit → state) and its link.

    Read from the tables themselves: the view would join every record there is before it picks these.
    """
    found: dict[tuple[str, str], Row] = {}
    ids = [record_id for _, record_id in keys]
    for table, columns in (
        ("records", "payload, source_created_at, source_updated_at, first_seen_at, seen_at, deleted_at"),
        ("links", "customer_id, is_primary, matched_on, linked_at"),
        ("normalised", f"{', '.join(COLUMNS)}, readings"),
    ):
        chosen = "record_id IN (SELECT unnest(?::VARCHAR[]))"
        names = [name.strip() for name in columns.split(",")]
        by_key = {
            (row["system"], row["record_id"]): row
            for row in rows(con, f"SELECT system, record_id, {columns} FROM core.{table} WHERE {chosen}", [ids])
        }
        for key in keys:
            row = by_key.get(key, {})
            found.setdefault(key, {"system": key[0], "record_id": key[1]}).update(
                {name: row.get(name) for name in names}
            )
    for row in found.values():
        row["readings"] = {unit: reading[0] for unit, reading in (row["readings"] or {}).items()}
    return found


def titles(con: duckdb.DuckDBPyConnection, customer_ids: Sequence[str]) -> dict[str, str]:
    """customer_id → what to call it on a page."""
    found = con.execute(
        "SELECT customer_id, coalesce(full_name, company, email, phone, vat_number, '') FROM core.customers"
        " WHERE customer_id IN (SELECT unnest(?::VARCHAR[]))",
        [list(customer_ids)],
    ).fetchall()
    return dict(found)


def iso(moment: datetime) -> str:
    """UTC with a Z, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(value: Any, kind: str) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if kind == "JSON" and isinstance(value, str):
        return json.loads(value)
    return value
