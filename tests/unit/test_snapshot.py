"""The published copy: complete, atomic, private, and made without losing DuckDB's own lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from state import snapshot

OPEN = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('SELECT 1'); print('got in')"


def got_in(store: Path) -> bool:
    """Whether a second process can open the store for writing."""
    found = subprocess.run([sys.executable, "-c", OPEN, str(store)], capture_output=True, text=True, check=False)
    return "got in" in found.stdout


def test_a_copy_is_readable_while_the_owner_goes_on_and_its_lock_stays(tmp_path: Path) -> None:
    """Copying inside the owner drops the lock; the test of that trap is that nobody gets in after a publish."""
    store = tmp_path / "customers.duckdb"
    with duckdb.connect(str(store)) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS a")
        con.execute("CHECKPOINT")
        published = snapshot.publish(store)
        assert published == tmp_path / "customers.snapshot.duckdb"
        assert published.stat().st_mode & 0o777 == 0o600
        with duckdb.connect(str(published), read_only=True) as reader:
            con.execute("INSERT INTO t VALUES (2)")
            con.execute("CHECKPOINT")
            snapshot.publish(store)
            assert reader.execute("SELECT count(*) FROM t").fetchall() == [(1,)]  # an open reader keeps what it has
        with duckdb.connect(str(published), read_only=True) as reader:
            assert reader.execute("SELECT count(*) FROM t").fetchall() == [(2,)]
        assert not got_in(store)
    assert got_in(store)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["customers.duckdb", "customers.snapshot.duckdb"]


def test_a_failed_copy_leaves_the_previous_one(tmp_path: Path) -> None:
    store = tmp_path / "customers.duckdb"
    target = snapshot.snapshot_path(store)
    target.write_text("yesterday's")
    with pytest.raises(snapshot.CopyFailed, match="could not be copied"):
        snapshot.publish(store)
    assert target.read_text() == "yesterday's"


def test_what_a_killed_copy_left_behind_does_no_harm(tmp_path: Path) -> None:
    store = tmp_path / "customers.duckdb"
    store.write_bytes(b"new")
    leftover = tmp_path / "customers.snapshot.duckdb.tmp"
    leftover.write_bytes(b"half of something longer")
    leftover.chmod(0o644)
    assert snapshot.publish(store).read_bytes() == b"new"
    assert snapshot.snapshot_path(store).stat().st_mode & 0o777 == 0o600
    assert not leftover.exists()
