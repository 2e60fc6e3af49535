"""Systems' pages become landed rows, and complete walks become records.

Reads:      each active system, through its connector, all systems at once
Writes:     core.pulls, core.landing, core.landing_rejects; then, through `stage.promote`, the records
Guarantees: rows are durable as they come; a killed walk goes on after its last durable page where its order allows, and starts over
            where it does not; nothing is promoted and no cursor moves before the walk is complete (laws 1, 2, 11).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any

from connectors.base import End, Page, Restart
from connectors.errors import ConnectorError
from pipeline import guard, stage
from pipeline.limits import pulled
from pipeline.progress import Progress
from pipeline.stage import Received
from pipeline.timetable import is_due
from pipeline.workspace import System, Workspace, canonical_json
from state.store import append

FLUSH_ROWS = 1000
"""Rows per durable step: Arrow batches below this load several times slower, and more would be read again after a crash."""


class Stopped(Exception):
    """The user asked to stop: what has landed is durable, and the next run goes on from there."""


@dataclass(slots=True)
class _Landing:
    """One walk on its way in. `seq` orders the rows, so that the last version of a record wins."""

    pull_id: str
    is_full: bool
    started_at: datetime
    resume: dict[str, Any] | None
    seq: int = 0
    pages: int = 0
    waiting: list[Page] = field(default_factory=list)


def extract(ws: Workspace, *, full: bool, progress: Progress, stop: Event) -> dict[str, Received]:
    """Pull every working system at once. A system that fails keeps its `problem`; the others go on."""
    systems = ws.working()
    if not systems:
        return {}
    with ThreadPoolExecutor(max_workers=len(systems), thread_name_prefix="pull") as pool:
        received = pool.map(lambda system: _pull(ws, system, full=full, progress=progress, stop=stop), systems)
        return {system.name: counts for system, counts in zip(systems, received, strict=True)}


def _pull(ws: Workspace, system: System, *, full: bool, progress: Progress, stop: Event) -> Received:
    try:
        known = _remember(ws, system)
        landing = _begin(ws, system, full=full or _full_scan_due(ws, system, known))
        end = _land(ws, system, landing, known["cursor"], progress, stop)
        received = stage.promote(ws, system, landing.pull_id, end, landing.started_at)
        system.pulled = end
        if end.full and not _has_shrunk(ws, system.name):
            stage.confirm_deletions(ws, system)
    except ConnectorError as error:
        system.problem = error
        return Received()
    return received


def _has_shrunk(ws: Workspace, system: str) -> bool:
    """Whether a full walk showed so little that asking for every missing record one by one is no use: the guard stops this run."""
    counts = pulled(ws, system)
    return bool(guard.check(guard.Summary((), {}, pulled={system: counts}), guard.Limits()))


def _remember(ws: Workspace, system: System) -> dict[str, Any]:
    """The system's row in core.systems, made on first sight."""
    with ws.store.transaction() as con:
        con.execute(
            "INSERT INTO core.systems (system, connector) SELECT $system, $connector"
            " WHERE NOT EXISTS (SELECT 1 FROM core.systems WHERE system = $system)",
            {"system": system.name, "connector": system.settings.connector},
        )
        cursor, full_at = con.execute(
            "SELECT cursor, last_full_scan_at FROM core.systems WHERE system = ?", [system.name]
        ).fetchall()[0]
    return {"cursor": None if cursor is None else json.loads(cursor), "last_full_scan_at": full_at}


def _full_scan_due(ws: Workspace, system: System, known: dict[str, Any]) -> bool:
    if system.connector.capabilities.changes == "full" or known["cursor"] is None or known["last_full_scan_at"] is None:
        return True
    settings = system.settings
    return is_due(settings.full_scan, known["last_full_scan_at"], ws.now(), system.context.timezone)


def _begin(ws: Workspace, system: System, *, full: bool) -> _Landing:
    """A new walk, or the interrupted one of the same kind where it can be resumed."""
    with ws.store.transaction() as con:
        open_pulls = con.execute(
            "SELECT pull_id, is_full, started_at, resume FROM core.pulls WHERE system = ? ORDER BY started_at DESC",
            [system.name],
        ).fetchall()
        if open_pulls and open_pulls[0][1] == full and open_pulls[0][3] is not None:
            pull_id, _, started_at, resume = open_pulls[0]
            seq = con.execute(
                "SELECT coalesce(max(seq) + 1, 0) FROM core.landing WHERE pull_id = ?", [pull_id]
            ).fetchall()[0][0]
            return _Landing(pull_id, full, started_at, json.loads(resume), seq)
        for pull_id, *_ in open_pulls:
            stage.forget_pull(con, pull_id)
        landing = _Landing(f"{ws.run_id}:{system.name}", full, ws.now(), None)
        append(
            con,
            "core.pulls",
            ("pull_id", "system", "run_id", "is_full", "started_at", "pages"),
            [(landing.pull_id, system.name, ws.run_id, full, landing.started_at, 0)],
        )
    return landing


def _land(
    ws: Workspace, system: System, landing: _Landing, cursor: dict[str, Any] | None, progress: Progress, stop: Event
) -> End:
    """Land pages until the walk's `End`."""
    rows = 0
    walk: Iterator[Page | Restart | End] = system.connector.walk(cursor, full=landing.is_full, resume=landing.resume)
    for item in walk:
        if stop.is_set():
            _flush(ws, system, landing)
            raise Stopped
        match item:
            case Page():
                landing.waiting.append(item)
                landing.pages += 1
                rows += len(item.records) + len(item.rejects)
                progress.pulling(system.name, records=rows, pages=landing.pages, total=item.total)
                if sum(len(page.records) + len(page.rejects) for page in landing.waiting) >= FLUSH_ROWS:
                    _flush(ws, system, landing)
            case Restart():
                landing.waiting.clear()
                rows = 0
                with ws.store.transaction() as con:
                    con.execute("DELETE FROM core.landing WHERE pull_id = ?", [landing.pull_id])
                    con.execute("DELETE FROM core.landing_rejects WHERE pull_id = ?", [landing.pull_id])
                    con.execute("UPDATE core.pulls SET resume = NULL WHERE pull_id = ?", [landing.pull_id])
            case End():
                _flush(ws, system, landing)
                return item
    raise AssertionError(f"{system.settings.connector}: a walk must end with End or raise")


def _flush(ws: Workspace, system: System, landing: _Landing) -> None:
    """Make the waiting pages durable, with the place to go on from, in one transaction."""
    if not landing.waiting:
        return
    records = [record for page in landing.waiting for record in page.records]
    rows = stage.landing_rows(landing.pull_id, landing.seq, records, system.connector.volatile)
    rejects = stage.reject_rows(landing.pull_id, (reject for page in landing.waiting for reject in page.rejects))
    resume = landing.waiting[-1].resume
    with ws.store.transaction() as con:
        append(con, "core.landing", stage.LANDING, rows)
        append(con, "core.landing_rejects", ("pull_id", "record_id", "reason", "raw"), rejects)
        con.execute(
            "UPDATE core.pulls SET resume = ?, pages = ? WHERE pull_id = ?",
            [None if resume is None else canonical_json(resume), landing.pages, landing.pull_id],
        )
    landing.seq += len(rows)
    landing.waiting.clear()
