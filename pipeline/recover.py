"""Writes whose outcome nobody knows become known: adopted, or free to be planned again.

Reads:      core.intents that are `sending` (a crash) or `unknown` (a lost reply), core.records
Writes:     core.intents, and for what was carried out the same as an accepted write
Guarantees: a create is sent again only when the system has been shown not to hold it (law 5): by its own reference, by every key it can be
            asked by, or by a complete walk begun after the intent. Our own write is never taken for a person's edit (law 6).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.base import Gone, Record
from connectors.errors import ConnectorError
from mappings.canonical import revive
from mappings.compiled_rule import value_at
from pipeline import stage
from pipeline.apply import UNDO, Planned, look_up, take_in
from pipeline.workspace import System, Workspace

UNSETTLED = "status IN ('sending', 'unknown')"


def unsettled(ws: Workspace, system: str | None = None) -> int:
    """How many writes nobody knows the outcome of."""
    where = UNSETTLED if system is None else f"{UNSETTLED} AND system = ?"
    count: int = ws.store.value(f"SELECT count(*) FROM core.intents WHERE {where}", [] if system is None else [system])  # noqa: S608
    return count


def recover(ws: Workspace) -> None:
    """Settle what can be settled with the systems that answer. Call it after their pulls were staged and normalised."""
    for system in ws.working():
        try:
            for intent_id, sent_at, planned in _open_intents(ws, system):
                _settle(ws, system, intent_id, sent_at, planned)
        except ConnectorError as error:
            system.problem = error


def _open_intents(ws: Workspace, system: System) -> list[tuple[str, datetime, Planned]]:
    rows = ws.store.rows(
        f"""
        SELECT intent_id, sent_at, record_id, customer_id, operation, fields, paths, units,
               run_id IN (SELECT run_id FROM core.runs WHERE command = '{UNDO}') FROM core.intents
        WHERE system = ? AND {UNSETTLED} ORDER BY sent_at, intent_id
        """,  # noqa: S608  our own words
        [system.name],
    )
    return [
        (
            intent_id,
            sent_at,
            Planned(
                system.name, record_id, customer_id, operation, json.loads(fields), json.loads(paths),
                {unit: revive(unit, value) for unit, value in json.loads(units).items()}, None, undoes,
            ),
        )
        for intent_id, sent_at, record_id, customer_id, operation, fields, paths, units, undoes in rows
    ]  # fmt: skip


def _settle(ws: Workspace, system: System, intent_id: str, sent_at: datetime, planned: Planned) -> None:
    if planned.operation == "create":
        found = _find_created(ws, system, planned, sent_at)
        if found is None:
            return  # not provable yet: it stays unknown, and nothing is sent for this customer meanwhile
        _conclude(ws, system, intent_id, planned, found[0] if found else None)
        return
    if planned.record_id is None:
        raise AssertionError("an update or delete without a record")
    answer = system.connector.get(planned.record_id)
    if isinstance(answer, Gone) or answer.deleted_at is not None:
        with ws.store.transaction() as con:
            stage.mark_deleted(con, ws, system.name, [planned.record_id])
            _close(con, ws, intent_id, "done" if planned.operation == "delete" else "failed", planned.record_id)
        return
    if planned.operation == "delete":
        with ws.store.transaction() as con:
            stage.stage_fresh(con, ws, system, [answer])
            _close(con, ws, intent_id, "failed", planned.record_id)
        return
    _conclude(ws, system, intent_id, planned, answer)


def _conclude(ws: Workspace, system: System, intent_id: str, planned: Planned, record: Record | None) -> None:
    """The write was carried out and `record` is what the system holds now; or it was not, and may be planned again."""
    with ws.store.transaction() as con:
        if record is not None:
            take_in(con, ws, system, [(planned, record)], certain=_shows(record, planned))
        _close(con, ws, intent_id, "done" if record else "failed", record.record_id if record else None)


def _shows(record: Record, planned: Planned) -> bool:
    """Whether the write was carried out, by the record alone: something sent is there, and nothing is neither as sent nor as before (what a
    system fills in again by itself is as before)."""
    found = {path: value_at(record.payload, path) for path in planned.paths}
    return any(found[path] == after for path, (_, after) in planned.paths.items()) and all(
        found[path] in (before, after) for path, (before, after) in planned.paths.items()
    )


def _close(con: Any, ws: Workspace, intent_id: str, status: str, record_id: str | None) -> None:
    con.execute(
        "UPDATE core.intents SET status = ?, reason = ?, record_id = coalesce(?, record_id), finished_at = ? WHERE intent_id = ?",
        [status, "looked_up" if status == "done" else "not_carried_out", record_id, ws.now(), intent_id],
    )


def _find_created(ws: Workspace, system: System, planned: Planned, sent_at: datetime) -> list[Record] | None:
    """[] when the create was not carried out, [record] when it was, None when that cannot be told yet."""
    capabilities = system.connector.capabilities
    if capabilities.reference:
        ours = system.connector.find("reference", planned.customer_id)
        if ours:
            return ours[:1]
    walked = ws.store.value(
        "SELECT last_walk_started_at > ? AND last_full_scan_at >= last_walk_started_at FROM core.systems WHERE system = ?",
        [sent_at, system.name],
    )
    asked = capabilities.find_by & {"email", "phone", "vat_number"} and any(
        planned.units.get(key) for key in capabilities.find_by
    )
    if not walked and not asked and not capabilities.reference:
        return None
    looked_up = look_up(system, planned) if asked else []
    fresh = [record for record in looked_up if not _known_before(ws, system.name, record.record_id, sent_at)]
    if walked:
        fresh += [
            record for record in _new_since(ws, system, sent_at) if record.record_id not in {r.record_id for r in fresh}
        ]
    candidates = [record for record in fresh if _shares(system, planned, record)]
    return _choose(system, planned, candidates)


def _known_before(ws: Workspace, system: str, record_id: str, sent_at: datetime) -> bool:
    """Whether the record was there before the intent, or is another customer's by a link that we made: then it is not what we sent."""
    return bool(
        ws.store.rows(
            "SELECT 1 FROM core.records WHERE system = ? AND record_id = ? AND first_seen_at <= ?"
            " UNION ALL SELECT 1 FROM core.links WHERE system = ? AND record_id = ? AND list_contains(matched_on, 'created')",
            [system, record_id, sent_at, system, record_id],
        )
    )


