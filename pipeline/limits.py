"""What the guard looks at, gathered from the store.

Reads:      core.plan, core.links, core.records, core.identities, core.intents
Writes:     nothing
"""

from __future__ import annotations

from pipeline import guard, planfile
from pipeline.guard import Pulled, Summary
from pipeline.workspace import Workspace


def summary(ws: Workspace) -> Summary:
    """The present plan and what the systems and links look like, as `guard.check` wants it."""
    store = ws.store
    written_before = {
        s
        for (s,) in store.rows(
            "SELECT DISTINCT system FROM core.intents WHERE run_id <> ? AND status = 'done'", [ws.run_id]
        )
    }
    linked = dict(
        store.rows(
            "SELECT system, count(*) FROM core.links JOIN core.records USING (system, record_id) WHERE deleted_at IS NULL GROUP BY system"
        )
    )
    merges, example = store.rows(
        "SELECT count(*), min(customer_id) FROM core.identities WHERE merged_into IS NOT NULL AND run_id = ?",
        [ws.run_id],
    )[0]
    customers = store.value("SELECT count(*) FROM core.identities WHERE retired_at IS NULL OR run_id = ?", [ws.run_id])
    return Summary(
        planned=guard.tally(planfile.changes(store)),
        linked=linked,
        first_run=frozenset(ws.systems) - written_before,
        pulled={
            name: pulled(ws, name)
            for name, system in ws.systems.items()
            if system.pulled is not None and system.pulled.full
        },
        customers=customers or 0,
        merges=merges,
        merged_example=example or "",
    )


def pulled(ws: Workspace, system: str) -> Pulled:
    """Records known before the last full walk of a system, and how many of those it showed."""
    known, missing = ws.store.rows(
        "SELECT count(*), count(*) FILTER (missing_since IS NOT NULL) FROM core.records"
        " WHERE system = ? AND deleted_at IS NULL AND first_seen_at < (SELECT last_walk_started_at FROM core.systems WHERE system = ?)",
        [system, system],
    )[0]
    return Pulled(before=known, now=known - missing)
