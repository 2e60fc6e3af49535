"""`reconcile`: everything is read again, and every disagreement named. Nothing is written to a system.

Reads:      full walks of all systems; core.customers as the last run left them, core.bases, core.exclusions
Writes:     what the walks brought, as any run does (the next sync goes on from there)
Guarantees: a difference that was agreed to, or that can be queried as excluded, is told apart from one that nobody knows about.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mappings.canonical import ABSENT, State, Value, plain, revive
from pipeline.errors import Exit
from pipeline.normalise import unpack
from pipeline.run import Options, RunReport, run_sync
from pipeline.workspace import Clock, System, Workspace, utc_now

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.progress import Progress

PAGE = 5000
BY_UNIT = frozenset({"undone", "cleared_there", "not_understood", "not_taken", "note_kept", "frozen"})
"""Exclusions that say why single units of a record are left different; the bases know which."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One unit of one primary record that is not its customer's value. `known`: why that is agreed, "" where it is not."""

    customer_id: str
    system: str
    record_id: str
    unit: str
    customer: Any
    record: Any
    known: str


@dataclass(slots=True)
class Found:
    """What a full look showed. `strangers`: (system, record_id) that the store did not know; `gone`: links to what is no longer there;
    `not_read`: systems that were left out, and why."""

    report: RunReport
    disagreements: list[Disagreement] = field(default_factory=list)
    strangers: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str, str]] = field(default_factory=list)
    not_read: dict[str, str] = field(default_factory=dict)

    @property
    def open(self) -> list[Disagreement]:
        """Those that nobody agreed to."""
        return [one for one in self.disagreements if not one.known]


def run_reconcile(config: Config, options: Options, progress: Progress, now: Clock = utc_now) -> Found:
    """Look at everything. The report's exit code is 3 when something disagrees."""
    found: list[Found] = []

    def steps(ws: Workspace, options: Options, progress: Progress, report: RunReport) -> None:  # noqa: ARG001
        seen = Found(report, list(_disagreements(ws)), _strangers(ws), _gone(ws), _not_read(ws))
        found.append(seen)
        if (seen.open or seen.strangers or seen.gone) and not any(system.problem for system in ws.systems.values()):
            report.exit_code, report.outcome = Exit.REJECTED, "done, with disagreements"

    report = run_sync(config, options, progress, now, steps)
    return found[0] if found else Found(report)


def _read(ws: Workspace) -> list[System]:
    """The systems that were walked whole just now: only of those can anything be said."""
    return [system for system in ws.systems.values() if system.pulled is not None and system.pulled.full]


def _not_read(ws: Workspace) -> dict[str, str]:
    read = _read(ws)
    return {
        name: system.problem.code if system.problem else "paused" if system.settings.paused else "not selected"
        for name, system in ws.systems.items()
        if system not in read
    }


def _disagreements(ws: Workspace) -> Iterator[Disagreement]:
    for system in _read(ws):
        last = ""
        while rows := ws.store.rows(
            "SELECT l.record_id, l.customer_id, c.merged, n.readings, r.payload, b.units, e.reason FROM core.links AS l"
            " JOIN core.customers AS c USING (customer_id) JOIN core.records AS r USING (system, record_id)"
            " JOIN core.normalised AS n USING (system, record_id)"
            " LEFT JOIN core.bases AS b ON b.system = l.system AND b.record_id = l.record_id AND b.customer_id = l.customer_id"
            " LEFT JOIN core.exclusions AS e ON e.system = l.system AND e.customer_id = l.customer_id"
            " WHERE l.system = ? AND l.is_primary AND r.deleted_at IS NULL AND r.missing_since IS NULL AND l.record_id > ?"
            " ORDER BY l.record_id LIMIT ?",
            [system.name, last, PAGE],
        ):
            last = rows[-1][0]
            for row in rows:
                yield from _differences(system, row)


