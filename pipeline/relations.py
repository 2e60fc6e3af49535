"""Small and large relations between Python and DuckDB, through Arrow: no SQL per row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow

arrow: Any = pyarrow  # ships no types


def fill(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    """(Re)create a temporary table from rows. `table` and `columns` (names with types) are our own words, never input."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} ({columns})")
    rows = list(rows)
    if rows:
        con.register(
            "filled", arrow.table(list(zip(*rows, strict=True)), names=[f"c{at}" for at in range(len(rows[0]))])
        )
        con.execute(f"INSERT INTO {table} FROM filled")
        con.unregister("filled")


def stream(answer: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    """The rows of an answer in Arrow batches: a million rows never stand in Python at once."""
    for batch in answer.to_arrow_reader(65_536):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The one number that a query answers."""
    row = con.execute(sql).fetchone()
    assert row is not None
    return int(row[0])
