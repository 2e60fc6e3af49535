"""`undo RUN`: puts back what one run wrote, where nobody has changed it since, and sees to it that later runs leave that alone.

Reads:      fresh pulls of all systems, core.intents and core.link_log of that run
Writes:     core.decisions (`apart`, `undone`), then like any plan: core.plan, the guard's answer, intents, records and bases
Guarantees: a record that was put back keeps its link and is agreed to differ (`undone`) until somebody changes it; what was removed is
            not created again; customers that the run had made one are kept apart; the same command after a crash goes on where it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.apply import UNDO, apply
from pipeline.bases import BASES, pack_entries
from pipeline.decide import decide
from pipeline.errors import UserError
from pipeline.model import RecordKey
from pipeline.normalise import normalise
from pipeline.plan import in_order
from pipeline.putback import Left, reverse
from pipeline.query import open_snapshot
from pipeline.run import Options, RunReport, match_changed, planned_changes, run_sync, stop_if_unsafe
from pipeline.workspace import Clock, Workspace, canonical_json, utc_now
from state.store import append, relation

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.progress import Progress

__all__ = ["Left", "Undone", "find_run", "run_undo"]


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of the wish: the run that did it, what stays as it is, and the pairs of records that are kept apart from now on."""

    undone: str
    report: RunReport
    left: list[Left]
    apart: list[tuple[RecordKey, RecordKey]]


def find_run(config: Config, run: str) -> str:
    """The run that `run` (an id or its beginning) names, as of the snapshot. Raises UserError when there is none, or several."""
    with open_snapshot(config.store_path) as con:
        rows = con.execute(
            "SELECT run_id FROM runs WHERE starts_with(run_id, ?) ORDER BY run_id DESC LIMIT 5", [run]
        ).fetchall()
    found = [run_id for (run_id,) in rows]
    if run in found:
        return run
    if not found or not run:
        raise UserError(
            f"There is no run {run!r}.", ['`customer-sync query "SELECT run_id, command FROM runs"` lists them']
        )
    if len(found) > 1:
        raise UserError(f"{run!r} is the beginning of several runs.", found)
    return str(found[0])


def run_undo(config: Config, run_id: str, options: Options, progress: Progress, now: Clock = utc_now) -> Undone:
    """Undo one run, named as `find_run` does. Raises whatever a run may raise."""
    left: list[Left] = []
    apart: list[tuple[RecordKey, RecordKey]] = []

    def steps(ws: Workspace, options: Options, progress: Progress, report: RunReport) -> None:
        match_changed(ws)
        pairs = _half_parted(ws, run_id) or _undone_merges(ws, run_id)
        apart.extend(pairs)
        planned_before = _plan(ws, run_id, left)
        report.plan.extend(planned_changes(ws.store))
        stop_if_unsafe(ws, options)
        if not options.write:
            return
        if options.confirm is not None and report.plan and not options.confirm(report.plan):
            report.outcome = "not confirmed"
            return
        if pairs:
            _keep_apart(ws, run_id, pairs)
            ws.round += 1
            match_changed(ws)
            left.clear()
            planned_before = _plan(ws, run_id, left)  # the same changes, of customers that are apart by now
        _remember_removals(ws)
        apply(ws, progress, options.stop)
        left.extend(_not_carried_out(ws))
        _conclude(ws, run_id, pairs, planned_before)

    # The command marks its writes: a later run that has to recover one of them knows what it was for.
    report = run_sync(config, replace(options, command=UNDO), progress, now, steps)
    return Undone(run_id, report, left, apart)


