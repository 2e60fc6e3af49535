"""A plan becomes writes: the only step that changes anything in a system.

Reads:      core.plan (the changes to make), core.records
Writes:     core.intents before a request leaves and again after its answer; then records, links and bases of what was accepted
Guarantees: an intent is durable before its request is sent (law 5); what a system returned is staged at once, so that our own write is
            not tomorrow's change; a base moves only for the units a system accepted; nothing is sent for a system in trouble.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Any

import duckdb

from connectors.base import Gone, Operation, Record, Write, WriteResult
from connectors.errors import ConnectorError, Refused, Unreachable
from mappings.canonical import ABSENT, UNITS, Reading, State, Value, plain, revive
from pipeline import bases, stage
from pipeline.normalise import put_normalised
from pipeline.progress import Progress
from pipeline.workspace import System, Workspace, canonical_json, digest
from state.store import append, relation

INTENTS = (
    "intent_id", "run_id", "system", "record_id", "customer_id", "operation", "fields", "paths", "units", "status", "attempts", "sent_at",
)  # fmt: skip
UNDO = "undo"
"""The command whose writes put back what another run wrote."""
SLICE = 16
"""Writes whose intents become durable together, at least: fewer durable steps, and a crash leaves no more than these to look up."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One row of core.plan with the record it was planned on."""

    system: str
    record_id: str | None
    customer_id: str
    operation: Operation
    fields: dict[str, list[Any]]
    paths: dict[str, list[Any]]
    units: dict[str, Value]
    payload: dict[str, Any] | None
    undoes: bool = False
    """Whether it puts back what an earlier run wrote: the record and its customer then agree to differ."""

    @property
    def fingerprint(self) -> str:
        """The same write again has the same one: what a system refused is not sent again until something about it changed."""
        return fingerprint(self.operation, self.record_id, self.paths)


def fingerprint(operation: str, record_id: str | None, paths: Any) -> str:
    """Identifies a write by what it would do: operation, record, and every path's value before and after."""
    return digest([operation, record_id, {path: list(pair) for path, pair in paths.items()}])


def apply(ws: Workspace, progress: Progress, stop: Event) -> None:
    """Carry out core.plan, all systems at once, each in slices within its own pace. Outcomes go to the ledger and core.verdicts."""
    systems = ws.working()
    if not systems:
        return
    with ThreadPoolExecutor(max_workers=len(systems), thread_name_prefix="apply") as pool:
        list(pool.map(lambda system: _apply_system(ws, system, progress, stop), systems))


def _apply_system(ws: Workspace, system: System, progress: Progress, stop: Event) -> None:
    total = ws.store.value("SELECT count(*) FROM core.plan WHERE system = ?", [system.name])
    done = 0
    with ThreadPoolExecutor(
        max_workers=system.connector.capabilities.concurrency, thread_name_prefix=f"write-{system.name}"
    ) as pool:
        for part in _slices(ws, system):
            if stop.is_set():
                return
            try:
                _apply_slice(ws, system, part, pool)
            except ConnectorError as error:  # a look-up failed: nothing of this slice was sent
                system.problem = error
            if system.problem is not None:
                return
            done += len(part)
            progress.writing(system.name, done=done, total=total)


def _slices(ws: Workspace, system: System) -> Iterator[list[Planned]]:
    capabilities = system.connector.capabilities
    size = max(SLICE, capabilities.batch_size * capabilities.concurrency)
    position = -1
    while rows := ws.store.rows(
        "SELECT p.position, p.record_id, p.customer_id, p.operation, p.fields, p.paths, p.units, r.payload FROM core.plan p"
        " LEFT JOIN core.records r ON r.system = p.system AND r.record_id = p.record_id"
        " WHERE p.system = ? AND p.position > ? ORDER BY p.position LIMIT ?",
        [system.name, position, size],
    ):
        position = rows[-1][0]
        yield [
            Planned(
                system.name,
                record_id,
                customer_id,
                operation,
                json.loads(fields),
                json.loads(paths),
                {unit: revive(unit, value) for unit, value in json.loads(units).items()},
                None if payload is None else json.loads(payload),
                undoes=ws.command == UNDO,
            )
            for _, record_id, customer_id, operation, fields, paths, units, payload in rows
        ]


