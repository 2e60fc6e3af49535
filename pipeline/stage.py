"""Landed rows become records.

Reads:      core.landing, core.landing_rejects
Writes:     core.records, core.history, core.changed, core.rejects, core.systems
Guarantees: one transaction promotes a walk's rows and moves its cursor (law 2); a record is only ever marked missing by a walk that
            was proved complete and full, and deleted only by `confirm_deletions` or by the system's own word (law 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from connectors.base import End, Payload, Record, Reject
from connectors.errors import ConnectorError
from pipeline.sql import query
from pipeline.workspace import System, Workspace, canonical_json, digest, text_digest
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

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,79}")
FIELDS_KEPT = 200
"""Unknown fields remembered per system: more would be data in the place of names."""
REJECTS = ("system", "record_id", "run_id", "stage", "reason", "payload", "fingerprint", "since")


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
        payload = record.payload
        text = canonical_json(payload)
        synced = text if volatile.isdisjoint(payload) else canonical_json(_without(payload, volatile))
        rows.append(
            (
                pull_id,
                seq,
                record.record_id,
                text,
                text_digest(synced),
                record.reference,
                record.created_at,
                record.updated_at,
                record.deleted_at,
            )
        )
    return rows


def _without(payload: Payload, volatile: frozenset[str]) -> Payload:
    return {key: value for key, value in payload.items() if key not in volatile}


def promote(ws: Workspace, system: System, pull_id: str, end: End, started_at: datetime) -> Received:
    """Make a complete walk's rows the present state, and move the cursor with them, in one transaction."""
    with ws.store.transaction() as con:
        received = _promote_rows(con, ws, system.name, pull_id, full=end.full)
        _move_cursor(con, ws, system, end, started_at)
        if end.full:
            _mark_missing(con, ws, system.name)
        close_failure(con, system.name)
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


def _promote_rows(
    con: duckdb.DuckDBPyConnection, ws: Workspace, system: str, pull_id: str, *, full: bool = False
) -> Received:
    now = ws.now()
    con.execute(query("stage_arrived"), {"pull_id": pull_id, "system": system})
    counts = dict(con.execute("SELECT kind, count(*) FROM arrived GROUP BY kind").fetchall())
    if counts.keys() & {"new", "changed"}:
        _replace_records(con, ws.run_id, system, pull_id, now)
    con.execute(
        "UPDATE core.records SET missing_since = NULL, missing_at = NULL WHERE system = ? AND missing_since IS NOT NULL"
        " AND record_id IN (SELECT record_id FROM arrived)",
        [system],
    )
    rejected, fresh = _keep_rejects(con, ws.run_id, system, pull_id, now, full=full)
    return Received(counts.get("new", 0), counts.get("changed", 0), counts.get("unchanged", 0), rejected, fresh)


