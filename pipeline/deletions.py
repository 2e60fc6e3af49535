"""Who was deleted in a system that does not say so: absence is a suspicion, the system's own "not found" the proof (law 1).

Reads:      core.records, core.systems; each suspect by a fresh read
Writes:     core.records, through `stage`
Guarantees: a record counts as deleted only after two complete full walks without it and a "not found" for itself.
"""

from __future__ import annotations

from connectors.base import Gone, Record
from connectors.errors import BadAnswer
from pipeline import guard, stage
from pipeline.limits import pulled
from pipeline.workspace import System, Workspace

ASKED_AT_MOST = 1000
"""Suspects asked for in one run: each costs a request of the budget. The others stay missing and are asked for in the next runs."""


def confirm_deletions(ws: Workspace, system: System) -> int:
    """Ask the system for each record that two complete walks did not show; returns how many are gone.

    An unreadable answer says nothing, so that record stays missing. Raises Unreachable and Refused, with what was learnt staged.
    """
    if _has_shrunk(ws, system.name):
        return 0
    found: list[Record] = []
    gone: list[str] = []
    try:
        for record_id in missing_records(ws, system.name)[:ASKED_AT_MOST]:
            try:
                answer = system.connector.get(record_id)
            except BadAnswer:
                continue
            if isinstance(answer, Gone):
                gone.append(record_id)
            else:
                found.append(answer)
    finally:
        with ws.store.transaction() as con:
            stage.stage_fresh(con, ws, system, found)
            stage.mark_deleted(con, ws, system.name, gone)
    return len(gone)


def missing_records(ws: Workspace, system: str) -> list[str]:
    """Records absent from two complete full walks: candidates for having been deleted."""
    rows = ws.store.rows(
        "SELECT record_id FROM core.records JOIN core.systems USING (system) WHERE system = ? AND deleted_at IS NULL"
        " AND missing_since < full_scans ORDER BY missing_since, record_id",
        [system],
    )
    return [record_id for (record_id,) in rows]


def _has_shrunk(ws: Workspace, system: str) -> bool:
    """Whether a full walk showed so little that asking for every missing record one by one is no use: the guard stops this run."""
    counts = pulled(ws, system)
    return bool(guard.check(guard.Summary((), {}, pulled={system: counts}), guard.Limits()))