def _apply_slice(ws: Workspace, system: System, part: list[Planned], pool: ThreadPoolExecutor) -> None:
    """Look up what is to be created, make the intents durable, write, and make the outcomes durable."""
    wanted = _not_there_yet(ws, system, part, pool)
    intents = {f"{uuid.uuid4()}": planned for planned in wanted}
    with ws.store.transaction() as con:
        now = ws.now()
        append(con, "core.intents", INTENTS, [_intent_row(ws, key, planned, now) for key, planned in intents.items()])
    writes = [_write(system, key, planned) for key, planned in intents.items()]
    size = system.connector.capabilities.batch_size
    batches = [writes[start : start + size] for start in range(0, len(writes), size)]
    results = [result for answers in pool.map(lambda batch: _send(system, batch), batches) for result in answers]
    _read_back(system, intents, results)
    with ws.store.transaction() as con:
        _record_outcomes(con, ws, system, intents, results)


def _intent_row(ws: Workspace, key: str, planned: Planned, now: Any) -> tuple[Any, ...]:
    units = {unit: plain(value) for unit, value in planned.units.items()}
    return (
        key, ws.run_id, planned.system, planned.record_id, planned.customer_id, planned.operation, canonical_json(planned.fields),
        canonical_json(planned.paths), canonical_json(units), "sending", 0, now,
    )  # fmt: skip


def _write(system: System, key: str, planned: Planned) -> Write:
    return Write(
        key=key,
        operation=planned.operation,
        record_id=planned.record_id,
        fields={path: after for path, (_, after) in planned.paths.items()},
        present=planned.payload,
        watched=system.mapping.paths,
        reference=planned.customer_id,
    )


def _send(system: System, batch: Sequence[Write]) -> list[WriteResult]:
    """One `write` call. Once the system is known to be in trouble nothing more is sent; what was not sent stays planned."""
    if system.problem is not None:
        return [WriteResult(write.key, "unsent", attempts=0) for write in batch]
    try:
        return system.connector.write(batch)
    except (Unreachable, Refused) as error:
        system.problem = error
        return [WriteResult(write.key, "unsent", attempts=0) for write in batch]


def _not_there_yet(ws: Workspace, system: System, part: list[Planned], pool: ThreadPoolExecutor) -> list[Planned]:
    """Drop the creates whose customer turns out to be there already: what was found is staged, matched and planned again.

    A complete walk in this run is proof enough; otherwise the system is asked by every key it can be asked by (law 5).
    """
    if system.pulled is not None and system.pulled.full:
        return part
    found = list(pool.map(lambda planned: look_up(system, planned) if planned.operation == "create" else [], part))
    unknown = [[record for record in records if not _is_known(ws, system, record)] for records in found]
    with ws.store.transaction() as con:
        stage.stage_fresh(con, ws, system, [record for records in unknown for record in records])
        found_there = [
            (p.customer_id, "held", "found_there") for p, records in zip(part, unknown, strict=True) if records
        ]
        set_verdicts(con, ws, system.name, found_there)
    return [planned for planned, records in zip(part, unknown, strict=True) if not records]


def look_up(system: System, planned: Planned) -> list[Record]:
    """Every record of the system that may be the customer we are about to create, asked for by each key the system can find by."""
    asked: dict[Any, Any] = {"reference": planned.customer_id} | {
        key: planned.units.get(key) for key in ("email", "phone", "vat_number")
    }
    found: dict[str, Record] = {}
    for key in sorted(system.connector.capabilities.find_by):
        if asked[key]:
            found.update((record.record_id, record) for record in system.connector.find(key, asked[key]))
    return list(found.values())


def _is_known(ws: Workspace, system: System, record: Record) -> bool:
    """Whether the store already has this record, as it is: then matching has already decided about it."""
    deleted_at = ws.store.rows(
        "SELECT deleted_at IS NOT NULL FROM core.records WHERE system = ? AND record_id = ?",
        [system.name, record.record_id],
    )
    return bool(deleted_at) and deleted_at[0][0] == (record.deleted_at is not None)


def _read_back(system: System, intents: dict[str, Planned], results: list[WriteResult]) -> None:
    """A write that was accepted without showing what is stored now: read it, or leave it unknown."""
    for position, result in enumerate(results):
        planned = intents[result.key]
        if result.status != "done" or planned.operation == "delete" or result.record is not None:
            continue
        fresh: Record | Gone | None = None
        if planned.record_id is not None:
            try:
                fresh = system.connector.get(planned.record_id)
            except ConnectorError:
                fresh = None
        if isinstance(fresh, Record):
            results[position] = WriteResult(
                result.key, "done", fresh, http_status=result.http_status, attempts=result.attempts
            )
        else:
            results[position] = WriteResult(
                result.key, "unknown", http_status=result.http_status, attempts=result.attempts
            )