def _new_since(ws: Workspace, system: System, sent_at: datetime) -> list[Record]:
    """Live records first seen after the intent that no write of ours accounts for."""
    rows = ws.store.rows(
        "SELECT r.record_id, payload, source_created_at, source_updated_at, reference FROM core.records r"
        " LEFT JOIN core.links l ON l.system = r.system AND l.record_id = r.record_id AND list_contains(l.matched_on, 'created')"
        " WHERE r.system = ? AND first_seen_at > ? AND deleted_at IS NULL AND l.record_id IS NULL ORDER BY r.record_id",
        [system.name, sent_at],
    )
    return [
        Record(record_id, json.loads(payload), created, updated, None, ref)
        for record_id, payload, created, updated, ref in rows
    ]


def _shares(system: System, planned: Planned, record: Record) -> bool:
    """Whether the record shares a key or the whole name with what was sent."""
    readings = system.mapping.read(record.payload, system.context)
    keys = ("email", "phone", "vat_number")
    if any(planned.units.get(key) and key in readings and readings[key].value == planned.units[key] for key in keys):
        return True
    return _same_name(system, planned, record)


def _same_name(system: System, planned: Planned, record: Record) -> bool:
    named = [unit for unit in ("name", "company") if planned.units.get(unit)]
    return bool(named) and all(
        system.mapping.holds(unit, planned.units[unit], record.payload, system.context) for unit in named
    )


def _choose(system: System, planned: Planned, candidates: Sequence[Record]) -> list[Record] | None:
    """Exactly one: adopt it. Several: the one with the same name. None: it was not carried out. Undecidable: leave it unknown."""
    if len(candidates) <= 1:
        return list(candidates)
    named = [record for record in candidates if _same_name(system, planned, record)]
    return named if len(named) == 1 else None
