"""What each touched customer should be, and what that takes in each system: merge and plan, chunk by chunk.

Reads:      core.touched, core.links, core.records, core.normalised, core.bases, core.customers, and people's decisions
Writes:     core.customers, core.conflicts, core.verdicts, core.plan, core.pending_bases
Guarantees: the judgement is `merge` and `plan_customer`, both pure; here is only what they need and what comes of it. Nothing here is an
            agreement yet: bases and settled values move in `record.settle`, after the plan was carried out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mappings.canonical import Reading, Value
from pipeline import phones
from pipeline.apply import fingerprint as write_fingerprint
from pipeline.decided import Result, keep, number_plan
from pipeline.merge import merge
from pipeline.model import Target, Verdict
from pipeline.plan import Present, plan_customer
from pipeline.touched import Customer, is_edited, load, mobile, side_of
from pipeline.workspace import System, Workspace, digest

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


class _Writer:
    """One system's mapping, bound to its context, as planning sees it (`plan.Writer`)."""

    def __init__(self, system: System) -> None:
        self._mapping, self._context = system.mapping, system.context
        self.units, self.writable = system.mapping.units, system.mapping.writable

    def put(self, values: Mapping[str, Value], payload: Mapping[str, Any] | None) -> dict[str, Any]:
        return self._mapping.put(values, payload, self._context)

    def missing(self, values: Mapping[str, Value]) -> tuple[str, str] | None:
        return self._mapping.missing(values, self._context)

    def read(self, payload: Mapping[str, Any]) -> dict[str, Reading]:
        return self._mapping.read(payload, self._context)

    @staticmethod
    def at(payload: Mapping[str, Any] | None, path: str) -> Any:
        return value_at(payload, path)


def value_at(payload: Mapping[str, Any] | None, path: str) -> Any:
    """The raw value at a dotted path, None where there is none."""
    value: Any = payload
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


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
            merged = [_merge_one(ws, customer) for customer in load(con, ws, ids)]
            taken = phones.taken(
                con, ws, {r.customer.customer_id: r.merged.values.get("phone") for r in merged if r.merged}
            )
            keep(con, ws, [_plan_one(ws, result, targets, writers, taken) for result in merged])
    with ws.store.transaction() as con:
        phones.one_create_each(con, ws)
        number_plan(con)


def _merge_one(ws: Workspace, customer: Customer) -> Result:
    if not customer.records:
        return Result(customer, None)
    merged = merge(
        [side_of(ws, record) for record in customer.records],
        customer.settled,
        ws.config.merge.conflict,
        customer.overrides,
        {unit: (source[0], source[1]) for unit, source in customer.sources.items()},
        frozen=customer.frozen,
        settled_since={u: datetime.fromisoformat(source[2]) for u, source in customer.sources.items() if source[2]},
    )
    return Result(customer, merged)


def _plan_one(
    ws: Workspace,
    result: Result,
    targets: Mapping[str, Target],
    writers: Mapping[str, _Writer],
    taken: Collection[tuple[str, str]],
) -> Result:
    customer, merged = result.customer, result.merged
    if merged is None:
        verdicts = [
            Verdict(
                customer.customer_id,
                name,
                "excluded",
                "undone"
                if name in customer.undone
                else "deleted_there"
                if name in customer.gone_from
                else "deleted_elsewhere",
            )
            for name in ws.systems
        ]
        return Result(customer, None, verdicts)
    has_key = bool(merged.values.get("email") or merged.values.get("vat_number") or mobile(customer, merged))
    primaries = {record.system.name: record for record in customer.records if record.is_primary}
    edited = any(is_edited(record) for record in customer.records)
    verdicts = []
    for name, target in targets.items():
        record = primaries.get(name)
        present = None if record is None else Present(
            record.record_id, record.payload, record.content_hash, record.readings, has_balance(ws.systems[name], record.payload)
        )  # fmt: skip
        for_target = merged
        if record and (name, customer.customer_id) in taken and not record.holds("phone", merged.values.get("phone")):
            for_target = replace(merged, differs={**merged.differs, (record.key, "phone"): "phone_taken"})
        verdict = plan_customer(
            customer.customer_id, for_target, target, present,
            writer=writers[name], has_key=has_key, deleted_there=name in customer.gone_from,
            deleted_elsewhere=sorted(customer.gone_from - customer.spared - customer.undone - {name}),
            held=customer.held, ignored=customer.ignored,
            edited=edited,
        )  # fmt: skip
        if record is None and name in customer.undone and not customer.ignored:
            verdict = Verdict(customer.customer_id, name, "excluded", "undone")
        if verdict.outcome == "create" and (name, customer.customer_id) in taken:
            verdict = Verdict(customer.customer_id, name, "excluded", "phone_taken")
        verdicts.append(_unless_blocked(customer, verdict))
    return Result(customer, merged, verdicts)


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


def has_balance(system: System, payload: Mapping[str, Any]) -> bool:
    """Whether money or points are still on a record: it is never deleted by us then."""
    amounts = (value_at(payload, path) for path in system.connector.capabilities.balances)
    return any(amount not in (None, 0, 0.0, "", "0", "0.0", "0.00") for amount in amounts)


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