def _plan(ws: Workspace, run_id: str, left: list[Left]) -> set[_Place]:
    """core.plan becomes the reverse of the run. What else a sync would do now stays for the next one, and is returned."""
    found, stays = reverse(ws, run_id)
    left.extend(stays)
    _touch(ws, [put_back.change.customer_id for put_back in found])
    decide(ws)
    elsewise = _places(ws)
    units = {(p.change.system, p.change.record_id): p.units for p in found}
    places = [(p.change.system, p.change.customer_id, p.change.operation) for p in found]
    with ws.store.transaction() as con:
        _set_aside(ws)
        append(
            con,
            "core.plan",
            ("run_id", "position", "system", "record_id", "customer_id", "operation", "fields", "paths", "units", "reason", "based_on"),
            [
                (ws.run_id, position, c.system, c.record_id, c.customer_id, c.operation, canonical_json(_pairs(c.fields)),
                 canonical_json(_pairs(c.paths)), canonical_json(dict(units[c.system, c.record_id])), c.reason, c.based_on)
                for position, c in enumerate(in_order(p.change for p in found), start=1)
            ],
        )  # fmt: skip
        with relation(con, "wanted", ("system", "customer_id", "operation"), places):
            con.execute(
                "UPDATE core.verdicts AS v SET outcome = w.operation, reason = '', detail = '' FROM wanted AS w"
                " WHERE v.run_id = ? AND v.pass = ? AND v.system = w.system AND v.customer_id = w.customer_id",
                [ws.run_id, ws.round],
            )
    return elsewise


def _set_aside(ws: Workspace) -> None:
    """What a sync would write now is none of this run's business: it stays planned."""
    with ws.store.transaction() as con:
        con.execute("DELETE FROM core.plan")
        con.execute("DELETE FROM core.pending_bases")
        con.execute(
            "UPDATE core.verdicts SET outcome = 'held', reason = 'not_selected'"
            " WHERE run_id = ? AND pass = ? AND outcome IN ('create', 'update', 'delete')",
            [ws.run_id, ws.round],
        )


def _touch(ws: Workspace, customer_ids: Iterable[str]) -> None:
    with ws.store.transaction() as con, relation(con, "wanted", ("customer_id",), [(i,) for i in set(customer_ids)]):
        con.execute(
            "INSERT INTO core.touched SELECT customer_id, ?, 'undo' FROM wanted ANTI JOIN core.touched USING (customer_id)",
            [ws.run_id],
        )


def _remember_removals(ws: Workspace) -> None:
    """Durable before the first delete leaves: that we removed a record is no till's deletion of the customer."""
    rows = ws.store.rows("SELECT DISTINCT customer_id, system FROM core.plan WHERE operation = 'delete' ORDER BY ALL")
    _remember_undone(ws, rows)


def _remember_undone(ws: Workspace, places: Sequence[tuple[str, str]]) -> None:
    """(customer_id, system): not to be created there again."""
    rows = [
        (f"{customer_id}:{system}:undone", "undone", canonical_json({"customer_id": customer_id, "system": system}))
        for customer_id, system in places
    ]
    with ws.store.transaction() as con, relation(con, "undone", ("decision_id", "kind", "subject"), rows):
        con.execute(
            "INSERT INTO core.decisions SELECT decision_id, kind, subject, ?, ? FROM undone ANTI JOIN core.decisions USING (decision_id)",
            [ws.now(), ws.run_id],
        )


def _not_carried_out(ws: Workspace) -> list[Left]:
    """What was planned and met something on its way."""
    rows = ws.store.rows(
        "SELECT p.system, p.record_id, p.customer_id, v.outcome, v.reason FROM core.plan p"
        " JOIN core.verdicts v ON v.system = p.system AND v.customer_id = p.customer_id AND v.run_id = p.run_id AND v.pass = ?"
        " WHERE v.outcome NOT IN ('updated', 'deleted') ORDER BY ALL",
        [ws.round],
    )
    words = {
        "moved": "it was changed at this very moment",
        "gone": "it is gone already",
        "unknown": "nobody knows yet whether this was carried out; the next run looks",
        "unsent": "its system did not answer",
    }
    return [
        Left(system, record_id, customer_id, (), words.get(reason, f"the system refused it ({reason})") if outcome in ("failed", "held")
             else "its system did not answer")
        for system, record_id, customer_id, outcome, reason in rows
    ]  # fmt: skip


