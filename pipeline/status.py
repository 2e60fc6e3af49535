"""How the workspace stands: last run, cursors, how old the data is, what waits for a person, when it runs next.

Reads: the snapshot, the lock file and the inbox. Writes: nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipeline import timetable
from state import inbox, lock
from state.snapshot import snapshot_path

if TYPE_CHECKING:
    import duckdb

    from pipeline.config import Config, SystemConfig

_RUN_COLUMNS = ("run_id", "command", "started_at", "finished_at", "exit_code", "outcome")
_COUNTS = ("records_read", "created", "updated", "deleted", "unchanged", "excluded", "held", "failed")


def gather(config: Config, now: datetime) -> dict[str, Any]:
    """The overview as JSON types; times are ISO 8601 in UTC."""
    store = config.store_path
    holder = lock.holder(store)
    file = snapshot_path(store)
    found: dict[str, Any] = {
        "workspace": config.workspace,
        "running": {"command": holder.command, "pid": holder.pid, "since": holder.since} if holder else None,
        "as_of": _iso(datetime.fromtimestamp(file.stat().st_mtime, UTC)) if file.exists() else None,
        "last_run": None,
        "waiting": {"decisions_for_next_run": len(inbox.pending(store))},
    }
    cursors: dict[str, dict[str, Any]] = {}
    if file.exists():
        from pipeline.query import open_snapshot

        with open_snapshot(store) as con:
            found["last_run"] = _last_run(con)
            found["waiting"] |= _waiting(con)
            cursors = _cursors(con)
    found["systems"] = [_system(name, system, cursors.get(name, {}), now) for name, system in config.systems.items()]
    return found


def _last_run(con: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    row = con.execute(
        """
        SELECT run_id, command, epoch_us(started_at), epoch_us(finished_at), exit_code, outcome,
               records_read, created, updated, deleted, unchanged, excluded, held, failed
        FROM runs ORDER BY started_at DESC, run_id DESC LIMIT 1
        """
    ).fetchone()
    if row is None:
        return None
    run = dict(zip((*_RUN_COLUMNS, *_COUNTS), row, strict=True))
    return run | {key: _iso(_moment(run[key])) for key in ("started_at", "finished_at")}


def _waiting(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Counts of what a person may want to look at."""
    row = con.execute(
        """
        SELECT (SELECT count(*) FROM reviews WHERE decision IS NULL), (SELECT count(*) FROM conflicts),
               (SELECT count(*) FROM rejects), (SELECT count(*) FROM core.shared_values)
        """
    ).fetchone()
    assert row is not None
    return dict(zip(("reviews", "conflicts", "rejects", "shared_values"), row, strict=True))


def _cursors(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    rows = con.execute(
        "SELECT system, epoch_us(watermark), epoch_us(last_complete_at), epoch_us(last_full_scan_at), records"
        " FROM cursors"
    ).fetchall()
    names = ("watermark", "last_complete_at", "last_full_scan_at", "records")
    return {system: dict(zip(names, values, strict=True)) for system, *values in rows}


def _system(name: str, system: SystemConfig, cursor: dict[str, Any], now: datetime) -> dict[str, Any]:
    zone = ZoneInfo(system.timezone or "UTC")
    complete = _moment(cursor.get("last_complete_at"))
    age = now - complete if complete else None
    due = timetable.parse(system.schedule)
    late = timetable.overdue_at(due, complete, zone) if complete else None
    return {
        "system": name,
        "connector": system.connector,
        "paused": system.paused,
        "records": cursor.get("records", 0),
        "watermark": _iso(_moment(cursor.get("watermark"))),
        "last_complete_at": _iso(complete),
        "last_full_scan_at": _iso(_moment(cursor.get("last_full_scan_at"))),
        "age_s": int(age.total_seconds()) if age is not None else None,
        "stale": not system.paused and (complete is None or (late is not None and now > late)),
        "next_run": None if system.paused else _iso(_next(due, complete, now, zone)),
        "next_full_scan": None if system.paused else _iso(timetable.parse(system.full_scan).next_after(now, zone)),
    }


def _next(due: timetable.Timetable, last: datetime | None, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Intervals count from the last time; what is overdue is due now."""
    if isinstance(due, timetable.Every):
        return max(now, due.next_after(last, zone) or now) if last else now
    return due.next_after(now, zone)


def _moment(epoch_us: int | None) -> datetime | None:
    return None if epoch_us is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=epoch_us)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def text(found: dict[str, Any]) -> str:
    """The overview for people."""
    from pipeline.output import shown, text_table

    lines = [f"{found['workspace']}: as of {found['as_of'] or 'nothing yet (no run has finished)'}"]
    if running := found["running"]:
        lines.append(f"running: {running['command']} (process {running['pid']}) since {running['since']}")
    if run := found["last_run"]:
        lines.append(
            f"last run: {run['command']} {run['run_id']}: {run['outcome'] or 'not finished'} (exit {run['exit_code']})"
        )
        lines.append("  " + ", ".join(f"{run[name]} {name.replace('records_', '')}" for name in _COUNTS))
    head = ["system", "connector", "records", "last read", "last full scan", "next run", ""]
    rows = [
        [
            system["system"],
            system["connector"],
            str(system["records"]),
            _ago(system["age_s"]),
            system["last_full_scan_at"] or "never",
            system["next_run"] or "-",
            "paused" if system["paused"] else "stale" if system["stale"] else "",
        ]
        for system in found["systems"]
    ]
    lines += ["", text_table(head, rows, right={2}).rstrip(), ""]
    waiting = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in found["waiting"].items() if number)
    lines.append(f"waiting: {waiting or 'nothing'}")
    return "\n".join(shown(line) if "\n" not in line else line for line in lines)


def _ago(seconds: int | None) -> str:
    if seconds is None:
        return "never"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{max(seconds, 0)} s ago"
