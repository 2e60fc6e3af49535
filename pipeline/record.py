"""The last step of a run: what was decided and carried out becomes what is agreed.

Reads:      core.verdicts, core.pending_bases, core.customers
Writes:     core.bases, core.customers.settled, core.exclusions, core.touched, core.run_systems, core.runs
Guarantees: one transaction: a crash before it leaves everything to be decided again from the same bases, a crash after it nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import msgspec

from pipeline.decide import NOT_YET
from pipeline.stage import Received
from pipeline.workspace import Workspace, canonical_json
from state.store import append, relation

COUNTS = ("created", "updated", "deleted", "unchanged", "excluded", "held", "failed")


def settle(ws: Workspace) -> None:
    """Make this round's decisions the agreed state. Held customers keep theirs; unfinished ones stay touched."""
    with ws.store.transaction() as con:
        settled = con.execute(
            "SELECT customer_id, settled, merged, sources FROM core.customers WHERE settled IS DISTINCT FROM merged AND customer_id IN ("
            " SELECT customer_id FROM core.verdicts WHERE run_id = $run_id AND pass = $round"
            " GROUP BY customer_id HAVING NOT bool_or(reason IN ('conflict_review', 'suspected_anonymisation')))",
            {"run_id": ws.run_id, "round": ws.round},
        ).fetchall()
        _keep_flips(con, settled)
        con.execute(
            "DELETE FROM core.bases WHERE (system, record_id) IN (SELECT system, record_id FROM core.pending_bases)"
        )
        con.execute("INSERT INTO core.bases SELECT * FROM core.pending_bases")
        con.execute("DELETE FROM core.pending_bases")
        with relation(con, "settling", ("customer_id",), [(row[0],) for row in settled]):
            con.execute(
                "UPDATE core.customers SET settled = merged WHERE customer_id IN (SELECT customer_id FROM settling)"
            )
        con.execute(
            "DELETE FROM core.overrides WHERE customer_id IN (SELECT customer_id FROM core.customers WHERE settled = merged)"
        )
        with relation(con, "not_yet", ("reason",), [(reason,) for reason in NOT_YET]):
            con.execute(
                "DELETE FROM core.touched WHERE customer_id IN ("
                " SELECT customer_id FROM core.verdicts WHERE run_id = $run_id AND pass = $round"
                " GROUP BY customer_id HAVING NOT bool_or("
                " outcome IN ('create', 'update', 'delete') OR reason IN (SELECT reason FROM not_yet)))",
                {"run_id": ws.run_id, "round": ws.round},
            )


def _keep_flips(con: duckdb.DuckDBPyConnection, settling: Sequence[Sequence[Any]]) -> None:
    """Remember which record's value each changed unit took, for the last three runs in which it changed."""
    run_no = con.execute("SELECT count(*) FROM core.runs").fetchall()[0][0]
    rows = []
    for customer_id, settled, merged, sources in settling:
        if settled is None:
            continue
        before, after, origin = (msgspec.json.decode(text) for text in (settled, merged, sources))
        for unit, value in after.items():
            if before.get(unit) != value and unit in origin:
                rows.append((customer_id, unit, run_no, origin[unit][0], origin[unit][1], canonical_json(value)))
    append(con, "core.flips", ("customer_id", "unit", "run_no", "system", "record_id", "value"), rows)
    con.execute("DELETE FROM core.flips WHERE run_no < ?", [run_no - 3])


def keep_exclusions(ws: Workspace) -> None:
    """core.exclusions says for every customer and system where it is not kept, and why, as of the last run that touched it."""
    with ws.store.transaction() as con:
        con.execute(
            """
            CREATE OR REPLACE TEMP TABLE not_kept AS
            SELECT v.customer_id, v.system, v.reason, v.detail, coalesce(min(e.since), $now) AS since
            FROM core.verdicts v
            LEFT JOIN core.exclusions e ON e.customer_id = v.customer_id AND e.system = v.system AND e.reason = v.reason
            WHERE v.run_id = $run_id
              AND v.pass = (SELECT max(pass) FROM core.verdicts w WHERE w.run_id = $run_id AND w.customer_id = v.customer_id)
              AND v.reason <> '' AND v.reason <> 'unknown'
              AND v.customer_id IN (SELECT customer_id FROM core.customers)
            GROUP BY ALL
            """,
            {"run_id": ws.run_id, "now": ws.now()},
        )
        con.execute(
            "DELETE FROM core.exclusions WHERE customer_id IN (SELECT customer_id FROM core.verdicts WHERE run_id = ?)"
            " OR customer_id NOT IN (SELECT customer_id FROM core.customers)",
            [ws.run_id],
        )
        con.execute(
            "INSERT INTO core.exclusions SELECT customer_id, system, reason, nullif(detail, ''), since FROM not_kept"
        )
        con.execute("DROP TABLE not_kept")


def keep_counts(ws: Workspace, received: Mapping[str, Received]) -> None:
    """The run's row for each system: rows received, and one outcome for each customer touched (contract, section 4)."""
    with ws.store.transaction() as con:
        con.execute("DELETE FROM core.run_systems WHERE run_id = ?", [ws.run_id])
        for name, system in ws.systems.items():
            counts = received.get(name, Received())
            outcomes = outcome_counts(ws, name)
            con.execute(
                f"INSERT INTO core.run_systems VALUES ({', '.join('?' * 15)})",  # noqa: S608
                [ws.run_id, name, counts.read, counts.new, counts.changed, counts.unchanged, counts.rejected,
                 *(outcomes.get(kind, 0) for kind in COUNTS), system.problem.code if system.problem else None],
            )  # fmt: skip


def outcome_counts(ws: Workspace, system: str) -> dict[str, int]:
    """Outcome → customers, for one system: what was written in any round counts as that, else the last round's verdict."""
    rows = ws.store.rows(
        """
        SELECT outcome, count(*) FROM (
            SELECT arg_max(
                CASE outcome WHEN 'create' THEN 'held' WHEN 'update' THEN 'held' WHEN 'delete' THEN 'held' ELSE outcome END,
                pass + CASE WHEN outcome IN ('created', 'updated', 'deleted') THEN 1000 ELSE 0 END
            ) AS outcome
            FROM core.verdicts WHERE run_id = ? AND system = ? GROUP BY customer_id
        ) GROUP BY outcome
        """,
        [ws.run_id, system],
    )
    return dict(rows)
