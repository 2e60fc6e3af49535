"""What was set aside, by cause: records that could not be understood, writes that were refused; and values shared by too many.

Reads: the snapshot. Writes: nothing.
"""

# ruff: noqa: S608  SQL is put together from our own constants and names; what comes from outside is always bound

from __future__ import annotations

from typing import Any

from pipeline.web import data
from pipeline.web.view import PAGE_ROWS, Asked, View, pager

_FILTERS = ("system", "stage", "reason")


def load(asked: Asked) -> dict[str, Any]:
    """The causes with their counts; the rows of the one chosen by system, stage and reason."""
    chosen = asked.chosen(*_FILTERS)
    causes = data.rows(
        asked.con,
        "SELECT system, stage, reason, count(*) AS number, min(since) AS since FROM rejects GROUP BY ALL"
        " ORDER BY number DESC, system, stage, reason",
    )
    where = " AND ".join(["true", *(f"j.{name} = ${name}" for name in chosen)])
    total = data.count(asked.con, f"SELECT count(*) FROM core.rejects AS j WHERE {where}", chosen)
    found = data.rows(
        asked.con,
        f"""
        SELECT j.system, j.record_id, coalesce(j.customer_id, l.customer_id) AS customer_id, j.run_id, j.stage, j.reason, j.payload, j.since
        FROM core.rejects AS j LEFT JOIN core.links AS l ON l.system = j.system AND l.record_id = j.record_id
        WHERE {where} ORDER BY j.since DESC, j.system, j.record_id LIMIT {PAGE_ROWS} OFFSET {asked.offset}
        """,
        chosen,
    )
    titles = data.titles(asked.con, [row["customer_id"] for row in found if row["customer_id"]])
    rejects = [row | {"customer": titles.get(row["customer_id"], "")} for row in found]
    return {"causes": causes, "chosen": chosen, "rejects": rejects, "pager": pager(asked, total, chosen)}


def load_shared(asked: Asked) -> dict[str, Any]:
    """Values that identify nobody, because too many records have them or you said so."""
    total = data.count(asked.con, "SELECT count(*) FROM core.shared_values")
    found = data.rows(
        asked.con,
        "SELECT field, value, why, holders FROM core.shared_values ORDER BY holders DESC NULLS LAST, field, value"
        f" LIMIT {PAGE_ROWS} OFFSET {asked.offset}",
    )
    return {"shared": found, "pager": pager(asked, total, {})}


VIEWS = (View("/rejects", "rejects.html", load), View("/shared", "shared.html", load_shared))
