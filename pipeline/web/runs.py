"""Every run with its numbers, charted over time; one run's plan and writes, before and after.

Reads: the snapshot. Writes: nothing.
"""

# ruff: noqa: S608  SQL is put together from our own constants and names; what comes from outside is always bound

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.web import data
from pipeline.web.view import PAGE_ROWS, Asked, Missing, View, pager

CHARTED = 48
"""Runs in the chart: half a day of quarters of an hour."""

WIDTH, HEIGHT = 720, 120
_FILTERS = ("system", "operation", "status")
WRITES = ("created", "updated", "deleted")
READ = ("records_new", "records_changed", "records_unchanged", "records_rejected")


def load(asked: Asked) -> dict[str, Any]:
    """One page of runs, newest first, and the chart of the latest ones."""
    total = data.count(asked.con, "SELECT count(*) FROM core.runs")
    found = data.rows(
        asked.con, f"SELECT * FROM runs ORDER BY started_at DESC, run_id DESC LIMIT {PAGE_ROWS} OFFSET {asked.offset}"
    )  # fmt: skip
    latest = data.rows(asked.con, f"SELECT * FROM runs ORDER BY started_at DESC, run_id DESC LIMIT {CHARTED}")
    return {"runs": found, "charts": charts(latest[::-1]), "pager": pager(asked, total, {})}


def charts(runs: Sequence[data.Row]) -> list[dict[str, Any]]:
    """Stacked bars as rectangles of a WIDTH × HEIGHT drawing, one bar per run, oldest first."""
    return [_chart("Records read", READ, runs), _chart("Writes", WRITES, runs)]


def _chart(title: str, kinds: Sequence[str], runs: Sequence[data.Row]) -> dict[str, Any]:
    top = max((sum(run[kind] for kind in kinds) for run in runs), default=0)
    step = WIDTH / max(len(runs), 12)
    bars = []
    for number, run in enumerate(runs):
        below = float(HEIGHT)
        parts = []
        for kind in kinds:
            if not run[kind]:
                continue
            # A run that did little beside one that did much must still be seen to have done something.
            height = max(1.5, HEIGHT * run[kind] / top)
            below = max(0.0, below - height)
            parts.append({"kind": kind, "y": round(below, 1), "height": round(height, 1)})
        bars.append(
            {
                "run_id": run["run_id"],
                "started_at": run["started_at"],
                "x": round(number * step + step * 0.1, 1),
                "width": round(min(step * 0.8, 40.0), 1),
                "parts": parts,
                "counts": {kind: run[kind] for kind in kinds if run[kind]},
                "failed": run["exit_code"] not in (0, None),
            }
        )
    return {"title": title, "top": top, "kinds": list(kinds), "bars": bars, "width": WIDTH, "height": HEIGHT}


def load_run(asked: Asked) -> dict[str, Any]:
    """One run: counts by system, what it planned and did not carry out, and its writes."""
    run_id = asked.path["run_id"]
    run = data.one(asked.con, "SELECT * FROM runs WHERE run_id = ?", [run_id])
    if run is None:
        raise Missing("There is no such run; it may be older than the history that is kept.")
    systems = data.rows(
        asked.con,
        "SELECT * EXCLUDE (run_id, problem), problem FROM core.run_systems WHERE run_id = ? ORDER BY system",
        [run_id],
    )
    chosen = asked.chosen(*_FILTERS)
    bound = {**chosen, "run_id": run_id}
    where = " AND ".join(["run_id = $run_id", *(f"{name} = ${name}" for name in chosen)])
    total = data.count(asked.con, f"SELECT count(*) FROM writes WHERE {where}", bound)
    writes = data.rows(
        asked.con,
        f"SELECT * FROM writes WHERE {where} ORDER BY system, operation DESC, customer_id, sent_at"
        f" LIMIT {PAGE_ROWS} OFFSET {asked.offset}",
        bound,
    )
    kinds = data.rows(
        asked.con,
        "SELECT system, operation, status, count(*) AS number FROM writes WHERE run_id = ? GROUP BY ALL ORDER BY ALL",
        [run_id],
    )
    planned, planned_total = _planned(asked, run_id)
    ids = [row["customer_id"] for row in [*writes, *planned] if row["customer_id"]]
    titles = data.titles(asked.con, ids)
    return {
        "run": run,
        "systems_of_run": systems,
        "chosen": chosen,
        "kinds": kinds,
        "writes": [row | {"customer": titles.get(row["customer_id"], "")} for row in writes],
        "planned": [row | {"customer": titles.get(row["customer_id"], "")} for row in planned],
        "planned_total": planned_total,
        "pager": pager(asked, total, chosen),
    }


def _planned(asked: Asked, run_id: str) -> tuple[list[data.Row], int]:
    """What this run planned and did not write (a dry run, a safety stop, a crash): only the latest run's plan is kept."""
    sql = """
        FROM core.plan AS p
        WHERE p.run_id = ? AND NOT EXISTS (
            SELECT 1 FROM core.intents AS i WHERE i.run_id = p.run_id AND i.system = p.system AND i.customer_id = p.customer_id
        )
    """
    total = data.count(asked.con, f"SELECT count(*) {sql}", [run_id])
    columns = "p.system, p.record_id, p.customer_id, p.operation, p.fields, p.reason"
    return data.rows(asked.con, f"SELECT {columns} {sql} ORDER BY p.position LIMIT {PAGE_ROWS}", [run_id]), total


VIEWS = (View("/runs", "runs.html", load), View("/runs/{run_id}", "run.html", load_run))
