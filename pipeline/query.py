"""Read-only SQL on the published snapshot: the public views and nothing else.

Reads: the snapshot file. Writes: the answer, to standard output or to a file. No SQL can change data, read files, load
extensions or reach the network.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from pipeline.errors import UserError
from state.snapshot import snapshot_path

VIEWS: tuple[str, ...] = (
    "customers", "records", "links", "provenance", "runs", "run_systems", "exclusions", "writes", "rejects", "conflicts",
    "reviews", "cursors", "history",
)  # fmt: skip

BATCH_ROWS = 5_000
_OPENING = Lock()
"""Readers of one process share DuckDB's instance of the file, and so its settings: the first one sets and locks them."""
_STATEMENTS = ("SELECT", "EXPLAIN")
_MISSING_TABLE = re.compile(r"Table with name (\S+) does not exist")
_MISSING_COLUMN = re.compile(r'Referenced column "(\w+)" not found|does not have a column named "(\w+)"')
_GUESS = re.compile(r"\n(?:Did you mean|Candidate bindings)[^\n]*")


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's result, not fetched yet. `types` are DuckDB's names of the columns' types; JSON columns come as text."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    relation: duckdb.DuckDBPyRelation
    """The rows with times as UTC wall-clock times."""
    original: duckdb.DuckDBPyRelation

    def batches(self) -> Iterator[list[tuple[Any, ...]]]:
        """The rows, a few thousand at a time. Raises UserError where a value cannot be computed (a cast, a division)."""
        try:
            self.relation.execute()
            while rows := self.relation.fetchmany(BATCH_ROWS):
                yield rows
        except duckdb.Error as error:
            raise UserError(str(error).strip()) from None


@contextmanager
def open_snapshot(store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A locked-down connection to the snapshot of `store`. Raises UserError when there is none yet."""
    file = snapshot_path(store)
    if not file.exists():
        raise UserError(
            f"There is nothing to read yet: {file} does not exist.",
            ["it is written at the end of each run; start one with `customer-sync backfill`"],
        )
    settings = {"enable_external_access": "false", "autoinstall_known_extensions": "false"}
    settings |= {"autoload_known_extensions": "false", "temp_directory": ""}
    with _OPENING:
        try:
            con = duckdb.connect(str(file), read_only=True, config=settings)  # type: ignore[arg-type]
        except duckdb.Error as error:
            raise UserError(f"{file} cannot be opened: {str(error).splitlines()[0]}") from None
        if con.execute("SELECT current_setting('lock_configuration')").fetchall() != [(True,)]:
            con.execute("SET GLOBAL TimeZone = 'UTC'")
            con.execute("SET lock_configuration = true")
    try:
        yield con
    finally:
        con.close()


def ask(con: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """The answer to one SELECT. Raises UserError for anything that is no such thing, with the nearest valid name."""
    try:
        statements = con.extract_statements(sql)
        kinds = [statement.type.name for statement in statements]
        if len(kinds) != 1 or kinds[0] not in _STATEMENTS:
            raise UserError(
                "One SELECT at a time, please: this command only reads.", [f"got: {', '.join(kinds) or 'nothing'}"]
            )
        _refuse_internal(con, statements[0].query)
        relation = con.sql(statements[0].query)
        if relation is None:
            raise UserError("This statement gives no rows.")
        return _plain_times(relation)
    except duckdb.Error as error:
        raise explained(con, error) from None


def explained(con: duckdb.DuckDBPyConnection, error: duckdb.Error) -> UserError:
    """DuckDB's complaint, with the nearest public view or column instead of its own guess at internal ones."""
    text = str(error)
    hints: list[str] = []
    if found := _MISSING_TABLE.search(text):
        near = difflib.get_close_matches(found[1].lower(), VIEWS, n=1)
        hints.append(f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(VIEWS)}")
    elif found := _MISSING_COLUMN.search(text):
        near = difflib.get_close_matches((found[1] or found[2]).lower(), _columns(con), n=1)
        if near:
            hints.append(f"did you mean {near[0]!r} (in {', '.join(_views_with(con, near[0]))})?")
    return UserError(_GUESS.sub("", text).strip(), hints)


def _refuse_internal(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """The internal tables are no secret (the snapshot is a file), but nothing should come to depend on them."""
    found = con.execute(
        """
        WITH tree AS (SELECT json_serialize_sql(?::VARCHAR, skip_null := true) AS tree)
        SELECT list_contains(json_extract_string(tree, '$..schema_name'), 'core')
            OR list_contains(json_extract_string(tree, '$..catalog_name'), 'core') FROM tree
        """,
        [sql],
    ).fetchone()
    if found and found[0]:
        raise UserError(
            "The schema `core` is internal and changes without notice.", [f"the public views: {', '.join(VIEWS)}"]
        )


def _plain_times(relation: duckdb.DuckDBPyRelation) -> Answer:
    """The same rows with TIMESTAMPTZ as UTC wall-clock times: DuckDB needs another package to hand out the former."""
    original = relation
    columns, types = tuple(relation.columns), tuple(str(kind) for kind in relation.types)
    zoned = "WITH TIME ZONE"
    if any(zoned in kind for kind in types):
        chosen = (
            f"#{number}" if zoned not in kind
            else f"timezone('UTC', #{number})" if kind == f"TIMESTAMP {zoned}"
            else f"#{number}::VARCHAR"
            for number, kind in enumerate(types, start=1)
        )  # fmt: skip
        names = (name.replace('"', '""') for name in columns)
        relation = relation.project(
            ", ".join(f'{value} AS "{name}"' for value, name in zip(chosen, names, strict=True))
        )
    return Answer(columns, types, relation, original)


def _columns(con: duckdb.DuckDBPyConnection) -> list[str]:
    rows = con.execute("SELECT DISTINCT column_name FROM duckdb_columns() WHERE schema_name = 'main'").fetchall()
    return sorted(name for (name,) in rows)


def _views_with(con: duckdb.DuckDBPyConnection, column: str) -> Sequence[str]:
    rows = con.execute(
        "SELECT table_name FROM duckdb_columns() WHERE schema_name = 'main' AND column_name = ? ORDER BY 1", [column]
    ).fetchall()
    return [name for (name,) in rows]
