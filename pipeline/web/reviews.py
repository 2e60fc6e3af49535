"""Possible matches, side by side, to be decided: one person, or two?

Reads: the snapshot and the inbox. Writes: decisions, to the inbox.
"""

# ruff: noqa: S608  SQL is put together from our own constants and names; what comes from outside is always bound

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.match_reviews import COMPARED
from pipeline.review import decide_review
from pipeline.web import data
from pipeline.web.view import PAGE_ROWS, Action, Asked, Missing, View, pager
from state import inbox

if TYPE_CHECKING:
    import duckdb

    from pipeline.config import Config


def load(asked: Asked) -> dict[str, Any]:
    """One page of reviews: those to decide, or (`show=decided`) those decided."""
    decided = asked.query.get("show") == "decided"
    where = "v.decision IS NOT NULL" if decided else "v.decision IS NULL"
    total = data.count(asked.con, f"SELECT count(*) FROM reviews AS v WHERE {where}")
    rows = data.rows(
        asked.con,
        f"SELECT * FROM reviews AS v WHERE {where} ORDER BY since, review_id LIMIT {PAGE_ROWS} OFFSET {asked.offset}",
    )
    keys = [(row[f"{side}_system"], row[f"{side}_record_id"]) for row in rows for side in ("left", "right")]
    records = data.records(asked.con, keys)
    waiting = decisions_waiting(asked.config)
    from pipeline.web.overview import next_run

    return {
        "show": "decided" if decided else "open",
        "reviews": [_review(row, records, waiting) for row in rows],
        "next_run": next_run(asked.config, asked.now),
        "pager": pager(asked, total, asked.chosen("show")),
    }


def decisions_waiting(config: Config) -> dict[str, str]:
    """review_id → what was decided since the last run."""
    return {d.subject["review_id"]: d.kind for d in inbox.pending(config.store_path) if "review_id" in d.subject}


def undecided(con: duckdb.DuckDBPyConnection, config: Config) -> int:
    """How many reviews nobody has decided, not even since the last run."""
    open_ids = con.execute("SELECT review_id FROM reviews WHERE decision IS NULL").fetchall()
    return len({review_id for (review_id,) in open_ids} - decisions_waiting(config).keys())


def _review(row: data.Row, records: Mapping[tuple[str, str], data.Row], waiting: Mapping[str, str]) -> dict[str, Any]:
    left, right = (records[row[f"{side}_system"], row[f"{side}_record_id"]] for side in ("left", "right"))
    sides = [
        {
            "system": values["system"],
            "record_id": values["record_id"],
            "customer_id": values["customer_id"],
            "name": values["full_name"] or values["company"],
        }
        for values in (left, right)
    ]
    compared = [
        {
            "field": name,
            "left": left[name],
            "right": right[name],
            "verdict": "agree" if left[name] == right[name] else "differ" if left[name] and right[name] else "one",
        }
        for name in COMPARED
        if left[name] or right[name]
    ]
    return {
        "review_id": row["review_id"],
        "since": row["since"],
        "sides": sides,
        "compared": compared,
        "decision": row["decision"],
        "waiting": waiting.get(row["review_id"]),
    }


def _decide(config: Config, path: Mapping[str, str], form: Mapping[str, str]) -> str:
    kind = form.get("kind", "")
    if kind not in ("merge", "apart"):
        raise UserError("A review is decided as merge or apart.")
    review_id = path["review_id"]
    try:
        decide_review(config, review_id, kind)
    except UserError:
        raise Missing("There is no such review any more; the last run may have settled it.") from None
    return f"/reviews#review-{review_id}"


VIEWS = (View("/reviews", "reviews.html", load),)
ACTIONS = (Action("/reviews/{review_id}", _decide),)
