"""What the daemon needs to know of how things stand: due, overdue, idle, rejecting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import standing
from pipeline.config import Config, SystemConfig
from state import snapshot
from state.store import Store, open_store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday


def config(folder: Path, schedule: str = "every 1h", *, paused: bool = False, full_scan: str = "0 3 * * *") -> Config:
    system = SystemConfig.model_construct(schedule=schedule, full_scan=full_scan, timezone="UTC", paused=paused)
    return Config.model_construct(store=str(folder / "customers.duckdb"), systems={"oslo": system})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "customers.duckdb")


def read(store: Store, ago: timedelta, full_ago: timedelta | None = None) -> None:
    with store.transaction() as con:
        con.execute("DELETE FROM core.systems")
        con.execute(
            "INSERT INTO core.systems (system, last_complete_at, last_full_scan_at) VALUES ('oslo', ?, ?)",
            [NOW - ago, NOW - (full_ago or ago)],
        )
    store.checkpoint()
    snapshot.publish(store.path)


def test_nothing_is_known_before_the_first_run(tmp_path: Path) -> None:
    assert standing.due(config(tmp_path), NOW) == {"oslo": False}
    assert standing.due(config(tmp_path, paused=True), NOW) == {}
    assert standing.overdue(config(tmp_path), NOW - timedelta(hours=1), NOW) == {"oslo": ""}
    late = standing.overdue(config(tmp_path), NOW - timedelta(hours=3), NOW)
    assert late == {"oslo": "never read so far, schedule 'every 1h'"}
    assert "nothing to read yet" in standing.unreadable(config(tmp_path))[0]
    assert standing.many_rejects(config(tmp_path)) == {}
    assert standing.idle(config(tmp_path), NOW) == ["oslo"]


@pytest.mark.parametrize(
    ("schedule", "ago", "is_due", "is_late"),
    [
        ("every 1h", timedelta(minutes=50), False, False),
        ("every 1h", timedelta(minutes=70), True, False),
        ("every 1h", timedelta(minutes=125), True, False),  # the second run may be under way
        ("every 1h", timedelta(minutes=135), True, True),
        (
            "0 8-20 * * mon-fri",
            timedelta(days=2, hours=15, minutes=30),
            True,
            True,
        ),  # Friday evening; due since 8 today
        ("0 12,13 * * mon-fri", timedelta(days=2, hours=15, minutes=30), True, False),  # nobody is late on Sunday
        ("0 3 * * *", timedelta(hours=8), False, False),
    ],
)
def test_due_after_one_time_late_after_two(
    store: Store, tmp_path: Path, schedule: str, ago: timedelta, is_due: bool, is_late: bool
) -> None:
    read(store, ago)
    found = config(tmp_path, schedule, full_scan="0 0 1 1 *")
    assert standing.due(found, NOW) == ({"oslo": True} if is_due else {})
    assert bool(standing.overdue(found, NOW - timedelta(days=30), NOW)["oslo"]) is is_late
    assert standing.overdue(config(tmp_path, schedule, paused=True), NOW - timedelta(days=30), NOW) == {"oslo": ""}


def test_a_missed_full_scan_makes_a_system_due(store: Store, tmp_path: Path) -> None:
    read(store, timedelta(minutes=5), full_ago=timedelta(hours=20))
    assert standing.due(config(tmp_path), NOW) == {"oslo": True}


def test_nobody_is_blamed_for_the_time_before_the_daemon_ran(store: Store, tmp_path: Path) -> None:
    read(store, timedelta(days=30))
    assert standing.overdue(config(tmp_path), NOW - timedelta(minutes=5), NOW) == {"oslo": ""}


@pytest.mark.parametrize(
    ("rejects", "records", "is_many"), [(19, 100, False), (20, 100, True), (20, 5000, False), (60, 5000, True)]
)
def test_rejects_count_as_many_by_number_and_share(
    store: Store, tmp_path: Path, rejects: int, records: int, is_many: bool
) -> None:
    with store.transaction() as con:
        con.execute("INSERT INTO core.rejects (system, reason) SELECT 'oslo', 'x' FROM range(?)", [rejects])
        con.execute(
            "INSERT INTO core.records (system, record_id) SELECT 'oslo', i::VARCHAR FROM range(?) AS t(i)", [records]
        )
    read(store, timedelta(minutes=5))
    assert bool(standing.many_rejects(config(tmp_path))["oslo"]) is is_many
