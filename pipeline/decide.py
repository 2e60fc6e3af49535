"""What each touched customer should be, and what that takes in each system: merge and plan, chunk by chunk.

Reads:      core.touched, core.links, core.records, core.normalised, core.bases, core.customers, and people's decisions
Writes:     core.customers, core.conflicts, core.verdicts, core.plan, core.pending_bases
Guarantees: the judgement is `merge` and `plan_customer`, both pure; here is only what they need and what comes of it. Nothing here is an
            agreement yet: bases and settled values move in `record.settle`, after the plan was carried out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb
import msgspec

from mappings.canonical import ABSENT, COLUMNS, UNIT_COLUMNS, Reading, State, Value, plain, revive
from mappings.transforms.phones import mobile_of
from pipeline import bases, phones
from pipeline.apply import fingerprint as write_fingerprint
from pipeline.merge import merge, next_base
from pipeline.model import Base, Conflict, Merged, RecordKey, Side, Target, Verdict
from pipeline.normalise import unpack, value_columns
from pipeline.plan import Present, plan_customer
from pipeline.recover import UNSETTLED
from pipeline.workspace import System, Workspace, canonical_json, digest
from state.store import append, relation

CHUNK = 2000
NOT_YET = (
    "unreachable",
    "not_pulled",
    "not_selected",
    "unknown",
    "unsent",
    "moved",
    "found_there",
    "not_confirmed",
    "gone",
)
"""Reasons why a customer stays touched: a later run has still something to do for it."""

_CUSTOMER_COLUMNS = ("customer_id", *COLUMNS, "merged", "sources", "settled", "created_at", "updated_at")


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
    refused: dict[str, tuple[str, str]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)


class _Writer:
    """One system's mapping as planning sees it."""

    def __init__(self, system: System) -> None:
        mapping = system.mapping
        self.units, self.writable = mapping.units, mapping.writable
        self.put = partial(_put, mapping, system.context)
        self.missing = partial(_missing, mapping, system.context)
        self.read = partial(_read, mapping, system.context)

    @staticmethod
    def at(payload: Mapping[str, Any] | None, path: str) -> Any:
        """The raw value at a dotted path, None where there is none."""
        value: Any = payload
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


def _put(mapping: Any, context: Any, values: Mapping[str, Value], payload: Any) -> dict[str, Any]:
    result: dict[str, Any] = mapping.put(values, payload, context)
    return result


def _missing(mapping: Any, context: Any, values: Mapping[str, Value]) -> tuple[str, str] | None:
    result: tuple[str, str] | None = mapping.missing(values, context)
    return result


def _read(mapping: Any, context: Any, payload: Any) -> dict[str, Reading]:
    result: dict[str, Reading] = mapping.read(payload, context)
    return result


def decide(ws: Workspace) -> None:
    """Merge and plan every touched customer. The plan is in core.plan, in canonical order; the same state gives the same plan."""
    _touch_all_if_policy_changed(ws)
    phones.touch_freed(ws)
    targets = _targets(ws)
    writers = {name: _Writer(system) for name, system in ws.systems.items()}
    with ws.store.transaction() as con:
        con.execute("DELETE FROM core.plan")
        con.execute("DELETE FROM core.pending_bases")
    last = ""
    while ids := [row[0] for row in ws.store.rows(
        "SELECT DISTINCT customer_id FROM core.touched WHERE customer_id > ? ORDER BY 1 LIMIT ?", [last, CHUNK]
    )]:  # fmt: skip
        last = ids[-1]
        with ws.store.transaction() as con:
            merged = [_merge_one(ws, customer) for customer in _load(con, ws, ids)]
            taken = phones.taken(
                con, ws, {r.customer.customer_id: r.merged.values.get("phone") for r in merged if r.merged}
            )
            _keep(con, ws, [_plan_one(ws, result, targets, writers, taken) for result in merged])
    with ws.store.transaction() as con:
        phones.one_create_each(con, ws)
        _number_plan(con)


