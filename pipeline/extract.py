"""Systems' pages become landed rows, and complete walks become records.

Reads:      each active system, through its connector, all systems at once
Writes:     core.pulls, core.landing, core.landing_rejects; then, through `stage.promote`, the records
Guarantees: rows are durable as they come; a killed walk goes on after its last durable page where its order allows, and starts over
            where it does not; nothing is promoted and no cursor moves before the walk is complete (laws 1, 2, 11).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any

from connectors.base import End, Page, Restart
from connectors.errors import ConnectorError, Incomplete
from pipeline import stage
from pipeline.deletions import confirm_deletions
from pipeline.progress import Progress
from pipeline.stage import Received
from pipeline.timetable import is_due
from pipeline.workspace import System, Workspace, canonical_json
from state.store import append

FLUSH_ROWS = 1000
"""Rows per durable step: Arrow batches below this load several times slower, and more would be read again after a crash."""
MEMORY_LIMIT = "512MiB"
"""For the database while pulling; it spills to disk beyond it."""
LANDING_COMPRESSION = "SET force_compression = 'uncompressed'"
"""Landed rows are gone in minutes: compressing them costs more time and memory than all the rest of the pull."""
FLUSH_S, FLUSH_ROWS_AT_MOST = 1.0, 5000
"""A system that sends thousands of rows a second is made durable once a second: no more is lost, and the steps cost less."""


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
    rows: int = 0
    """Rows of the waiting pages."""
    flushed_at: float = field(default_factory=time.monotonic)
    noted: set[str] = field(default_factory=set)
    """Unknown fields that this walk has noted already."""

    def add(self, page: Page) -> None:
        self.waiting.append(page)
        self.pages += 1
        self.rows += len(page.records) + len(page.rejects)

    def is_ripe(self) -> bool:
        """Whether enough waits for a durable step."""
        return self.rows >= FLUSH_ROWS and (
            self.rows >= FLUSH_ROWS_AT_MOST or time.monotonic() - self.flushed_at >= FLUSH_S
        )


def extract(ws: Workspace, *, full: bool, progress: Progress, stop: Event) -> dict[str, Received]:
    """Pull every working system at once. A system that fails keeps its `problem`; the others go on."""
    systems = ws.working()
    if not systems:
        return {}
    with _little_memory(ws), ThreadPoolExecutor(max_workers=len(systems), thread_name_prefix="pull") as pool:
        received = pool.map(lambda system: _pull(ws, system, full=full, progress=progress, stop=stop), systems)
        return {system.name: counts for system, counts in zip(systems, received, strict=True)}


@contextmanager
def _little_memory(ws: Workspace) -> Iterator[None]:
    """A pull streams: the database must not keep in memory what it has written. Its threads each need memory of their own,
    and would only wait for the network here."""
    with ws.store.transaction() as con:
        threads, limit, checkpoint = con.execute(
            "SELECT current_setting('threads'), current_setting('memory_limit'), current_setting('wal_autocheckpoint')"
        ).fetchall()[0]
        con.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        con.execute("SET threads = 1")
        con.execute(LANDING_COMPRESSION)
        # Each checkpoint writes the last rows of the landing once more.
        con.execute(f"SET wal_autocheckpoint = '{MEMORY_LIMIT}'")
    try:
        yield
    finally:
        with ws.store.transaction() as con:
            con.execute("SET force_compression = 'auto'")
            con.execute(f"SET threads = {threads}")
            con.execute(f"SET memory_limit = '{limit}'")
            con.execute(f"SET wal_autocheckpoint = '{checkpoint}'")


def _pull(ws: Workspace, system: System, *, full: bool, progress: Progress, stop: Event) -> Received:
    try:
        known = _remember(ws, system)
        landing = _begin(ws, system, full=full or _full_scan_due(ws, system, known))
        end = _land(ws, system, landing, known["cursor"], progress, stop)
        received = _promote(ws, system, landing, end)
    except ConnectorError as error:
        _left_out(ws, system, error)
        return Received()
    system.pulled = end
    if end.full:
        try:
            confirm_deletions(ws, system)
        except ConnectorError as error:
            _left_out(ws, system, error)
    return received


def _promote(ws: Workspace, system: System, landing: _Landing, end: End) -> Received:
    with ws.store.transaction() as con:
        con.execute("SET force_compression = 'auto'")
        received = stage.promote(ws, system, landing.pull_id, end, landing.started_at)
    with ws.store.transaction() as con:
        con.execute(LANDING_COMPRESSION)  # for the systems that are still landing
    return received


def _left_out(ws: Workspace, system: System, error: ConnectorError) -> None:
    system.problem = error
    with ws.store.transaction() as con:
        stage.keep_failure(con, ws, system.name, error)
        if isinstance(error, Incomplete):  # what it showed did not add up: nothing to go on from
            for (pull_id,) in con.execute("SELECT pull_id FROM core.pulls WHERE system = ?", [system.name]).fetchall():
                stage.forget_pull(con, pull_id)


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
    """Land pages until the walk's `End`. Whatever ends it before, the pages so far are durable."""
    rows = 0
    walk: Iterator[Page | Restart | End] = system.connector.walk(cursor, full=landing.is_full, resume=landing.resume)
    try:
        for item in walk:
            if stop.is_set():
                raise Stopped
            match item:
                case Page():
                    landing.add(item)
                    rows += len(item.records) + len(item.rejects)
                    progress.pulling(system.name, records=rows, pages=landing.pages, total=item.total)
                    if landing.is_ripe():
                        _flush(ws, system, landing)
                case Restart():
                    rows = 0
                    _start_over(ws, landing)
                case End():
                    return item
    finally:
        _flush(ws, system, landing)
    raise AssertionError(f"{system.settings.connector}: a walk must end with End or raise")


def _start_over(ws: Workspace, landing: _Landing) -> None:
    landing.waiting.clear()
    landing.rows = 0
    with ws.store.transaction() as con:
        con.execute("DELETE FROM core.landing WHERE pull_id = ?", [landing.pull_id])
        con.execute("DELETE FROM core.landing_rejects WHERE pull_id = ?", [landing.pull_id])
        con.execute("UPDATE core.pulls SET resume = NULL WHERE pull_id = ?", [landing.pull_id])


def _flush(ws: Workspace, system: System, landing: _Landing) -> None:
    """Make the waiting pages durable, with the place to go on from, in one transaction."""
    landing.flushed_at = time.monotonic()
    if not landing.waiting:
        return
    records = [record for page in landing.waiting for record in page.records]
    rows = stage.landing_rows(landing.pull_id, landing.seq, records, system.connector.volatile)
    rejects = stage.reject_rows(landing.pull_id, (reject for page in landing.waiting for reject in page.rejects))
    unknown = stage.unknown_fields(records, system.connector.documented) - landing.noted
    resume = landing.waiting[-1].resume
    with ws.store.transaction() as con:
        append(con, "core.landing", stage.LANDING, rows)
        append(con, "core.landing_rejects", ("pull_id", "record_id", "reason", "raw"), rejects)
        if unknown:
            stage.note_fields(con, ws, system.name, unknown)
        con.execute(
            "UPDATE core.pulls SET resume = ?, pages = ? WHERE pull_id = ?",
            [None if resume is None else canonical_json(resume), landing.pages, landing.pull_id],
        )
    landing.noted |= unknown
    landing.seq += len(rows)
    landing.rows = 0
    landing.waiting.clear()
