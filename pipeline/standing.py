"""How the workspace stands, as its daemon needs to know: what is due, what is overdue, what cannot be read.

Reads: the snapshot. Writes: nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb

from pipeline import timetable
from pipeline.config import Config
from pipeline.errors import UserError
from pipeline.query import open_snapshot
from pipeline.schedule import zone_of

REJECTS_FROM = 20
REJECTS_PERCENT = 1
"""So many open rejects, and so many for a hundred records, are a mapping or a till gone wrong rather than a few odd rows."""


def due(config: Config, now: datetime) -> dict[str, bool]:
    """The systems that should have been read by now, and whether they ever were."""
    times = _read_times(config)
    found = {}
    for name, system in config.systems.items():
        if system.paused:
            continue
        read_at, scanned_at = times.get(name, (None, None))
        zone = str(zone_of(system))
        if read_at is None:
            found[name] = False
        elif timetable.is_due(system.schedule, read_at, now, zone) or (
            scanned_at is not None and timetable.is_due(system.full_scan, scanned_at, now, zone)
        ):
            found[name] = True
    return found


def overdue(config: Config, since: datetime, now: datetime) -> dict[str, str]:
    """For each system, what to say when it was not read for twice its interval; empty text when it was.

    Nobody is blamed for the time before `since`, when the daemon was not running.
    """
    times = _read_times(config)
    found = {}
    for name, system in config.systems.items():
        read_at = times.get(name, (None, None))[0]
        last = max(read_at, since) if read_at else since
        late = timetable.overdue_at(timetable.parse(system.schedule), last, zone_of(system))
        is_late = not system.paused and late is not None and now > late
        said = f"last read {read_at:%Y-%m-%d %H:%M} UTC" if read_at else "never read so far"
        found[name] = f"{said}, schedule {system.schedule!r}" if is_late else ""
    return found


def idle(config: Config, since: datetime) -> list[str]:
    """The systems that were not read since then."""
    times = _read_times(config)
    return [
        name
        for name in config.systems
        if (times.get(name, (None, None))[0] or datetime.min.replace(tzinfo=UTC)) < since
    ]


def unreadable(config: Config) -> list[str]:
    """Why there is nothing to read; empty when there is."""
    try:
        _ask(config, "SELECT count(*) FROM cursors")
    except UserError as error:
        return [error.message]
    except duckdb.Error:
        return ["the snapshot cannot be read"]
    return []


def many_rejects(config: Config) -> dict[str, str]:
    """For each system, what to say when it has very many open rejects; empty text when it has not."""
    try:
        rejects = dict(_ask(config, "SELECT system, count(*) FROM rejects GROUP BY system"))
        records = dict(_ask(config, "SELECT system, records FROM cursors"))
    except (UserError, duckdb.Error):
        return {}
    return {
        name: f"{rejects[name]} open rejects, {records.get(name, 0)} records"
        if rejects.get(name, 0) >= max(REJECTS_FROM, records.get(name, 0) * REJECTS_PERCENT / 100)
        else ""
        for name in config.systems
    }


def _read_times(config: Config) -> dict[str, tuple[datetime | None, datetime | None]]:
    """System → when it was last read completely, and when last in full."""
    try:
        rows = _ask(config, "SELECT system, epoch_us(last_complete_at), epoch_us(last_full_scan_at) FROM cursors")
    except (UserError, duckdb.Error):
        return {}
    return {name: (_moment(read_at), _moment(scanned_at)) for name, read_at, scanned_at in rows}


def _ask(config: Config, sql: str) -> Sequence[tuple[Any, ...]]:
    with open_snapshot(config.store_path) as con:
        return con.execute(sql).fetchall()


def _moment(epoch_us: int | None) -> datetime | None:
    return None if epoch_us is None else datetime.fromtimestamp(epoch_us / 1_000_000, UTC)