def _replace_records(con: duckdb.DuckDBPyConnection, run_id: str, system: str, pull_id: str, now: datetime) -> None:
    """DELETE + INSERT of the rows whose content is new; each version goes to history, each record to core.changed."""
    con.execute(
        "DELETE FROM core.records WHERE system = ? AND record_id IN (SELECT record_id FROM arrived WHERE kind = 'changed')",
        [system],
    )
    con.execute(
        """
        INSERT INTO core.records
        SELECT $system, l.record_id, l.payload, l.content_hash, l.reference, l.created_at, l.updated_at,
               coalesce(a.first_seen_at, $now), $now,
               (SELECT last_walk_started_at FROM core.systems WHERE system = $system), NULL, NULL, l.deleted_at, $run_id
        FROM core.landing AS l JOIN arrived AS a ON a.seq = l.seq
        WHERE l.pull_id = $pull_id AND a.kind <> 'unchanged'
        """,
        {"system": system, "now": now, "run_id": run_id, "pull_id": pull_id},
    )
    con.execute(
        "INSERT INTO core.history SELECT $system, l.record_id, $now, $run_id, l.content_hash, l.payload"
        " FROM core.landing AS l JOIN arrived AS a ON a.seq = l.seq WHERE l.pull_id = $pull_id AND a.kind <> 'unchanged'",
        {"system": system, "now": now, "run_id": run_id, "pull_id": pull_id},
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
    con: duckdb.DuckDBPyConnection, run_id: str, system: str, pull_id: str, now: datetime, *, full: bool
) -> tuple[int, int]:
    """Open a reject for each bad row that has none; close those that this walk has answered. Returns (rows, newly opened).

    A bad row without an id is told by its text. An open reject is answered when its record came in well or is rejected for
    another reason now; and by any full walk in which it does not come up again.
    """
    rows = con.execute(
        "SELECT DISTINCT record_id, reason, raw FROM core.landing_rejects WHERE pull_id = ?", [pull_id]
    ).fetchall()
    marked = {
        (record_id, reason, digest(raw) if record_id is None else None): (record_id, reason, raw)
        for record_id, reason, raw in rows
    }
    still_bad = [(record_id, reason, mark) for record_id, reason, mark in marked]
    columns = ("record_id", "reason", "mark")
    with relation(con, "still_bad", columns, still_bad or [("", "", "")]):
        answered = """
            FROM core.rejects AS r WHERE r.system = $system AND r.stage = 'pull' AND NOT EXISTS (
                SELECT 1 FROM still_bad AS b WHERE b.reason = r.reason AND CASE WHEN r.record_id IS NULL
                THEN b.mark = r.fingerprint ELSE b.record_id = r.record_id END)
            AND ($full OR r.record_id IN (SELECT record_id FROM arrived) OR r.record_id IN (SELECT record_id FROM still_bad))
        """
        con.execute(f"DELETE {answered}", {"system": system, "full": full})
    known = set(
        con.execute(
            "SELECT record_id, reason, CASE WHEN record_id IS NULL THEN fingerprint END FROM core.rejects"
            " WHERE system = ? AND stage = 'pull'",
            [system],
        ).fetchall()
    )
    fresh = [
        (system, record_id, run_id, "pull", reason, raw, digest(raw), now)
        for mark, (record_id, reason, raw) in marked.items()
        if mark not in known
    ]
    append(con, "core.rejects", REJECTS, fresh)
    return len(marked), len(fresh)


def keep_failure(con: duckdb.DuckDBPyConnection, ws: Workspace, system: str, error: ConnectorError) -> None:
    """Set aside the words of a system that failed as a whole, once until it works again: they may quote a customer, so they
    are in no message and no log."""
    if not error.vendor_text:
        return
    mark = digest([error.code, error.endpoint, error.status])
    known = con.execute(
        "SELECT 1 FROM core.rejects WHERE system = ? AND stage = 'answer' AND fingerprint = ?", [system, mark]
    ).fetchall()
    if not known:
        row = (system, None, ws.run_id, "answer", error.code, error.vendor_text, mark, ws.now())
        append(con, "core.rejects", REJECTS, [row])


def close_failure(con: duckdb.DuckDBPyConnection, system: str) -> None:
    """The system was read completely: what it said when it failed is over."""
    con.execute("DELETE FROM core.rejects WHERE system = ? AND stage = 'answer'", [system])


def forget_pull(con: duckdb.DuckDBPyConnection, pull_id: str) -> None:
    """Empty the landing of one pull."""
    for table in ("landing", "landing_rejects", "pulls"):
        con.execute(f"DELETE FROM core.{table} WHERE pull_id = ?", [pull_id])  # noqa: S608  our own names


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


def unknown_fields(records: Iterable[Record], documented: frozenset[str]) -> set[str]:
    """Top-level fields that are not among the documented ones, as far as they look like names."""
    shapes = {tuple(record.payload) for record in records}
    return {name for shape in shapes for name in shape if name not in documented and _NAME.fullmatch(name)}


def note_fields(con: duckdb.DuckDBPyConnection, ws: Workspace, system: str, names: Iterable[str]) -> None:
    """Remember fields that the system's API reference does not name."""
    known = {
        field for (field,) in con.execute("SELECT field FROM core.known_fields WHERE system = ?", [system]).fetchall()
    }
    fresh = sorted(set(names) - known)[: max(0, FIELDS_KEPT - len(known))]
    rows = [(system, name, False, ws.now()) for name in fresh]
    append(con, "core.known_fields", ("system", "field", "told", "since"), rows)


def new_fields(ws: Workspace) -> list[str]:
    """What to tell people about fields that came up since they were last told; each is told once."""
    with ws.store.transaction() as con:
        rows = con.execute(
            "SELECT system, field FROM core.known_fields WHERE NOT told ORDER BY system, field"
        ).fetchall()
        con.execute("UPDATE core.known_fields SET told = true WHERE NOT told")
    return [f"{system} now sends `{field}`: kept in its records' payload, read by no mapping" for system, field in rows]