def _record_outcomes(
    con: duckdb.DuckDBPyConnection,
    ws: Workspace,
    system: System,
    intents: dict[str, Planned],
    results: Sequence[WriteResult],
) -> None:
    """What became of each write: ledger, records, links, bases and verdicts, in one durable step."""
    finish_intents(con, ws, results)
    accepted = [(intents[r.key], r.record) for r in results if r.status == "done" and r.record is not None]
    not_taken = take_in(con, ws, system, accepted)
    removed = [intents[r.key] for r in results if r.status == "done" and intents[r.key].operation == "delete"]
    vanished = [intents[r.key] for r in results if r.status == "gone"]
    stage.mark_deleted(con, ws, system.name, [p.record_id for p in (*removed, *vanished) if p.record_id is not None])
    stage.stage_fresh(con, ws, system, [r.record for r in results if r.status == "moved" and r.record is not None])
    _keep_refusals(con, ws, intents, [r for r in results if r.status == "refused"])
    set_verdicts(con, ws, system.name, [_verdict(intents[result.key], result, not_taken) for result in results])


def _verdict(planned: Planned, result: WriteResult, not_taken: Collection[str]) -> tuple[str, str, str]:
    """(customer_id, outcome, reason) of one write."""
    match result.status:
        case "done":
            done = {"create": "created", "update": "updated", "delete": "deleted", "restore": "updated"}
            reason = "not_taken" if planned.customer_id in not_taken else ""
            return planned.customer_id, done[planned.operation], reason
        case "refused":
            return planned.customer_id, "failed", result.reason or "refused"
        case "unknown":
            return planned.customer_id, "failed", "unknown"
        case status:
            return planned.customer_id, "held", status


def finish_intents(con: duckdb.DuckDBPyConnection, ws: Workspace, results: Sequence[WriteResult]) -> None:
    """Write the outcomes of `results` into the ledger."""
    status = {
        "done": "done",
        "refused": "failed",
        "unknown": "unknown",
        "unsent": "unsent",
        "moved": "unsent",
        "gone": "failed",
    }
    rows = [
        (
            r.key,
            r.record.record_id if r.record else None,
            status[r.status],
            r.reason or None,
            r.http_status,
            r.vendor_text or None,
            r.attempts,
        )
        for r in results
    ]
    columns = ("intent_id", "record_id", "status", "reason", "http_status", "error", "attempts")
    with relation(con, "outcome", columns, rows):
        con.execute(
            "UPDATE core.intents AS i SET status = o.status, reason = o.reason, http_status = o.http_status, error = o.error,"
            " attempts = o.attempts, finished_at = $now, record_id = coalesce(o.record_id, i.record_id)"
            " FROM outcome AS o WHERE i.intent_id = o.intent_id",
            {"now": ws.now()},
        )


def take_in(
    con: duckdb.DuckDBPyConnection,
    ws: Workspace,
    system: System,
    accepted: Sequence[tuple[Planned, Record]],
    *,
    certain: bool = True,
) -> set[str]:
    """Stage what the system now holds, link what was created, and move the bases of what was written.

    A value that the system made something else of is an agreed difference from now on (`not_taken`): its own form is nobody's edit, and
    sending ours again would change nothing. A record in which something else moved as well stays marked, and is looked at again.
    Returns the customers of which a value was not taken.

    Not `certain`: whether the write was carried out is told by the record alone. What it does not hold was not written, or somebody
    typed over it since: no agreement either way.
    """
    stage.stage_fresh(con, ws, system, [record for _, record in accepted])
    rows = [(r.record_id, canonical_json(r.payload), digest(_synced(system, r))) for _, r in accepted]
    no_news, written = [], []
    not_taken: set[str] = set()
    for (planned, record), readings in zip(accepted, put_normalised(con, system, rows), strict=True):
        entries = _entries(system, planned, record, readings)
        if not certain:
            entries = {
                u: e
                for u, e in entries.items()
                if u not in planned.units or not _not_taken(system, record, u, planned.units[u])
            }
        if any(entry.get("differs") == "not_taken" for entry in entries.values()):
            not_taken.add(planned.customer_id)
        written.append(bases.Written(record.record_id, planned.customer_id, entries))
        if not _moved_besides(system, planned, readings):
            no_news.append(record.record_id)
    created = [(record.record_id, planned.customer_id) for planned, record in accepted if planned.operation == "create"]
    link_created(con, ws, system.name, created)
    bases.move_written(con, system, ws.run_id, written)
    gone = [(record.record_id,) for _, record in accepted if record.deleted_at is not None]
    with relation(con, "gone", ("record_id",), gone):
        con.execute(
            "DELETE FROM core.normalised WHERE system = ? AND record_id IN (SELECT record_id FROM gone)", [system.name]
        )
    with relation(con, "no_news", ("record_id",), [(i,) for i in no_news if (i,) not in gone]):
        con.execute(
            "DELETE FROM core.changed WHERE system = ? AND record_id IN (SELECT record_id FROM no_news)", [system.name]
        )
    return not_taken