def _differences(system: System, row: Sequence[Any]) -> Iterator[Disagreement]:
    record_id, customer_id, merged, readings, payload, base, excluded = row
    values: Mapping[str, Any] = json.loads(merged)
    present, kept = unpack(readings), json.loads(base or "{}")
    content: dict[str, Any] | None = None
    for unit in sorted(system.mapping.writable):
        reading = present.get(unit, ABSENT)
        value: Value = revive(unit, values.get(unit))
        if reading.state is State.ABSENT or (reading.value == value and reading.state is not State.UNCLEAR):
            continue
        if value is None and reading.state is State.DEFAULT:
            continue
        content = json.loads(payload) if content is None else content
        if system.mapping.holds(unit, value, content, system.context):
            continue
        unclear = "not_understood" if reading.state is State.UNCLEAR else ""
        known = kept.get(unit, {}).get("differs") or unclear or _whole_record(excluded, unit)
        yield Disagreement(customer_id, system.name, record_id, unit, plain(value), plain(reading.value), known)


def _whole_record(excluded: str | None, unit: str) -> str:
    """The exclusion's reason where it explains this unit too: those that stand for single units have marks of their own."""
    single = excluded in BY_UNIT or (excluded == "phone_taken" and unit != "phone")
    return "" if excluded is None or single else excluded


def _strangers(ws: Workspace) -> list[tuple[str, str]]:
    """Live records that no run had seen before this one."""
    rows = ws.store.rows(
        "SELECT r.system, r.record_id FROM core.records AS r ANTI JOIN core.links AS l USING (system, record_id)"
        " WHERE r.deleted_at IS NULL ORDER BY ALL"
    )
    return [(system, record_id) for system, record_id in rows]


def _gone(ws: Workspace) -> list[tuple[str, str, str]]:
    """Links whose record this walk did not show, or showed as deleted, and that counted as there until now."""
    rows = ws.store.rows(
        "SELECT l.system, l.record_id, l.customer_id FROM core.links AS l JOIN core.records AS r USING (system, record_id)"
        " WHERE (r.missing_since IS NOT NULL OR (r.deleted_at IS NOT NULL AND r.run_id = ?))"
        " AND NOT EXISTS (SELECT 1 FROM core.intents AS i WHERE i.system = l.system AND i.record_id = l.record_id"
        " AND i.operation = 'delete' AND i.status = 'done')"
        " AND NOT EXISTS (SELECT 1 FROM core.exclusions AS e WHERE e.customer_id = l.customer_id AND e.system = l.system"
        " AND e.reason IN ('deleted_there', 'undone'))"
        " ORDER BY ALL",
        [ws.run_id],
    )
    read = {system.name for system in _read(ws)}
    return [(system, record_id, customer_id) for system, record_id, customer_id in rows if system in read]


def document(found: Found) -> dict[str, Any]:
    """Everything, with both values, as JSON types."""
    return {
        "run_id": found.report.run_id,
        "exit_code": int(found.report.exit_code),
        "disagreements": [_as_json(one) for one in found.open],
        "agreed_differences": [{**_as_json(one), "reason": one.known} for one in found.disagreements if one.known],
        "unknown_records": [{"system": system, "record_id": record_id} for system, record_id in found.strangers],
        "gone": [{"system": s, "record_id": r, "customer_id": c} for s, r, c in found.gone],
        "not_read": found.not_read,
        "problems": list(found.report.problems),
    }


def _as_json(one: Disagreement) -> dict[str, Any]:
    return {
        "customer_id": one.customer_id, "system": one.system, "record_id": one.record_id, "unit": one.unit,
        "customer": one.customer, "record": one.record,
    }  # fmt: skip


def text(found: Found) -> str:
    """Counts for a terminal; the values are for `--json`."""
    lines = []
    for (system, unit), count in sorted(Counter((one.system, one.unit) for one in found.open).items()):
        lines.append(f"{system}: {unit} is not the customer's in {_records(count)}")
    for what, rows in (
        ("that the store did not know", found.strangers),
        ("that should be there and are gone", found.gone),
    ):
        for system, count in sorted(Counter(row[0] for row in rows).items()):
            lines.append(f"{system}: {_records(count)} {what}")
    if not lines:
        lines.append("No disagreement: every system says what the store says.")
    else:
        lines.append(
            "`customer-sync reconcile --json` names each of them; the next `customer-sync sync` brings them together."
        )
    for reason, count in sorted(Counter(one.known for one in found.disagreements if one.known).items()):
        lines.append(f"Agreed to differ ({reason}): {count} values")
    lines += [f"Not read: {system} ({why})" for system, why in found.not_read.items()]
    return "\n".join(lines)


def _records(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"