@dataclass(frozen=True, slots=True)
class _Result:
    customer: Customer
    merged: Merged | None
    verdicts: Sequence[Verdict] = ()


def _merge_one(ws: Workspace, customer: Customer) -> _Result:
    if not customer.records:
        return _Result(customer, None)
    merged = merge(
        [_side(ws, record) for record in customer.records],
        customer.settled,
        ws.config.merge.conflict,
        customer.overrides,
        {unit: (source[0], source[1]) for unit, source in customer.sources.items()},
        settled_since={u: datetime.fromisoformat(source[2]) for u, source in customer.sources.items() if source[2]},
    )
    return _Result(customer, merged)


def _plan_one(
    ws: Workspace,
    result: _Result,
    targets: Mapping[str, Target],
    writers: Mapping[str, _Writer],
    taken: Collection[tuple[str, str]],
) -> _Result:
    customer, merged = result.customer, result.merged
    if merged is None:
        verdicts = [
            Verdict(
                customer.customer_id,
                name,
                "excluded",
                "deleted_there" if name in customer.gone_from else "deleted_elsewhere",
            )
            for name in ws.systems
        ]
        return _Result(customer, None, verdicts)
    has_key = bool(merged.values.get("email") or merged.values.get("vat_number") or _mobile(customer, merged))
    primaries = {record.system.name: record for record in customer.records if record.is_primary}
    edited = any(_is_edited(record) for record in customer.records)
    verdicts = []
    for name, target in targets.items():
        record = primaries.get(name)
        present = None if record is None else Present(
            record.record_id, record.payload, record.content_hash, record.readings, _has_balance(ws.systems[name], record.payload)
        )  # fmt: skip
        for_target = merged
        if record and (name, customer.customer_id) in taken and not record.holds("phone", merged.values.get("phone")):
            for_target = replace(merged, differs={**merged.differs, (record.key, "phone"): "phone_taken"})
        verdict = plan_customer(
            customer.customer_id, for_target, target, present,
            writer=writers[name], has_key=has_key, deleted_there=name in customer.gone_from,
            deleted_elsewhere=sorted(customer.gone_from - {name}), held=customer.held, ignored=customer.ignored,
            edited=edited,
        )  # fmt: skip
        if verdict.outcome == "create" and (name, customer.customer_id) in taken:
            verdict = Verdict(customer.customer_id, name, "excluded", "phone_taken")
        verdicts.append(_unless_blocked(customer, verdict))
    return _Result(customer, merged, verdicts)


def _unless_blocked(customer: Customer, verdict: Verdict) -> Verdict:
    """A change whose last outcome is unknown waits for that; one that was refused and has not changed since is not sent again."""
    change = verdict.change
    if change is None:
        return verdict
    if verdict.system in customer.unknown:
        return Verdict(customer.customer_id, verdict.system, "held", "unknown")
    refused = customer.refused.get(verdict.system)
    if refused and refused[0] == write_fingerprint(change.operation, change.record_id, change.paths):
        return Verdict(customer.customer_id, verdict.system, "excluded", refused[1])
    return verdict


def _side(ws: Workspace, record: LiveRecord) -> Side:
    has_stamps = record.system.connector.capabilities.stamps
    return Side(
        record.key, record.readings, record.base, record.changed_at if has_stamps else None, record.after, record.before,
        rank_of(ws, record.system.name), record.holds,
    )  # fmt: skip


def rank_of(ws: Workspace, system: str) -> int:
    """The system's place in `merge.prefer`; those not named come after, in the order of the configuration."""
    order = [*ws.config.merge.prefer, *(name for name in ws.systems if name not in ws.config.merge.prefer)]
    return order.index(system)


def _is_edited(record: LiveRecord) -> bool:
    return any(
        unit in record.base and not reading.same(record.base[unit].seen) for unit, reading in record.readings.items()
    )


def _has_balance(system: System, payload: Mapping[str, Any]) -> bool:
    amounts = (_Writer.at(payload, path) for path in system.connector.capabilities.balances)
    return any(amount not in (None, 0, 0.0, "", "0", "0.0", "0.00") for amount in amounts)


