"""Landed rows become records.

Reads:      core.landing, core.landing_rejects
Writes:     core.records, core.history, core.changed, core.rejects, core.systems
Guarantees: one transaction promotes a walk's rows and moves its cursor (law 2); a record is only ever marked missing by a walk that
            was proved complete and full, and deleted only by `confirm_deletions` or by the system's own word (law 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from connectors.base import End, Gone, Record, Reject
from pipeline.sql import query
from pipeline.workspace import System, Workspace, canonical_json, digest
from state.store import append, relation

LANDING = (
    "pull_id",
    "seq",
    "record_id",
    "payload",
    "content_hash",
    "reference",
    "created_at",
    "updated_at",
    "deleted_at",
)


@dataclass(frozen=True, slots=True)
class Received:
    """What a pull brought, in records: read = new + changed + unchanged + rejected. `fresh_rejects`: rejects not open before."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    fresh_rejects: int = 0

    @property
    def read(self) -> int:
        return self.new + self.changed + self.unchanged + self.rejected


def landing_rows(
    pull_id: str, start: int, records: Iterable[Record], volatile: frozenset[str]
) -> list[tuple[Any, ...]]:
    """Rows of core.landing for `records`. The content hash leaves out what the vendor changes by itself."""
    rows = []
    for seq, record in enumerate(records, start):
        synced = {key: value for key, value in record.payload.items() if key not in volatile}
        rows.append(
            (
                pull_id,
                seq,
                record.record_id,
                canonical_json(record.payload),
                digest(synced),
                record.reference,
                record.created_at,
                record.updated_at,
                record.deleted_at,
            )
        )
    return rows


def promote(ws: Workspace, system: System, pull_id: str, end: End, started_at: datetime) -> Received:
    """Make a complete walk's rows the present state, and move the cursor with them, in one transaction."""
    with ws.store.transaction() as con:
        received = _promote_rows(con, ws, system.name, pull_id)
        _move_cursor(con, ws, system, end, started_at)
        if end.full:
            _mark_missing(con, ws, system.name)
        forget_pull(con, pull_id)
    return received


def stage_fresh(con: duckdb.DuckDBPyConnection, ws: Workspace, system: System, records: Sequence[Record]) -> None:
    """Stage records that came outside a walk (a write's answer, a look-up, a read before writing), in the caller's transaction."""
    if not records:
        return
    pull_id = f"{ws.run_id}:{system.name}:fresh"
    append(con, "core.landing", LANDING, landing_rows(pull_id, 0, records, system.connector.volatile))
    _promote_rows(con, ws, system.name, pull_id)
    forget_pull(con, pull_id)


def _promote_rows(con: duckdb.DuckDBPyConnection, ws: Workspace, system: str, pull_id: str) -> Received:
    now = ws.now()
    con.execute(query("stage_arrived"), {"pull_id": pull_id, "system": system})
    counts = dict(con.execute("SELECT kind, count(*) FROM arrived GROUP BY kind").fetchall())
    if counts.keys() & {"new", "changed"}:
        _replace_records(con, ws.run_id, system, now)
    con.execute(
        "UPDATE core.records SET missing_since = NULL, missing_at = NULL WHERE system = ? AND missing_since IS NOT NULL"
        " AND record_id IN (SELECT record_id FROM arrived)",
        [system],
    )
    rejected, fresh = _keep_rejects(con, ws.run_id, system, pull_id, now)
    return Received(counts.get("new", 0), counts.get("changed", 0), counts.get("unchanged", 0), rejected, fresh)


def _replace_records(con: duckdb.DuckDBPyConnection, run_id: str, system: str, now: datetime) -> None:
    """DELETE + INSERT of the rows whose content is new; each version goes to history, each record to core.changed."""
    con.execute(
        "DELETE FROM core.records WHERE system = ? AND record_id IN (SELECT record_id FROM arrived WHERE kind = 'changed')",
        [system],
    )
    con.execute(
        """
        INSERT INTO core.records
        SELECT $system, record_id, payload, content_hash, reference, created_at, updated_at, coalesce(first_seen_at, $now), $now,
               (SELECT last_walk_started_at FROM core.systems WHERE system = $system), NULL, NULL, deleted_at, $run_id
        FROM arrived WHERE kind <> 'unchanged'
        """,
        {"system": system, "now": now, "run_id": run_id},
    )
    con.execute(
        "INSERT INTO core.history SELECT $system, record_id, $now, $run_id, content_hash, payload FROM arrived WHERE kind <> 'unchanged'",
        {"system": system, "now": now, "run_id": run_id},
    )
    con.execute(
        "INSERT INTO core.changed SELECT $system, record_id, $run_id FROM arrived WHERE kind <> 'unchanged'",
        {"system": system, "run_id": run_id},
    )


