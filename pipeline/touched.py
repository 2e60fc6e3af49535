"""The customers that a run has to look at again, each with all that a judgement about it needs.

Reads:      core.links, core.records, core.normalised, core.bases, core.customers, core.held, core.rejects, core.intents, core.decisions,
            core.overrides, core.flips
Writes:     nothing
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb
import msgspec

from mappings.canonical import ABSENT, UNITS, Reading, State, Value, revive
from mappings.transforms.phones import mobile_of
from pipeline import bases
from pipeline.merge import flips
from pipeline.model import Base, Merged, RecordKey, Side
from pipeline.normalise import unpack
from pipeline.recover import UNSETTLED
from pipeline.workspace import System, Workspace
from state.store import relation


class LiveRecord:
    """One record of a touched customer. Payload and base are decoded only when a judgement needs them."""

    def __init__(self, system: System, row: Sequence[Any]) -> None:
        (_, _, self.record_id, self.is_primary, self._payload, self.content_hash, self.changed_at, self.after, self.before,
         self.deleted_at, readings, self._base, self.base_fingerprint) = row  # fmt: skip
        self.system = system
        self.key: RecordKey = (system.name, self.record_id)
        self.readings: dict[str, Reading] = unpack(readings)

    @cached_property
    def payload(self) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(self._payload)
        return decoded

    @cached_property
    def entries(self) -> dict[str, bases.Entry]:
        return msgspec.json.decode(self._base) if self._base else {}

    @cached_property
    def base(self) -> dict[str, Base]:
        return bases.as_bases(self.system, self.entries, self.base_fingerprint) if self._base else {}

    def holds(self, unit: str, value: Value) -> bool:
        """Whether the record already says `value` as well as its system can."""
        reading = self.readings.get(unit, ABSENT)
        if reading.value == value and reading.state is not State.UNCLEAR:
            return True
        return self.system.mapping.holds(unit, value, self.payload, self.system.context)


@dataclass(slots=True)
class Customer:
    """One touched customer with all that a judgement about it needs."""

    customer_id: str
    records: list[LiveRecord]
    gone_from: frozenset[str]
    settled: dict[str, Value] = field(default_factory=dict)
    sources: dict[str, list[Any]] = field(default_factory=dict)
    created_at: datetime | None = None
    known: bool = False
    kept: Any = None
    held: str | None = None
    ignored: bool = False
    overrides: dict[str, Value] = field(default_factory=dict)
    frozen: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()
    """Systems where it was deleted, but somebody edited it elsewhere since: those deletions no longer count."""
    undone: frozenset[str] = frozenset()
    """Systems where `undo` removed what we had created: it is not created again there, nor is that somebody's deletion."""
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)


def load(con: duckdb.DuckDBPyConnection, ws: Workspace, ids: Sequence[str]) -> Iterator[Customer]:
    with relation(con, "chunk", ("customer_id",), [(customer_id,) for customer_id in ids]):
        rows = con.execute(
            """
            SELECT l.customer_id, l.system, l.record_id, l.is_primary, r.payload, r.content_hash, r.source_updated_at, r.changed_after,
                   r.seen_at, r.deleted_at, n.readings, b.units, b.fingerprint
            FROM chunk JOIN core.links l USING (customer_id)
            JOIN core.records r ON r.system = l.system AND r.record_id = l.record_id
            LEFT JOIN core.normalised n ON n.system = l.system AND n.record_id = l.record_id
            LEFT JOIN core.bases b ON b.system = l.system AND b.record_id = l.record_id AND b.customer_id = l.customer_id
            ORDER BY l.customer_id, l.system, l.record_id
            """
        ).fetchall()
        known = {
            row[0]: row[1:]
            for row in con.execute(
                "SELECT customer_id, settled, sources, created_at, merged, updated_at FROM core.customers JOIN chunk USING (customer_id)"
            ).fetchall()
        }
        held = dict(con.execute(
            "SELECT l.customer_id, min(h.review_id) FROM core.held h JOIN core.links l USING (system, record_id)"
            " JOIN chunk USING (customer_id) GROUP BY 1"
        ).fetchall())  # fmt: skip
        refused = _owned(
            con,
            "SELECT customer_id, system, fingerprint, reason FROM core.rejects JOIN chunk USING (customer_id) WHERE stage = 'write'",
        )
        open_intents = f"SELECT customer_id, system FROM core.intents JOIN chunk USING (customer_id) WHERE {UNSETTLED}"  # noqa: S608
        unknown = _owned(con, open_intents)
        overrides = _owned(con, "SELECT customer_id, unit, value FROM core.overrides JOIN chunk USING (customer_id)")
        winners = _owned(
            con,
            "SELECT customer_id, unit, run_no, system, record_id, value FROM core.flips JOIN chunk USING (customer_id) ORDER BY ALL",
        )
        ignored, spared, undone = _ignored(con), _places(con, "edit_beats_delete"), _places(con, "undone")
    by_customer = {customer_id: list(group) for customer_id, group in groupby(rows, key=itemgetter(0))}
    for customer_id in ids:
        customer = _customer(ws, customer_id, by_customer.get(customer_id, []), known.get(customer_id))
        customer.held = "held_for_review" if customer_id in held else None
        customer.ignored = customer_id in ignored
        customer.refused = {system: (mark, reason) for system, mark, reason in refused.get(customer_id, ())}
        customer.unknown = {system for (system,) in unknown.get(customer_id, ())}
        customer.spared = spared.get(customer_id, frozenset())
        customer.undone = undone.get(customer_id, frozenset())
        customer.overrides = {u: revive(u, msgspec.json.decode(v)) for u, v in overrides.get(customer_id, ())}
        customer.frozen = _frozen(customer, winners.get(customer_id, []))
        yield customer