def _mobile(customer: Customer, merged: Merged) -> str | None:
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


def _targets(ws: Workspace) -> dict[str, Target]:
    complete = {
        name for (name,) in ws.store.rows("SELECT system FROM core.systems WHERE last_full_scan_at IS NOT NULL")
    }
    working = {system.name for system in ws.working()}
    return {
        name: Target(
            system=name,
            access=system.settings.access,
            create=system.settings.create,
            only=system.settings.only.values(),
            deletes=system.settings.deletes,
            complete=name in complete,
            paused=system.settings.paused,
            reachable=name in working and system.pulled is not None,
        )
        for name, system in ws.systems.items()
    }


def _touch_all_if_policy_changed(ws: Workspace) -> None:
    """A system that is new, or may be written differently now, concerns every customer."""
    policy = digest(
        [ws.config.merge.model_dump(mode="json")]
        + [
            [
                s.name,
                s.settings.access,
                s.settings.create,
                s.settings.only.values(),
                s.settings.deletes,
                s.settings.paused,
                s.fingerprint,
            ]
            for s in sorted(ws.systems.values(), key=lambda s: s.name)
        ]
    )
    with ws.store.transaction() as con:
        if con.execute("SELECT value FROM core.meta WHERE key = 'policy'").fetchall() == [(policy,)]:
            return
        con.execute("DELETE FROM core.meta WHERE key = 'policy'")
        con.execute("INSERT INTO core.meta VALUES ('policy', ?)", [policy])
        con.execute("INSERT INTO core.touched SELECT DISTINCT customer_id, ?, 'policy' FROM core.links", [ws.run_id])


def _load(con: duckdb.DuckDBPyConnection, ws: Workspace, ids: Sequence[str]) -> Iterator[Customer]:
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
        refused = con.execute(
            "SELECT customer_id, system, fingerprint, reason FROM core.rejects JOIN chunk USING (customer_id) WHERE stage = 'write'"
        ).fetchall()
        unknown = con.execute(
            f"SELECT customer_id, system FROM core.intents JOIN chunk USING (customer_id) WHERE {UNSETTLED}"  # noqa: S608
        ).fetchall()
        ignored = _ignored(con)
    by_customer = {customer_id: list(group) for customer_id, group in groupby(rows, key=itemgetter(0))}
    for customer_id in ids:
        customer = _customer(ws, customer_id, by_customer.get(customer_id, []), known.get(customer_id))
        customer.held = "held_for_review" if customer_id in held else None
        customer.ignored = customer_id in ignored
        customer.refused = {system: (mark, reason) for owner, system, mark, reason in refused if owner == customer_id}
        customer.unknown = {system for owner, system in unknown if owner == customer_id}
        yield customer


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


def _keep(con: duckdb.DuckDBPyConnection, ws: Workspace, results: Sequence[_Result]) -> None:
    """Replace the customers' rows, and add their verdicts, changes and pending bases."""
    ids = [(result.customer.customer_id,) for result in results]
    with relation(con, "chunk", ("customer_id",), ids):
        con.execute("DELETE FROM core.customers WHERE customer_id IN (SELECT customer_id FROM chunk)")
        con.execute(
            "DELETE FROM core.conflicts WHERE run_id = ? AND customer_id IN (SELECT customer_id FROM chunk)",
            [ws.run_id],
        )
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
        customer.customer_id, *value_columns(merged.values, _mobile(customer, merged)), values, canonical_json(_sources(customer, merged)),
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
        for unit, base in next_base(_side(ws, record), merged).items():
            if unit in record.readings:
                entries[unit] = bases.entry(record.system, record.payload, unit, base.seen, base.agreed, base.differs)
        if entries != record.entries or record.base_fingerprint != record.system.fingerprint:
            yield (
                record.system.name, record.record_id, customer.customer_id, bases.pack_entries(entries),
                record.system.fingerprint, ws.run_id,
            )  # fmt: skip


def _number_plan(con: duckdb.DuckDBPyConnection) -> None:
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
