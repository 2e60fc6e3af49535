"""A workspace does not grow by itself: quiet runs, old versions, free space, backups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import housekeeping
from state import compact
from state.store import Store, open_store
from tests.engine import workshop
from tests.quick import books, quickly

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "customers.duckdb")


def version(store: Store, record_id: str, seen_at: datetime) -> None:
    with store.transaction() as con:
        con.execute("INSERT INTO core.history VALUES ('berlin', ?, ?, 'r', 'h', '{}')", [record_id, seen_at])


def write(store: Store, intent_id: str, status: str, at: datetime, system: str = "berlin") -> None:
    with store.transaction() as con:
        con.execute(
            "INSERT INTO core.intents (intent_id, system, status, sent_at, finished_at) VALUES (?, ?, ?, ?, ?)",
            [intent_id, system, status, at, None if status in {"sending", "unknown"} else at],
        )


def tidy(store: Store, *, days: int = 30, now: datetime = NOW) -> None:
    housekeeping.tidy(store, ["berlin"], days, now)


def test_versions_go_so_many_days_after_they_were_replaced_and_the_present_one_stays(store: Store) -> None:
    """A version is kept from the day it stopped being true, however old it was then."""
    for record_id, days in (
        ("old", 200),
        ("changed", 200),
        ("changed", 90),
        ("changed", 80),
        ("lately", 200),
        ("lately", 3),
    ):
        version(store, record_id, ago(days))
    tidy(store)
    assert store.rows("SELECT record_id, seen_at FROM core.history ORDER BY ALL") == [
        ("changed", ago(80)), ("lately", ago(200)), ("lately", ago(3)), ("old", ago(200)),
    ]  # fmt: skip


def test_no_earlier_versions_at_all_are_kept_for_0_days(store: Store) -> None:
    version(store, "1", ago(2))
    version(store, "1", ago(1))
    tidy(store, days=0)
    assert store.rows("SELECT seen_at FROM core.history") == [(ago(1),)]


def test_old_writes_go_but_unknown_ones_and_the_proof_that_a_system_was_written_to(store: Store) -> None:
    for intent_id, status, days in (
        ("first", "done", 100), ("last", "done", 90), ("refused", "failed", 80), ("unsent", "unsent", 80),
        ("lost", "unknown", 100), ("crashed", "sending", 100), ("young", "failed", 2),
    ):  # fmt: skip
        write(store, intent_id, status, ago(days))
    write(store, "elsewhere", "done", ago(300), system="oslo")
    tidy(store)
    kept = {intent_id for (intent_id,) in store.rows("SELECT intent_id FROM core.intents")}
    assert kept == {"last", "lost", "crashed", "young", "elsewhere"}


def test_old_rows_are_looked_for_once_a_day(store: Store) -> None:
    """Looking costs as much as there is history: not after every run."""
    tidy(store)
    version(store, "1", ago(200))
    version(store, "1", ago(100))
    tidy(store, now=NOW + timedelta(hours=23))
    assert store.value("SELECT count(*) FROM core.history") == 2
    tidy(store, now=NOW + timedelta(hours=24))
    assert store.value("SELECT count(*) FROM core.history") == 1


def test_walks_of_systems_that_are_gone_are_forgotten(store: Store) -> None:
    with store.transaction() as con:
        for system in ("berlin", "gone"):
            con.execute("INSERT INTO core.pulls (pull_id, system) VALUES (?, ?)", [f"r:{system}", system])
            con.execute("INSERT INTO core.landing (pull_id, record_id) VALUES (?, '1')", [f"r:{system}"])
    tidy(store)
    assert store.rows("SELECT pull_id FROM core.landing") == [("r:berlin",)]


def test_the_last_three_backups_are_kept(store: Store) -> None:
    for number in (1, 2, 3, 9, 10):
        (store.path.parent / f"customers.backup-v{number}.duckdb").touch()
    (store.path.parent / "customers.backup-mine.duckdb").touch()
    tidy(store)
    assert sorted(file.name for file in store.path.parent.glob("*.backup-*")) == [
        "customers.backup-mine.duckdb", "customers.backup-v10.duckdb", "customers.backup-v3.duckdb", "customers.backup-v9.duckdb",
    ]  # fmt: skip


def test_free_space_is_given_back_and_nothing_deleted_stays_in_the_file(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "COMPACT_FROM", 1024 * 1024)
    version(store, "1", NOW)
    with store.transaction() as con:
        con.execute("INSERT INTO core.meta VALUES ('x', 'deleted-person')")
        con.execute("CREATE TABLE core.large AS SELECT md5(i::VARCHAR) AS text FROM range(100_000) AS t(i)")
    store.checkpoint()
    assert not housekeeping.wants_compacting(store)
    with store.transaction() as con:
        con.execute("DROP TABLE core.large")
    before = set(store.rows("SELECT table_schema, table_name, table_type FROM information_schema.tables"))
    with store.transaction() as con:
        con.execute("DELETE FROM core.meta WHERE key = 'x'")
    store.checkpoint()
    assert housekeeping.wants_compacting(store)
    size = store.path.stat().st_size
    store.close()

    housekeeping.compacted(store.path)

    assert store.path.stat().st_size < size / 2
    assert store.path.stat().st_mode & 0o777 == 0o600
    assert b"deleted-person" not in store.path.read_bytes()
    again = open_store(store.path)
    assert set(again.rows("SELECT table_schema, table_name, table_type FROM information_schema.tables")) == before
    assert again.value("SELECT count(*) FROM history") == 1
    with again.transaction() as con:
        con.execute("INSERT INTO core.systems (system) VALUES ('s')")
    assert again.value("SELECT full_scans FROM core.systems") == 0  # defaults came along
    assert not housekeeping.wants_compacting(again)
    again.close()


def test_a_rewrite_that_was_killed_leaves_the_store_as_it_was(store: Store) -> None:
    """What is left of it is no hindrance to the next one."""
    store.path.with_name("customers.duckdb.rewrite").write_bytes(b"half")
    store.path.with_name("customers.duckdb.rewrite.wal").write_bytes(b"half")
    store.close()
    compact.rewrite(store.path)
    open_store(store.path).close()
    assert not list(store.path.parent.glob("*.rewrite*"))


@pytest.mark.parametrize("runs", [10, pytest.param(60, marks=pytest.mark.deep)])
def test_quiet_runs_do_not_grow_the_store(tmp_path: Path, runs: int) -> None:
    with quickly(), workshop(tmp_path) as work:
        for number in range(15):
            work.shop.berlin.add(first_name="Ana", last_name=f"Berg {number}", email=f"ana{number}@example.com")
        work.backfill()
        for _ in range(3):
            work.sync()
        store = work.config.store_path
        sizes = []
        for _ in range(runs):
            work.sync()
            sizes.append(store.stat().st_size)
        assert max(sizes) <= min(sizes) * 1.05, sizes
        tables = ("landing", "landing_rejects", "pulls", "verdicts", "plan", "pending_bases", "changed", "touched")
        assert [books(store, f"SELECT count(*) FROM core.{table}")[0][0] for table in tables] == [0] * len(tables)