def _entries(
    system: System, planned: Planned, record: Record, readings: Mapping[str, Reading]
) -> dict[str, bases.Entry]:
    """The new bases of what was written; of a new record, of all that it shows. What an undo wrote is agreed to differ."""

    def differs(unit: str) -> str | None:
        if unit not in planned.units:
            return None
        return "undone" if planned.undoes else _not_taken(system, record, unit, planned.units[unit])

    return {
        unit: bases.entry(system, record.payload, unit, readings[unit], planned.units.get(unit), differs(unit))
        for unit in (UNITS if planned.operation == "create" else planned.units)
        if unit in readings and readings[unit].state is not State.ABSENT
    }


def _not_taken(system: System, record: Record, unit: str, value: Value) -> str | None:
    took: bool = system.mapping.holds(unit, value, record.payload, system.context)
    return None if took else "not_taken"


def _moved_besides(system: System, planned: Planned, readings: Mapping[str, Reading]) -> bool:
    """Whether a unit that we did not write differs from what the change was planned on: then somebody edited it meanwhile."""
    if planned.payload is None:
        return planned.operation != "create"
    before: dict[str, Reading] = system.mapping.read(planned.payload, system.context)
    return not all(
        readings.get(unit, ABSENT).same(before.get(unit, ABSENT)) for unit in UNITS if unit not in planned.units
    )


def _synced(system: System, record: Record) -> dict[str, Any]:
    return {key: value for key, value in record.payload.items() if key not in system.connector.volatile}


def link_created(
    con: duckdb.DuckDBPyConnection, ws: Workspace, system: str, created: Sequence[tuple[str, str]]
) -> None:
    """Records that we created belong to the customers they were created for, whatever their keys say: (record_id, customer_id)."""
    with relation(con, "created", ("record_id", "customer_id"), created):
        values = {"system": system, "now": ws.now(), "run_id": ws.run_id}
        con.execute(
            "DELETE FROM core.links WHERE system = ? AND record_id IN (SELECT record_id FROM created)", [system]
        )
        con.execute(
            """
            INSERT INTO core.links
            SELECT $system, c.record_id, c.customer_id, NOT EXISTS (
                SELECT 1 FROM core.links l JOIN core.records r USING (system, record_id)
                WHERE l.system = $system AND l.customer_id = c.customer_id AND l.is_primary AND r.deleted_at IS NULL
            ), ['created'], $now FROM created c
            """,
            {"system": system, "now": values["now"]},
        )
        con.execute(
            "INSERT INTO core.link_log SELECT $now, $run_id, $system, record_id, NULL, customer_id, 'created' FROM created",
            values,
        )


def _keep_refusals(
    con: duckdb.DuckDBPyConnection, ws: Workspace, intents: dict[str, Planned], refused: Sequence[WriteResult]
) -> None:
    """A refused write is a row to look at, with the vendor's words; it is not sent again until something about it changes."""
    rows = [
        (
            p.system,
            p.record_id,
            p.customer_id,
            ws.run_id,
            "write",
            r.reason or "refused",
            r.vendor_text,
            p.fingerprint,
            ws.now(),
        )
        for p, r in ((intents[result.key], result) for result in refused)
    ]
    columns = ("system", "record_id", "customer_id", "run_id", "stage", "reason", "payload", "fingerprint", "since")
    with relation(con, "refused", ("system", "customer_id"), [(row[0], row[2]) for row in rows]):
        con.execute(
            "DELETE FROM core.rejects WHERE stage = 'write' AND (system, customer_id) IN (SELECT system, customer_id FROM refused)"
        )
    append(con, "core.rejects", columns, rows)


def set_verdicts(
    con: duckdb.DuckDBPyConnection, ws: Workspace, system: str, verdicts: Sequence[tuple[str, str, str]]
) -> None:
    """What became of customers in one system, in place of what the plan wanted: (customer_id, outcome, reason)."""
    with relation(con, "became", ("customer_id", "outcome", "reason"), verdicts):
        con.execute(
            "UPDATE core.verdicts AS v SET outcome = b.outcome, reason = coalesce(nullif(b.reason, ''), v.reason)"
            " FROM became AS b"
            " WHERE v.run_id = $run_id AND v.system = $system AND v.customer_id = b.customer_id AND v.pass = $round",
            {"run_id": ws.run_id, "system": system, "round": ws.round},
        )
