"""A store is brought forward in numbered steps: each whole or not at all, with a backup first, and quietly the next time."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from state import migrations

FIRST = "CREATE SCHEMA core; CREATE TABLE core.meta (key VARCHAR, value VARCHAR); CREATE TABLE core.a (x INTEGER);"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A schema folder of our own, with views to match."""
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "0001_first.sql").write_text(FIRST)
    (tmp_path / "views.sql").write_text("CREATE OR REPLACE VIEW a AS SELECT x FROM core.a;")
    monkeypatch.setattr(migrations, "VIEWS_FILE", tmp_path / "views.sql")
    return tmp_path / "schema"


def test_the_real_schema_is_made_once(tmp_path: Path) -> None:
    store = tmp_path / "customers.duckdb"
    with duckdb.connect(str(store)) as con:
        newest = migrations.apply(con, store)
        assert newest == len(list(migrations.SCHEMA_FOLDER.glob("*.sql")))
        assert migrations.pending(con) == []
    with duckdb.connect(str(store)) as con:
        before = con.execute("SELECT * FROM core.meta ORDER BY key").fetchall()
        assert migrations.apply(con, store) == newest
        assert con.execute("SELECT * FROM core.meta ORDER BY key").fetchall() == before
    assert not list(tmp_path.glob("*.backup-*"))


def test_a_step_forward_keeps_a_backup_and_the_data(tmp_path: Path, folder: Path) -> None:
    store = tmp_path / "customers.duckdb"
    with duckdb.connect(str(store)) as con:
        migrations.apply(con, store, folder)
        con.execute("INSERT INTO core.a VALUES (7)")
        (folder / "0002_b.sql").write_text("ALTER TABLE core.a ADD COLUMN y INTEGER DEFAULT 1;")
        assert [m.version for m in migrations.pending(con, folder)] == [2]
        assert migrations.apply(con, store, folder) == 2
        assert con.execute("SELECT x, y FROM core.a").fetchall() == [(7, 1)]
    backup = migrations.backup_path(store, 1)
    assert backup.name == "customers.backup-v1.duckdb"
    assert backup.stat().st_mode & 0o077 == 0
    with duckdb.connect(str(backup), read_only=True) as con:
        assert con.execute("SELECT * FROM core.a").fetchall() == [(7,)]


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path, folder: Path) -> None:
    """Half a migration would be a store that no version understands."""
    store = tmp_path / "customers.duckdb"
    with duckdb.connect(str(store)) as con:
        migrations.apply(con, store, folder)
        (folder / "0002_b.sql").write_text("CREATE TABLE core.b (x INTEGER); SELECT nonsense FROM nowhere;")
        with pytest.raises(duckdb.Error):
            migrations.apply(con, store, folder)
        assert migrations.version(con) == 1
        assert con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'b'").fetchall() == [(0,)]
        (folder / "0002_b.sql").write_text("CREATE TABLE core.b (x INTEGER);")
        assert migrations.apply(con, store, folder) == 2


def test_changed_views_are_made_again(folder: Path) -> None:
    with duckdb.connect() as con:
        migrations.apply(con, None, folder)
        migrations.VIEWS_FILE.write_text("CREATE OR REPLACE VIEW a AS SELECT x + 1 AS x FROM core.a;")
        con.execute("INSERT INTO core.a VALUES (7)")
        migrations.apply(con, None, folder)
        assert con.execute("SELECT x FROM a").fetchall() == [(8,)]


def test_a_store_of_a_newer_version_is_not_touched(folder: Path) -> None:
    with duckdb.connect() as con:
        migrations.apply(con, None, folder)
        con.execute("UPDATE core.meta SET value = '9' WHERE key = 'schema_version'")
        with pytest.raises(migrations.NewerStore, match="schema 9"):
            migrations.apply(con, None, folder)
