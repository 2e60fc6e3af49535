"""Rewrites a store's file without its free blocks, and so without anything that was ever deleted from it.

DuckDB reuses free blocks but rarely gives them back, and they still hold what was in them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True, slots=True)
class Size:
    """A store's file, in bytes: the whole, and the part of it that is free."""

    total: int
    free: int


def size(con: duckdb.DuckDBPyConnection) -> Size:
    """The size of the open database of `con`, as of its last checkpoint."""
    block, total, free = con.execute(
        "SELECT block_size, total_blocks, free_blocks FROM pragma_database_size() WHERE database_name = current_database()"
    ).fetchall()[0]
    return Size(block * total, block * free)


def rewrite(store: Path) -> None:
    """Copy everything that is in the store into a new file, which replaces it atomically. The caller holds the workspace, and
    nobody has the file open; a crash leaves the old one.
    """
    made = store.with_name(store.name + ".rewrite")
    for leftover in (made, made.with_name(made.name + ".wal")):
        leftover.unlink(missing_ok=True)
    con = duckdb.connect()
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET preserve_insertion_order = false")
        con.execute(f"ATTACH {_quoted(store)} AS before (READ_ONLY)")
        con.execute(f"ATTACH {_quoted(made)} AS fresh")
        made.chmod(0o600)
        con.execute("COPY FROM DATABASE before TO fresh")
        con.execute("CHECKPOINT fresh")
        con.execute("DETACH fresh")
        con.execute("DETACH before")
    finally:
        con.close()
    _durable(made)
    made.replace(store)
    _durable(store.parent)


def _quoted(path: Path) -> str:
    """A path as an SQL text: ATTACH takes no parameters."""
    return "'" + str(path).replace("'", "''") + "'"


def _durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
