"""Keeps a workspace from growing: old versions go, free space is given back, few backups are kept.

Reads:      core.history, core.intents, core.pulls, the backups beside the store
Writes:     core.history, core.intents, core.pulls, core.landing, core.meta; removes backups, and rewrites the store's file
Guarantees: a quiet run changes nothing here; the present version of a record, writes whose outcome is unknown, and the newest write
            to each system (it says that this is not the first run) are never removed. Old rows are looked for once a day.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from pipeline.stage import forget_pull
from state import compact
from state.store import Store

BACKUPS = 3
EVERY = timedelta(days=1)
COMPACT_FROM = 64 * 1024 * 1024
"""Below this size in bytes, free space is not worth a rewrite: the next runs use it."""
MOSTLY_FREE = 0.5
_TIDIED_AT = "tidied_at"

log = structlog.get_logger("pipeline.housekeeping")


def tidy(store: Store, systems: Collection[str], history_days: int, now: datetime) -> None:
    """What is due at the end of a run, while the store is open. `systems`: those of the configuration."""
    if _is_due(store, now):
        removed = _forget_old(store, now - timedelta(days=history_days))
        _forget_walks(store, systems)
        _remember(store, now)
        if removed:
            log.info("history.forgotten", rows=removed, older_than_days=history_days)
    for file in _surplus_backups(store.path):
        file.unlink(missing_ok=True)
        log.info("backup.removed", file=file.name)


def wants_compacting(store: Store) -> bool:
    """Whether most of a large file is free space. The store has been checkpointed."""
    with store.transaction() as con:
        size = compact.size(con)
    return size.total >= COMPACT_FROM and size.free >= size.total * MOSTLY_FREE


def compacted(path: Path) -> None:
    """Give the free space of a closed store back; the caller still holds the workspace."""
    before = path.stat().st_size
    compact.rewrite(path)
    log.info("store.compacted", bytes_before=before, bytes_after=path.stat().st_size)


def _is_due(store: Store, now: datetime) -> bool:
    last = store.value("SELECT value FROM core.meta WHERE key = ?", [_TIDIED_AT])
    return last is None or now - datetime.fromisoformat(last) >= EVERY or now < datetime.fromisoformat(last)


def _remember(store: Store, now: datetime) -> None:
    with store.transaction() as con:
        con.execute("DELETE FROM core.meta WHERE key = ?", [_TIDIED_AT])
        con.execute("INSERT INTO core.meta VALUES (?, ?)", [_TIDIED_AT, now.isoformat()])


def _forget_old(store: Store, before: datetime) -> int:
    """Remove versions that were replaced before then, and what was written before then; returns how many rows."""
    with store.transaction() as con:
        versions = con.execute(
            """
            DELETE FROM core.history WHERE rowid IN (
                SELECT rowid FROM (
                    SELECT rowid, lead(seen_at) OVER (PARTITION BY system, record_id ORDER BY seen_at, rowid) AS replaced_at
                    FROM core.history
                ) WHERE replaced_at < ?
            )
            """,
            [before],
        ).fetchall()[0][0]
        writes = con.execute(
            """
            DELETE FROM core.intents WHERE finished_at < ? AND status IN ('done', 'failed', 'unsent') AND rowid NOT IN (
                SELECT arg_max(rowid, (finished_at, rowid)) FROM core.intents WHERE status = 'done' GROUP BY system
            )
            """,
            [before],
        ).fetchall()[0][0]
    return int(versions + writes)


def _forget_walks(store: Store, systems: Collection[str]) -> None:
    """Interrupted walks of systems that are not in the configuration any more: nobody will go on with them."""
    with store.transaction() as con:
        for pull_id, system in con.execute("SELECT pull_id, system FROM core.pulls").fetchall():
            if system not in systems:
                forget_pull(con, pull_id)


def _surplus_backups(store: Path) -> list[Path]:
    """Copies made before migrations, but for the newest few."""
    name = re.compile(re.escape(store.stem) + r"\.backup-v(\d+)" + re.escape(store.suffix) + r"\Z")
    found = [(int(match[1]), file) for file in store.parent.iterdir() if (match := name.fullmatch(file.name))]
    return [file for _, file in sorted(found, reverse=True)[BACKUPS:]]
