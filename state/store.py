"""The workspace's store: one DuckDB file, owned by the running process. All writes go through here.

One connection, one transaction at a time: threads take turns (`transaction`), so no two of them ever meet in a write conflict.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from state import migrations


class Store:
    """An open store. `path` is its file. Close it with `close`, which leaves everything in the main file."""

    def __init__(self, path: Path, con: duckdb.DuckDBPyConnection) -> None:
        self.path, self._con, self._turn = path, con, threading.RLock()
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One durable step: all of it or nothing. Nested calls of one thread join the outer transaction."""
        with self._turn:
            if self._depth:
                yield self._con
                return
            self._con.execute("BEGIN")
            self._depth += 1
            try:
                yield self._con
            except BaseException:
                self._depth -= 1
                self._con.execute("ROLLBACK")
                raise
            self._depth -= 1
            self._con.execute("COMMIT")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        with self._turn:
            return self._con.execute(sql, parameters).fetchall()

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        rows = self.rows(sql, parameters)
        return rows[0][0] if rows else None

    def checkpoint(self) -> None:
        """Everything committed so far is in the main file, so that a copy of it is complete."""
        with self._turn:
            self._con.execute("CHECKPOINT")

    def close(self) -> None:
        with self._turn:
            self._con.close()


def open_store(path: Path) -> Store:
    """Open (or create) the store at `path`, migrated to the present schema, with fresh public views; times are in UTC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    con = duckdb.connect(str(path))
    if is_new:
        path.chmod(0o600)
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET preserve_insertion_order = false")
    migrations.apply(con, path)
    return Store(path, con)


def append(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert `rows` as one Arrow batch: set-based, never a statement per row. `table` and `columns` are our own names."""
    if not rows:
        return
    arrays = [pa.array(values) for values in zip(*rows, strict=True)]
    con.register("incoming", pa.Table.from_arrays(arrays, names=list(columns)))
    try:
        names = ", ".join(f'"{column}"' for column in columns)
        con.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming")  # noqa: S608  our own identifiers
    finally:
        con.unregister("incoming")


@contextmanager
def relation(
    con: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> Iterator[None]:
    """`rows` as a relation called `name` that the queries inside the block can join; also when empty (then all text columns)."""
    listed = zip(*rows, strict=True)
    arrays = [pa.array(values) for values in listed] if rows else [pa.array([], pa.string()) for _ in columns]
    con.register(name, pa.Table.from_arrays(arrays, names=list(columns)))
    try:
        yield
    finally:
        con.unregister(name)
