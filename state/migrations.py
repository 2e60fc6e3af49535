"""Brings a store to the present schema: numbered SQL files in `schema/`, one transaction each, after a backup.

`pending` only looks; `apply` changes. The public views are made again whenever their text changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from state import snapshot

SCHEMA_FOLDER = Path(__file__).parent / "schema"
VIEWS_FILE = Path(__file__).parent / "views.sql"


class NewerStore(Exception):
    """The store was written by a newer version of customer-sync than this one."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    file: Path


def version(con: duckdb.DuckDBPyConnection) -> int:
    """The schema version of the store; 0: empty."""
    exists = con.execute("SELECT 1 FROM duckdb_tables() WHERE schema_name = 'core' AND table_name = 'meta'").fetchone()
    return int(_meta(con, "schema_version") or 0) if exists else 0


def pending(con: duckdb.DuckDBPyConnection, folder: Path = SCHEMA_FOLDER) -> list[Migration]:
    """The migrations that the store still needs, in order. Raises NewerStore."""
    migrations = sorted(
        (Migration(int(file.name.partition("_")[0]), file) for file in folder.glob("[0-9]*.sql")),
        key=lambda m: m.version,
    )
    present = version(con)
    newest = migrations[-1].version if migrations else 0
    if present > newest:
        raise NewerStore(
            f"This store has schema {present}; this version of customer-sync knows schemas up to {newest}. "
            "Install the newer version again, or restore a backup."
        )
    return [migration for migration in migrations if migration.version > present]


def apply(con: duckdb.DuckDBPyConnection, store: Path | None, folder: Path = SCHEMA_FOLDER) -> int:
    """Migrate the store and refresh its views; returns the schema version. `store`: its file, or None in memory.

    No transaction may be open. A store that holds anything is copied to `<store>.backup-v<version>` first.
    """
    todo = pending(con, folder)
    present = version(con)
    if todo and present and store is not None:
        con.execute("CHECKPOINT")
        snapshot.copy(store, backup_path(store, present))
    for migration in todo:
        script = migration.file.read_text("utf-8")
        with _transaction(con):
            con.execute(script)
            _set_meta(con, "schema_version", str(migration.version))
    refresh_views(con)
    return version(con)


def backup_path(store: Path, present: int) -> Path:
    """Where a store of schema `present` is kept before it is migrated."""
    return store.with_name(f"{store.stem}.backup-v{present}{store.suffix}")


def refresh_views(con: duckdb.DuckDBPyConnection) -> None:
    """Make the public views of `views.sql`, unless the store has exactly these (a quiet run must not grow the file)."""
    script = VIEWS_FILE.read_text("utf-8")
    mark = hashlib.sha256(script.encode()).hexdigest()
    if _meta(con, "views") == mark:
        return
    with _transaction(con):
        con.execute(script)
        _set_meta(con, "views", mark)


@contextmanager
def _transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def _meta(con: duckdb.DuckDBPyConnection, key: str) -> str | None:
    row = con.execute("SELECT value FROM core.meta WHERE key = ?", [key]).fetchone()
    return row[0] if row else None


def _set_meta(con: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    con.execute("DELETE FROM core.meta WHERE key = ?", [key])
    con.execute("INSERT INTO core.meta VALUES (?, ?)", [key, value])