def _owned(con: duckdb.DuckDBPyConnection, sql: str) -> dict[str, list[Sequence[Any]]]:
    """customer_id (the first column) → the rest of its rows, in their order."""
    owned: dict[str, list[Sequence[Any]]] = {}
    for owner, *rest in con.execute(sql).fetchall():
        owned.setdefault(owner, []).append(rest)
    return owned


def _customer(ws: Workspace, customer_id: str, rows: Sequence[Sequence[Any]], known: Sequence[Any] | None) -> Customer:
    records = [LiveRecord(ws.systems[row[1]], row) for row in rows if row[1] in ws.systems]
    live = [record for record in records if record.deleted_at is None]
    gone_from = {record.system.name for record in records} - {record.system.name for record in live}
    customer = Customer(customer_id, live, frozenset(gone_from))
    if known is not None:
        settled, sources, created_at, merged, updated_at = known
        customer.settled = {u: revive(u, v) for u, v in msgspec.json.decode(settled).items()} if settled else {}
        customer.sources = msgspec.json.decode(sources) if sources else {}
        customer.created_at, customer.known, customer.kept = created_at, True, (merged, updated_at)
    return customer


def _ignored(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Customers that people decided to leave alone."""
    rows = con.execute(
        "SELECT json_extract_string(subject, '$.customer_id') FROM core.decisions WHERE kind = 'ignore'"
    ).fetchall()
    return frozenset(customer_id for (customer_id,) in rows if customer_id)


def _places(con: duckdb.DuckDBPyConnection, kind: str) -> dict[str, frozenset[str]]:
    """Customer → systems that decisions of this kind name: `edit_beats_delete` (an edit has beaten the deletion there, architecture,
    section 7) or `undone`."""
    rows = con.execute(
        "SELECT json_extract_string(subject, '$.customer_id'), json_extract_string(subject, '$.system') FROM core.decisions"
        " WHERE kind = ?",
        [kind],
    ).fetchall()
    places: dict[str, frozenset[str]] = {}
    for customer_id, system in rows:
        places[customer_id] = places.get(customer_id, frozenset()) | {system}
    return places


def is_edited(record: LiveRecord) -> bool:
    """Whether somebody changed a unit of the record since its base."""
    return any(
        unit in record.base and not record.readings.get(unit, ABSENT).same(record.base[unit].seen)
        for unit in UNITS
        if unit in record.readings
    )


def mobile(customer: Customer, merged: Merged) -> str | None:
    """The merged phone as a match key: not where the record it came from has an extension."""
    phone = merged.values.get("phone")
    if not isinstance(phone, str):
        return None
    source = merged.sources.get("phone")
    for record in customer.records:
        if record.key == source and record.readings.get("phone", ABSENT).value == phone:
            mobile = record.readings.get("mobile")
            return mobile.value if mobile and isinstance(mobile.value, str) else None
    return mobile_of(phone)


def _frozen(customer: Customer, winners: Sequence[Sequence[Any]]) -> frozenset[str]:
    """Units that went back and forth between two systems on three successive runs, until somebody says something else there."""
    frozen = set()
    for unit, group in groupby(winners, key=itemgetter(0)):
        last = list(group)[-3:]
        numbers = [run_no for _, run_no, *_ in last]
        said = [
            ((system, record_id), revive(unit, msgspec.json.decode(value))) for _, _, system, record_id, value in last
        ]
        if numbers[-1] - numbers[0] != len(numbers) - 1 or not flips(said):
            continue
        readings = [record.readings.get(unit, ABSENT) for record in customer.records]
        if all(reading.value is None or reading.value in [value for _, value in said] for reading in readings):
            frozen.add(unit)
    return frozenset(frozen)


def side_of(ws: Workspace, record: LiveRecord) -> Side:
    has_stamps = record.system.connector.capabilities.stamps
    return Side(
        record.key, record.readings, record.base, record.changed_at if has_stamps else None, record.after, record.before,
        rank_of(ws, record.system.name), record.holds,
    )  # fmt: skip


def rank_of(ws: Workspace, system: str) -> int:
    """The system's place in `merge.prefer`; those not named come after, in the order of the configuration."""
    order = [*ws.config.merge.prefer, *(name for name in ws.systems if name not in ws.config.merge.prefer)]
    return order.index(system)
