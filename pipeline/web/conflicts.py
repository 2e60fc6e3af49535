"""Values that several tills were given differently: which one won, and "use this value instead".

Reads: the snapshot and the inbox. Writes: decisions of kind `value`, to the inbox: {customer_id, unit, value}.
"""

# ruff: noqa: S608  SQL is put together from our own constants and names; what comes from outside is always bound

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.query import open_snapshot
from pipeline.web import data
from pipeline.web.view import PAGE_ROWS, Action, Asked, Missing, View, pager
from state import inbox

if TYPE_CHECKING:
    import duckdb

    from pipeline.config import Config

# One row per customer and field, the latest conflict of each. `waiting`: no value was chosen, and the customer is held for it.
LATEST = """
    SELECT c.*, c.chosen_system IS NULL AND e.customer_id IS NOT NULL
        AND c.run_id = max(c.run_id) OVER (PARTITION BY c.customer_id) AS waiting
    FROM (
        SELECT * FROM conflicts WHERE customer_id IN (SELECT customer_id FROM core.customers)
        QUALIFY row_number() OVER (PARTITION BY customer_id, field ORDER BY run_id DESC, "at" DESC, candidates::VARCHAR) = 1
    ) AS c
    LEFT JOIN (SELECT DISTINCT customer_id FROM exclusions WHERE reason = 'conflict_review') AS e USING (customer_id)
"""


def load(asked: Asked) -> dict[str, Any]:
    """One page of conflicts, newest first; `show=waiting`: only those that wait for a person."""
    only_waiting = asked.query.get("show") == "waiting"
    where = "WHERE waiting" if only_waiting else ""
    total = data.count(asked.con, f"SELECT count(*) FROM ({LATEST}) {where}")
    found = data.rows(
        asked.con,
        f'SELECT * FROM ({LATEST}) {where} ORDER BY waiting DESC, "at" DESC, customer_id, field'
        f" LIMIT {PAGE_ROWS} OFFSET {asked.offset}",
    )
    from pipeline.web.overview import next_run

    titles = data.titles(asked.con, [row["customer_id"] for row in found])
    return {
        "show": "waiting" if only_waiting else "all",
        "conflicts": [row | {"customer": titles.get(row["customer_id"], "")} for row in described(asked, found)],
        "next_run": next_run(asked.config, asked.now),
        "pager": pager(asked, total, asked.chosen("show")),
    }


def described(asked: Asked, found: list[data.Row]) -> list[dict[str, Any]]:
    """Conflicts with what was decided about them: `decided` by a person since, `to_come` with the next run."""
    to_come = values_waiting(asked.config)
    decided = {
        (row["subject"]["customer_id"], row["subject"]["unit"]): row
        for row in data.rows(
            asked.con,
            "SELECT subject, \"at\" FROM core.decisions WHERE kind = 'value'"
            " AND json_extract_string(subject, '$.customer_id') IN (SELECT unnest(?::VARCHAR[])) ORDER BY \"at\"",
            [[row["customer_id"] for row in found]],
        )
    }
    result = []
    for row in found:
        key = (row["customer_id"], row["field"])
        choice = decided.get(key)
        by_person = choice if choice and choice["at"] >= row["at"] else None
        candidates = [
            candidate
            | {
                "is_used": candidate["value"] == by_person["subject"]["value"]
                if by_person
                else candidate["system"] == row["chosen_system"]
            }
            for candidate in row["candidates"]
        ]
        result.append(
            row
            | {
                "candidates": candidates,
                "decided": {"value": by_person["subject"]["value"], "at": by_person["at"]} if by_person else None,
                "to_come": {"value": to_come[key]} if key in to_come else None,
            }
        )
    return result


def values_waiting(config: Config) -> dict[tuple[str, str], Any]:
    """(customer_id, unit) → the value chosen since the last run."""
    return {
        (d.subject["customer_id"], d.subject["unit"]): d.subject["value"]
        for d in inbox.pending(config.store_path)
        if d.kind == "value"
    }


def waiting(con: duckdb.DuckDBPyConnection, config: Config) -> int:
    """How many customers are held until somebody chooses a value."""
    found = con.execute(f"SELECT customer_id, field FROM ({LATEST}) WHERE waiting").fetchall()
    chosen = values_waiting(config)
    return len({customer_id for customer_id, field in found if (customer_id, field) not in chosen})


def _choose(config: Config, _path: Mapping[str, str], form: Mapping[str, str]) -> str:
    """The value is taken from the snapshot, never from the form: only what a till really said can be chosen."""
    customer_id, field = form.get("customer_id", ""), form.get("field", "")
    chosen = (form.get("system", ""), form.get("record_id", ""))
    with open_snapshot(config.store_path) as con:
        row = data.one(
            con, f"SELECT candidates FROM ({LATEST}) WHERE customer_id = ? AND field = ?", [customer_id, field]
        )
    if row is None:
        raise Missing("There is no such conflict any more; the last run may have settled it.")
    said = [c for c in row["candidates"] if (c["system"], c["record_id"]) == chosen]
    if not said:
        raise UserError("None of the tills said this value.")
    subject = {"customer_id": customer_id, "unit": field, "value": said[0]["value"]}
    inbox.put(config.store_path, "value", subject, datetime.now(UTC))
    back = form.get("back", "")
    return f"/customers/{customer_id}" if back == "customer" else f"/conflicts#conflict-{customer_id}-{field}"


VIEWS = (View("/conflicts", "conflicts.html", load),)
ACTIONS = (Action("/conflicts", _choose),)
