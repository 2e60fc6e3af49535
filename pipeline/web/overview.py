"""Is everything in sync, and if not, what should I do?

Reads: the snapshot, the lock file and the inbox. Writes: nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import status
from pipeline.query import open_snapshot
from pipeline.web import conflicts, data, reviews, words
from state.snapshot import snapshot_path

if TYPE_CHECKING:
    import duckdb

    from pipeline.config import Config


def load(config: Config, now: datetime) -> dict[str, Any]:
    """The verdict, what there is to do, and how each system stands. Works before the first run, too."""
    found = status.gather(config, now)
    names = list(config.systems)
    if found["as_of"] is None:
        for system in found["systems"]:
            system |= {"states": dict.fromkeys(data.STATES, 0), "reasons": [], "problem": None}
        return found | {"verdict": "nothing", "customers": 0, "todo": []}
    published = snapshot_path(config.store_path).stat().st_mtime_ns
    counted = _counted(config.store_path, published, tuple(names))
    with open_snapshot(config.store_path) as con:
        problems = _problems(con, found["last_run"])
        for system in found["systems"]:
            name = system["system"]
            system |= {
                "states": counted.standing[name],
                "reasons": [reason for reason in counted.reasons if reason["system"] == name],
                "problem": problems.get(name),
            }
        found["todo"] = list(_todo(con, config, found))
    found["customers"] = counted.customers
    open_ends = any(system["states"][data.PENDING] or system["states"][data.HELD] for system in found["systems"])
    found["verdict"] = "needs_you" if found["todo"] else "under_way" if open_ends else "in_sync"
    return found


@dataclass(frozen=True, slots=True)
class _Counted:
    standing: dict[str, dict[str, int]]
    reasons: list[data.Row]
    customers: int


@lru_cache(maxsize=4)
def _counted(store: Path, published: int, systems: tuple[str, ...]) -> _Counted:  # noqa: ARG001  a new snapshot, a new count
    """The counts that read every customer: once per published snapshot, however often pages ask."""
    with open_snapshot(store) as con:
        customers = data.count(con, "SELECT count(*) FROM core.customers")
        return _Counted(data.standing(con, systems), data.reasons(con), customers)


def next_run(config: Config, now: datetime) -> str | None:
    """When the next run of any system is due, None when none is planned (all paused)."""
    due = [system["next_run"] for system in status.gather(config, now)["systems"] if system["next_run"]]
    return min(due, default=None)


def _problems(con: duckdb.DuckDBPyConnection, run: dict[str, Any] | None) -> dict[str, str]:
    """System → error code, where the last run could not work with it."""
    if run is None:
        return {}
    found = data.rows(
        con, "SELECT system, problem FROM core.run_systems WHERE run_id = ? AND problem IS NOT NULL", [run["run_id"]]
    )
    return {row["system"]: row["problem"] for row in found}


def _todo(con: duckdb.DuckDBPyConnection, config: Config, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a person should do, the most urgent first: a sentence, where it leads, and whether something is broken."""
    run = found["last_run"]
    if run and run["exit_code"] in (1, 2, 4):
        yield _item(f"The last run was {words.EXIT_CODES[run['exit_code']]}.", f"/runs/{run['run_id']}", broken=True)
    for system in found["systems"]:
        name = system["system"]
        if system["problem"]:
            yield _item(
                f"{name} could not be used in the last run ({words.plain(system['problem'])}). Run: customer-sync check",
                f"/runs/{run['run_id']}" if run else "/runs",
                broken=True,
            )
        elif system["stale"]:
            yield _item(
                f"{name} was not read for longer than it should be. Is the daemon running?", "/runs", broken=True
            )
        if failing := system["states"][data.FAILING]:
            yield _item(
                f"{name} refuses {_many(failing, 'customer')}.", f"/customers?system={name}&state=failing", broken=True
            )
    unread = data.count(con, "SELECT count(*) FROM rejects WHERE stage = 'pull'")
    if unread:
        yield _item(f"{_many(unread, 'record')} could not be understood.", "/rejects", broken=True)
    if waiting := conflicts.waiting(con, config):
        yield _item(
            f"Choose between different values for {_many(waiting, 'customer')}.",
            "/conflicts?show=waiting",
            broken=False,
        )
    if undecided := reviews.undecided(con, config):
        yield _item(f"Decide {_many(undecided, 'possible match', 'possible matches')}.", "/reviews", broken=False)


def _item(text: str, href: str, *, broken: bool) -> dict[str, Any]:
    return {"text": text, "href": href, "broken": broken}


def _many(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
