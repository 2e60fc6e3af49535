"""`query`: only reading, only the public views, helpful on a typo, and harmless whatever a customer is called."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.output import Format, safe_cell, save_answer, shown, text_table, write_answer
from pipeline.query import ask, open_snapshot
from state import migrations, snapshot

EVIL = '=HYPERLINK("http://x.example.com")'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published snapshot with three customers; the store itself is closed."""
    path = tmp_path_factory.mktemp("store") / "customers.duckdb"
    with duckdb.connect(str(path)) as con:
        migrations.apply(con, path)
        con.execute(
            """
            INSERT INTO core.customers (customer_id, full_name, phone, is_vip, birth_date, created_at) VALUES
                ('c1', ?, '+4915112345678', true, '1990-02-01', '2026-03-02 10:00:00+01'),
                ('c2', ?, NULL, NULL, NULL, NULL), ('c3', 'عائشة', NULL, false, NULL, NULL)
            """,
            [EVIL, "Ana\x1b[2J\u202egnp\nBerg"],
        )
        con.execute("CHECKPOINT")
        snapshot.publish(path)
    return path


@pytest.fixture
def con(store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_snapshot(store) as con:
        yield con


def written(con: duckdb.DuckDBPyConnection, sql: str, form: Format) -> str:
    out = io.StringIO()
    write_answer(ask(con, sql), form, out)
    return out.getvalue()


def test_a_table_neutralises_control_and_direction_marks(con: duckdb.DuckDBPyConnection) -> None:
    """A customer's name must not clear the operator's screen or turn a line around."""
    assert written(con, "SELECT customer_id, full_name FROM customers ORDER BY 1", "table") == (
        "customer_id  full_name\n"
        "-----------  ----------------------------------\n"
        'c1           =HYPERLINK("http://x.example.com")\n'
        "c2           Ana\\001b[2J\\202egnp Berg\n"
        "c3           عائشة\n"
    ).replace("\\001b", "\\u001b").replace("\\202e", "\\u202e")


def test_csv_cannot_become_a_formula_and_phones_stay_phones(con: duckdb.DuckDBPyConnection) -> None:
    rows = list(
        csv.reader(
            io.StringIO(
                written(
                    con,
                    "SELECT full_name, phone, is_vip, birth_date, created_at, systems FROM customers ORDER BY customer_id",
                    "csv",
                )
            )
        )
    )
    assert rows[1] == ["'" + EVIL, "+4915112345678", "true", "1990-02-01", "2026-03-02T09:00:00Z", "[]"]
    assert rows[2][1:] == ["", "", "", "", "[]"]


def test_json_is_one_document_with_times_in_utc(con: duckdb.DuckDBPyConnection) -> None:
    sql = "SELECT customer_id, is_vip, systems, created_at, sum(2) AS n, '{\"a\": [1]}'::JSON AS j FROM customers GROUP BY ALL ORDER BY 1 LIMIT 1"
    assert json.loads(written(con, sql, "json")) == [
        {
            "customer_id": "c1",
            "is_vip": True,
            "systems": [],
            "created_at": "2026-03-02T09:00:00Z",
            "n": 2,
            "j": {"a": [1]},
        }
    ]
    assert json.loads(written(con, "SELECT 1 AS a WHERE false", "json")) == []


def test_parquet_keeps_types(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    save_answer(ask(con, "SELECT customer_id, created_at, is_vip FROM customers ORDER BY 1"), "parquet", target)
    table = pq.read_table(target)
    assert [str(kind) for kind in table.schema.types] == ["string", "timestamp[us, tz=UTC]", "bool"]
    assert table.column("customer_id").to_pylist() == ["c1", "c2", "c3"]
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_file_is_written_whole_or_not_at_all(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("before")
    with pytest.raises(UserError):
        save_answer(ask(con, "SELECT CAST(full_name AS INTEGER) FROM customers"), "csv", target)
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(UserError, match="cannot be written"):
        save_answer(ask(con, "SELECT 1"), "csv", tmp_path / "nowhere" / "out.csv")


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO customers VALUES (1)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "SET threads = 1",
        "ATTACH '/tmp/x.duckdb'",
        "COPY customers TO '/tmp/x.csv'",
        "EXPORT DATABASE '/tmp/x'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list; SELECT 1",
        "SELECT 1; SELECT 2",
        "CALL pragma_version()",
        "USE core",
        "",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/*')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "SELECT * FROM core.customers",
        "SELECT * FROM (SELECT 1 FROM core.decisions) AS d, customers",
        "WITH d AS (FROM core.runs) FROM d",
        "SELECT CAST(full_name AS INTEGER) FROM customers",
        "SELECT getenv('HOME')",
    ],
)
def test_nothing_but_reading_the_views(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(UserError):
        written(con, sql, "json")


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT * FROM custmers", "did you mean 'customers'?"),
        ("SELECT * FROM xyzzy", "there are: customers, records, links"),
        ("SELECT emial FROM customers", "did you mean 'email' (in customers, records)?"),
        ("SELECT c.emial FROM customers AS c", "did you mean 'email'"),
        ("SELEC 1", "syntax error"),
    ],
)
def test_a_typo_names_the_nearest_view_or_column(con: duckdb.DuckDBPyConnection, sql: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        ask(con, sql)
    assert hint in str(caught.value)
    assert "pg_" not in str(caught.value)
    assert "duckdb_" not in str(caught.value)


def test_it_reads_while_somebody_holds_the_store(store: Path) -> None:
    """The reason for the snapshot: a second process cannot open the store itself."""
    with duckdb.connect(str(store)) as owner:
        owner.execute("INSERT INTO core.customers (customer_id) VALUES ('unpublished')")
        with open_snapshot(store) as con:
            assert json.loads(written(con, "SELECT count(*) AS n FROM customers", "json")) == [{"n": 3}]


def test_before_the_first_run_it_says_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"nothing to read yet(.|\n)*customer-sync backfill"),
        open_snapshot(tmp_path / "s.duckdb"),
    ):
        pass


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("@cmd", "'@cmd"),
        ("\t=1", "'\t=1"),
        (" =1", "' =1"),
        ("＝1+1", "'＝1+1"),
        ("\u202e=1", "'\u202e=1"),
        ("+4915112345678", "+4915112345678"),
        ("+47 412 34 567", "+47 412 34 567"),
        ("-3.5", "-3.5"),
        ("Ana = Berg", "Ana = Berg"),
        (7, 7),
        (None, None),
    ],
)
def test_formula_cells(value: Any, cell: Any) -> None:
    assert safe_cell(value) == cell


@given(st.text())
@settings(max_examples=50)
def test_whatever_is_shown_is_one_harmless_line(text: str) -> None:
    """Law of the terminal: nothing but characters that take a place in the line."""
    result = shown(text)
    assert "\n" not in result
    assert not any(
        ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        for c in result
    )
    assert shown("Ana Müller-Øst عائشة") == "Ana Müller-Øst عائشة"


def test_a_table_aligns_wide_and_combining_characters() -> None:
    assert (
        text_table(["a", "n"], [["日本", "1"], ["e\u0301", "22"]], right={1})
        == "a      n\n----  --\n日本   1\ne\u0301     22\n"
    )