def _move_cursor(con: duckdb.DuckDBPyConnection, ws: Workspace, system: System, end: End, started_at: datetime) -> None:
    con.execute(
        """
        UPDATE core.systems SET cursor = $cursor, watermark = coalesce($watermark, watermark), last_complete_at = $now,
               last_walk_started_at = $started_at,
               last_full_scan_at = CASE WHEN $is_full THEN $now ELSE last_full_scan_at END,
               full_scans = full_scans + CASE WHEN $is_full THEN 1 ELSE 0 END
        WHERE system = $system
        """,
        {
            "cursor": None if end.cursor is None else canonical_json(end.cursor),
            "watermark": end.watermark,
            "now": ws.now(),
            "started_at": started_at,
            "is_full": end.full,
            "system": system.name,
        },
    )


def _mark_missing(con: duckdb.DuckDBPyConnection, ws: Workspace, system: str) -> None:
    """Live records that a complete full walk did not show, not even as a rejected row, count as missing from this scan on."""
    con.execute(
        """
        UPDATE core.records SET missing_since = (SELECT full_scans FROM core.systems WHERE system = $system), missing_at = $now
        WHERE system = $system AND deleted_at IS NULL AND missing_since IS NULL
          AND record_id NOT IN (SELECT record_id FROM arrived)
          AND record_id NOT IN (SELECT record_id FROM core.rejects WHERE system = $system AND stage = 'pull' AND record_id IS NOT NULL)
        """,
        {"system": system, "now": ws.now()},
    )


def _keep_rejects(
    con: duckdb.DuckDBPyConnection, run_id: str, system: str, pull_id: str, now: datetime
) -> tuple[int, int]:
    """Open a reject for each bad row that has none; close those whose record has come in well. Returns (rows, newly opened)."""
    con.execute(
        "DELETE FROM core.rejects WHERE system = ? AND stage = 'pull' AND record_id IN (SELECT record_id FROM arrived)",
        [system],
    )
    rows = con.execute(
        "SELECT DISTINCT record_id, reason, raw FROM core.landing_rejects WHERE pull_id = ?", [pull_id]
    ).fetchall()
    known = {
        tuple(row)
        for row in con.execute(
            "SELECT record_id, reason, CASE WHEN record_id IS NULL THEN fingerprint END FROM core.rejects"
            " WHERE system = ? AND stage = 'pull'",
            [system],
        ).fetchall()
    }
    marked = {
        (record_id, reason, digest(raw) if record_id is None else None): (record_id, reason, raw)
        for record_id, reason, raw in rows
    }
    fresh = [
        (system, record_id, run_id, "pull", reason, raw, digest(raw), now)
        for mark, (record_id, reason, raw) in marked.items()
        if mark not in known
    ]
    append(
        con,
        "core.rejects",
        ("system", "record_id", "run_id", "stage", "reason", "payload", "fingerprint", "since"),
        fresh,
    )
    return len(marked), len(fresh)


def forget_pull(con: duckdb.DuckDBPyConnection, pull_id: str) -> None:
    for table in ("landing", "landing_rejects", "pulls"):
        con.execute(f"DELETE FROM core.{table} WHERE pull_id = ?", [pull_id])  # noqa: S608  our own names


def missing_records(ws: Workspace, system: str) -> list[str]:
    """Records absent from two complete full walks: candidates for having been deleted."""
    rows = ws.store.rows(
        "SELECT record_id FROM core.records JOIN core.systems USING (system) WHERE system = ? AND deleted_at IS NULL"
        " AND missing_since < full_scans ORDER BY record_id",
        [system],
    )
    return [record_id for (record_id,) in rows]


def confirm_deletions(ws: Workspace, system: System) -> int:
    """Ask the system for each record that two complete walks did not show; only its own "not found" makes it deleted."""
    found: list[Record] = []
    gone: list[str] = []
    for record_id in missing_records(ws, system.name):
        answer = system.connector.get(record_id)
        if isinstance(answer, Gone):
            gone.append(record_id)
        else:
            found.append(answer)
    with ws.store.transaction() as con:
        stage_fresh(con, ws, system, found)
        mark_deleted(con, ws, system.name, gone)
    return len(gone)


def mark_deleted(con: duckdb.DuckDBPyConnection, ws: Workspace, system: str, record_ids: Sequence[str]) -> None:
    """The system said that these records do not exist (any more)."""
    with relation(con, "gone", ("record_id",), [(record_id,) for record_id in record_ids]):
        con.execute(
            "UPDATE core.records SET deleted_at = $now, missing_since = NULL, missing_at = NULL, run_id = $run_id"
            " WHERE system = $system AND deleted_at IS NULL AND record_id IN (SELECT record_id FROM gone)",
            {"system": system, "now": ws.now(), "run_id": ws.run_id},
        )
        con.execute("INSERT INTO core.changed SELECT ?, record_id, ? FROM gone", [system, ws.run_id])


def reject_rows(pull_id: str, rejects: Iterable[Reject]) -> list[tuple[Any, ...]]:
    """Rows of core.landing_rejects."""
    return [(pull_id, reject.record_id, reject.reason, reject.raw) for reject in rejects]
