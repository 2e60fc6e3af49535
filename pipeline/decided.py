"""What was decided about customers becomes rows: what they should be, what is to be done, and what will then be agreed.

Reads:      nothing but its arguments
Writes:     core.customers, core.conflicts, core.verdicts, core.plan, core.pending_bases, core.decisions
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import msgspec

from mappings.canonical import COLUMNS, UNIT_COLUMNS, plain
from pipeline import bases
from pipeline.merge import next_base
from pipeline.model import Conflict, Merged, Verdict
from pipeline.normalise import value_columns
from pipeline.touched import Customer, is_edited, mobile, side_of
from pipeline.workspace import Workspace, canonical_json
from state.store import append, relation

_CUSTOMER_COLUMNS = ("customer_id", *COLUMNS, "merged", "sources", "settled", "created_at", "updated_at")


@dataclass(frozen=True, slots=True)
class Result:
    """One customer with its judgement: `merged` is None when no record of it is left."""

    customer: Customer
    merged: Merged | None
    verdicts: Sequence[Verdict] = ()


def keep(con: duckdb.DuckDBPyConnection, ws: Workspace, results: Sequence[Result]) -> None:
    """Replace the customers' rows, and add their verdicts, changes and pending bases."""
    ids = [(result.customer.customer_id,) for result in results]
    with relation(con, "chunk", ("customer_id",), ids):
        con.execute("DELETE FROM core.customers WHERE customer_id IN (SELECT customer_id FROM chunk)")
        con.execute(
            "DELETE FROM core.conflicts WHERE run_id = ? AND customer_id IN (SELECT customer_id FROM chunk)",
            [ws.run_id],
        )
    _spare_edited(con, ws, results)
    append(
        con, "core.customers", _CUSTOMER_COLUMNS, [_customer_row(ws, r.customer, r.merged) for r in results if r.merged]
    )
    append(
        con, "core.verdicts", ("run_id", "pass", "customer_id", "system", "outcome", "reason", "detail"),
        [(ws.run_id, ws.round, v.customer_id, v.system, v.outcome, v.reason, v.detail) for r in results for v in r.verdicts],
    )  # fmt: skip
    append(
        con, "core.plan", ("run_id", "system", "record_id", "customer_id", "operation", "fields", "paths", "units", "reason", "based_on"),
        [_plan_row(ws, r.merged, v) for r in results if r.merged for v in r.verdicts if v.change],
    )  # fmt: skip
    append(
        con,
        "core.pending_bases",
        bases.BASES,
        [row for r in results if r.merged for row in _pending(ws, r.customer, r.merged)],
    )
    append(
        con, "core.conflicts", ("customer_id", "field", "candidates", "chosen_system", "policy", "run_id", "at"),
        [
            (r.customer.customer_id, c.unit, _candidates(c), c.chosen[0] if c.chosen else None, c.policy, ws.run_id, ws.now())
            for r in results if r.merged for c in r.merged.conflicts
        ],
    )  # fmt: skip


def _candidates(conflict: Conflict) -> str:
    """Who said what, as the view `conflicts` shows it."""
    return canonical_json(
        [{"system": s, "record_id": r, "value": plain(value)} for (s, r), value in conflict.candidates]
    )


def _customer_row(ws: Workspace, customer: Customer, merged: Merged) -> tuple[Any, ...]:
    now = ws.now()
    values = canonical_json({unit: plain(value) for unit, value in merged.values.items() if value is not None})
    updated_at = customer.kept[1] if customer.kept and customer.kept[0] == values else now
    settled = (
        canonical_json({unit: plain(value) for unit, value in customer.settled.items()}) if customer.settled else None
    )
    return (
        customer.customer_id, *value_columns(merged.values, mobile(customer, merged)), values, canonical_json(_sources(customer, merged)),
        settled, customer.created_at or now, updated_at,
    )  # fmt: skip


def _sources(customer: Customer, merged: Merged) -> dict[str, list[Any]]:
    """unit → [system, record_id, since]: `since` stays while value and source stay."""
    kept = msgspec.json.decode(customer.kept[0]) if customer.kept and customer.kept[0] else {}
    records = {record.key: record for record in customer.records}
    sources: dict[str, list[Any]] = {}
    for unit, key in merged.sources.items():
        known = customer.sources.get(unit)
        if known and (known[0], known[1]) == key and kept.get(unit) == plain(merged.values[unit]):
            sources[unit] = known
            continue
        record = records.get(key)
        at = (record.changed_at or record.before) if record else None
        sources[unit] = [key[0], key[1], at.isoformat() if at else None]
    return sources


def _plan_row(ws: Workspace, merged: Merged, verdict: Verdict) -> tuple[Any, ...]:
    change = verdict.change
    assert change is not None
    unit_of = {column: unit for unit, columns in UNIT_COLUMNS.items() for column in columns}
    units = sorted({unit_of[column] for column in change.fields if column in unit_of})
    return (
        ws.run_id, change.system, change.record_id, change.customer_id, change.operation,
        canonical_json({k: list(v) for k, v in change.fields.items()}), canonical_json({k: list(v) for k, v in change.paths.items()}),
        canonical_json({unit: plain(merged.values.get(unit)) for unit in units}), change.reason, change.based_on,
    )  # fmt: skip


def _pending(ws: Workspace, customer: Customer, merged: Merged) -> Iterator[tuple[Any, ...]]:
    """Each record's bases as they will be once this run is settled (`merge.next_base`), where they move."""
    if merged.held:
        return
    for record in customer.records:
        entries = dict(record.entries)
        for unit, base in next_base(side_of(ws, record), merged).items():
            if unit in record.readings:
                entries[unit] = bases.entry(record.system, record.payload, unit, base.seen, base.agreed, base.differs)
        if entries != record.entries or record.base_fingerprint != record.system.fingerprint:
            yield (
                record.system.name, record.record_id, customer.customer_id, bases.pack_entries(entries),
                record.system.fingerprint, ws.run_id,
            )  # fmt: skip


def _spare_edited(con: duckdb.DuckDBPyConnection, ws: Workspace, results: Sequence[Result]) -> None:
    """Remember that an edit has beaten a deletion: the edit is over by the next run, and the deletion must not win then."""
    for result in results:
        customer = result.customer
        fresh = customer.gone_from - customer.spared
        if fresh and any(is_edited(record) for record in customer.records):
            for system in sorted(fresh):
                subject = canonical_json({"customer_id": customer.customer_id, "system": system})
                row = [f"{customer.customer_id}:{system}:spared", "edit_beats_delete", subject, ws.now(), ws.run_id]
                con.execute("INSERT INTO core.decisions VALUES (?, ?, ?, ?, ?)", row)


def number_plan(con: duckdb.DuckDBPyConnection) -> None:
    """Canonical order, the same as `plan.in_order`."""
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE numbered AS
        SELECT * REPLACE (row_number() OVER (
            ORDER BY system, list_position(['update', 'restore', 'create', 'delete'], operation), customer_id, record_id
        ) AS position)
        FROM core.plan
        """
    )
    con.execute("DELETE FROM core.plan")
    con.execute("INSERT INTO core.plan SELECT * FROM numbered")
    con.execute("DROP TABLE numbered")