def _conclude(
    ws: Workspace, run_id: str, pairs: Sequence[tuple[RecordKey, RecordKey]], planned_before: set[_Place]
) -> None:
    """Say of every customer concerned how it stands now. What only this undo makes a sync want is agreed not to be wanted."""
    parted = _customers_of(ws, {key for pair in pairs for key in pair})
    with ws.store.transaction() as con, relation(con, "parted", ("customer_id",), [(i,) for i in parted]):
        con.execute("UPDATE core.customers SET settled = NULL WHERE customer_id IN (SELECT customer_id FROM parted)")
        con.execute(
            "DELETE FROM core.bases WHERE (system, record_id) IN"
            " (SELECT system, record_id FROM core.links SEMI JOIN parted USING (customer_id))"
        )
    concerned = ws.store.rows("SELECT DISTINCT customer_id FROM core.plan")
    ws.round += 1
    normalise(ws)
    match_changed(ws)
    _touch(ws, [*parted, *(customer_id for (customer_id,) in concerned)])
    decide(ws)
    _settle_as_they_are(ws, parted)
    _want_no_more(ws, {place for place in _places(ws) if place not in planned_before or place[0] in parted})
    _set_aside(ws)
    with ws.store.transaction() as con:
        con.execute("DELETE FROM core.meta WHERE key = ?", [_parting(run_id)])
        con.execute(
            "UPDATE core.verdicts AS v SET outcome = 'failed', reason = w.reason FROM core.verdicts AS w"
            " WHERE v.run_id = $run_id AND w.run_id = $run_id AND v.pass = $round AND w.pass = $round - 1 AND w.outcome = 'failed'"
            " AND v.customer_id = w.customer_id AND v.system = w.system",
            {"run_id": ws.run_id, "round": ws.round},
        )


_Place = tuple[str, str, str]
"""(customer_id, system, operation) of a planned change."""


def _places(ws: Workspace) -> set[_Place]:
    return set(ws.store.rows("SELECT customer_id, system, operation FROM core.plan"))


def _settle_as_they_are(ws: Workspace, customer_ids: Sequence[str]) -> None:
    """Customers that are apart again have no past of their own: what their records say now is what is settled."""
    with ws.store.transaction() as con, relation(con, "parted", ("customer_id",), [(i,) for i in customer_ids]):
        con.execute("INSERT INTO core.bases SELECT * FROM core.pending_bases SEMI JOIN parted USING (customer_id)")
        con.execute("UPDATE core.customers SET settled = merged WHERE customer_id IN (SELECT customer_id FROM parted)")


def _want_no_more(ws: Workspace, places: set[_Place]) -> None:
    """Changes that a sync would make because of this undo (a number is free again, customers are apart again) are not made."""
    with ws.store.transaction() as con, relation(con, "place", ("customer_id", "system", "operation"), sorted(places)):
        creates = con.execute("SELECT customer_id, system FROM place WHERE operation = 'create'").fetchall()
        updates = con.execute(
            "SELECT system, record_id, b.customer_id, p.units, b.units, b.fingerprint FROM core.plan AS p"
            " SEMI JOIN place USING (customer_id, system, operation) JOIN core.bases AS b USING (system, record_id)"
            " WHERE p.operation = 'update' AND b.customer_id = p.customer_id"
        ).fetchall()
        rows = []
        for system, record_id, customer_id, planned, kept, fingerprint in updates:
            entries = msgspec.json.decode(kept)
            for unit in entries.keys() & msgspec.json.decode(planned).keys():
                entries[unit]["differs"] = "undone"
            rows.append((system, record_id, customer_id, pack_entries(entries), fingerprint, ws.run_id))
        with relation(con, "fresh", BASES, rows):
            con.execute("DELETE FROM core.bases WHERE (system, record_id) IN (SELECT system, record_id FROM fresh)")
        append(con, "core.bases", BASES, rows)
        con.execute(
            "UPDATE core.verdicts AS v SET outcome = 'excluded', reason = 'undone' FROM place AS p WHERE v.run_id = ? AND v.pass = ?"
            " AND v.customer_id = p.customer_id AND v.system = p.system AND v.outcome = p.operation",
            [ws.run_id, ws.round],
        )
    _remember_undone(ws, creates)


def _undone_merges(ws: Workspace, run_id: str) -> list[tuple[RecordKey, RecordKey]]:
    """Pairs of records, now of one customer, that were two customers' until that run joined these."""
    moved = ws.store.rows(
        "SELECT l.customer_id, g.from_customer, g.system, g.record_id"
        " FROM core.link_log AS g JOIN core.links AS l USING (system, record_id)"
        " WHERE g.run_id = ? AND starts_with(g.cause, 'merged') AND g.from_customer IS NOT NULL AND l.customer_id = g.to_customer"
        " ORDER BY ALL",
        [run_id],
    )
    pairs = []
    for customer_id, group in groupby(moved, key=itemgetter(0)):
        came = {(system, record_id): origin for _, origin, system, record_id in group}
        stayed = ws.store.rows(
            "SELECT system, record_id FROM core.links AS l WHERE customer_id = ? AND NOT EXISTS (SELECT 1 FROM core.link_log AS g"
            " WHERE g.system = l.system AND g.record_id = l.record_id AND g.to_customer = l.customer_id AND g.run_id > ?) ORDER BY ALL",
            [customer_id, run_id],
        )
        origins = came | {key: "" for key in stayed if key not in came}
        pairs += [(a, b) for a, b in product(sorted(origins), repeat=2) if a < b and origins[a] != origins[b]]
    return pairs


def _parting(run_id: str) -> str:
    """The key under which the store remembers pairs that are apart already while the rest of that undo is not done yet."""
    return f"parting:{run_id}"


def _half_parted(ws: Workspace, run_id: str) -> list[tuple[RecordKey, RecordKey]]:
    """What an earlier undo of this run, killed on its way, had parted and not settled."""
    text = ws.store.value("SELECT value FROM core.meta WHERE key = ?", [_parting(run_id)])
    return [((a, b), (c, d)) for (a, b), (c, d) in msgspec.json.decode(text)] if text else []


def _keep_apart(ws: Workspace, run_id: str, pairs: Sequence[tuple[RecordKey, RecordKey]]) -> None:
    """An undone merge is a decision like `review apart`, for every pair of records of the two."""
    now = ws.now()
    with ws.store.transaction() as con:
        con.execute("DELETE FROM core.meta WHERE key = ?", [_parting(run_id)])
        con.execute("INSERT INTO core.meta VALUES (?, ?)", [_parting(run_id), canonical_json(pairs)])
        rows = [
            (str(uuid.uuid4()), "apart", canonical_json({"left": list(left), "right": list(right)}), now, ws.run_id)
            for left, right in pairs
        ]
        append(con, "core.decisions", ("decision_id", "kind", "subject", "at", "run_id"), rows)
        concerned = sorted({key for pair in pairs for key in pair})
        append(con, "core.changed", ("system", "record_id", "run_id"), [(*key, ws.run_id) for key in concerned])
        con.executemany(
            "UPDATE core.reviews SET decision = 'apart' WHERE (left_system, left_record_id, right_system, right_record_id) IN"
            " ((?, ?, ?, ?), (?, ?, ?, ?))",
            [[*left, *right, *right, *left] for left, right in pairs],
        )


def _customers_of(ws: Workspace, keys: Iterable[RecordKey]) -> list[str]:
    wanted = sorted(keys)
    with ws.store.transaction() as con, relation(con, "wanted", ("system", "record_id"), wanted):
        rows = con.execute(
            "SELECT DISTINCT customer_id FROM core.links SEMI JOIN wanted USING (system, record_id) ORDER BY 1"
        ).fetchall()
    return [customer_id for (customer_id,) in rows]


def _pairs(changed: Any) -> dict[str, list[Any]]:
    return {name: list(pair) for name, pair in changed.items()}
