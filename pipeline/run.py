"""One run, from the systems' pages to their changed customers. `run_sync` is the table of contents.

    extract → stage → normalise → match → merge → plan → guard → apply → record

Every arrow reads and writes relations of the workspace's store, so a run can be stopped after any of them, looked at with SQL, and
continued. A dry run, a plan and a run that writes all make the same plan; only the last goes on past the guard.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event

import structlog

from connectors import open_connector
from connectors.errors import ConnectorError, Refused
from mappings import Context, MappingError, load_mappings
from pipeline import accounts, decisions, guard, housekeeping, planfile, stage
from pipeline.apply import apply
from pipeline.config import Config, connector_settings
from pipeline.decide import decide
from pipeline.errors import Busy, Exit, SafetyStop, UserError
from pipeline.extract import Stopped, extract
from pipeline.limits import summary
from pipeline.log import bound
from pipeline.match import MatchSettings, match
from pipeline.model import Change
from pipeline.normalise import normalise
from pipeline.progress import Progress
from pipeline.record import COUNTS, keep_counts, keep_exclusions, settle
from pipeline.recover import recover, unsettled
from pipeline.stage import Received
from pipeline.workspace import Clock, System, Workspace, utc_now
from state import lock, snapshot
from state.migrations import NewerStore
from state.store import Store, open_store
from state.tokens import FileTokens

ROUNDS = 4
"""A write that met something that had moved is planned again in the same run, at most this often; what is left stays planned."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a command wants of a run. `write` False: everything up to the guard, and nothing sent (`--dry-run`, `plan`)."""

    command: str
    systems: tuple[str, ...] = ()
    full: bool = False
    write: bool = True
    max_deletes: int | None = None
    max_updates: int | None = None
    force: bool = False
    confirm: Callable[[list[Change]], bool] | None = None
    plan_file: Path | None = None
    skip_stale: bool = False
    stop: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class SystemReport:
    """One system's row of `run_systems`. `problem`: what was wrong with it, for a person; empty when nothing was; `code` and
    `refused` (only a person can mend it) say the same for a machine."""

    system: str
    counts: Mapping[str, int]
    problem: str = ""
    code: str = ""
    refused: bool = False


@dataclass(slots=True)
class RunReport:
    """What a run did. `plan`: what it planned (and, unless a limit or a dry run stopped it, carried out)."""

    run_id: str
    command: str
    exit_code: Exit = Exit.DONE
    outcome: str = "done"
    systems: list[SystemReport] = field(default_factory=list)
    plan: list[Change] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    look_at_next: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


Steps = Callable[[Workspace, Options, Progress, RunReport], None]


def run_sync(
    config: Config, options: Options, progress: Progress, now: Clock = utc_now, steps: Steps | None = None
) -> RunReport:
    """One run of a workspace. Raises UserError (exit 2) and Busy (exit 6); everything else is in the report.

    `steps`: what to do with what was pulled, in place of bringing the systems up to date (`undo`, `reconcile`).
    """
    with _open_workspace(config, options, now) as ws:
        report = RunReport(ws.run_id, options.command)
        received: dict[str, Received] = {}
        try:
            decisions.take(ws)
            accounts.verify(ws)
            received = _pull(ws, options, progress, full=options.full)
            (steps or _rounds)(ws, options, progress, report)
        except SafetyStop as stop:
            report.exit_code, report.outcome = Exit.SAFETY, "stopped by a safety limit"
            report.problems.extend(stop.reasons)
        except Stopped:
            report.outcome = "stopped on request"
        keep_exclusions(ws)
        keep_counts(ws, received)
        _conclude(ws, report, received)
        housekeeping.tidy(ws.store, ws.systems, config.history_days, ws.now())
    return report


def _pull(ws: Workspace, options: Options, progress: Progress, *, full: bool) -> dict[str, Received]:
    """extract → stage → normalise, then what became of writes that nobody knew the outcome of."""
    received = extract(ws, full=full, progress=progress, stop=options.stop)
    normalise(ws)
    recover(ws)
    return received


def _rounds(ws: Workspace, options: Options, progress: Progress, report: RunReport) -> None:
    """match → merge → plan → guard → apply → record; again for what had moved when it was to be written."""
    for ws.round in range(1, ROUNDS + 1):
        match_changed(ws)
        decide(ws)
        report.plan.extend(planned_changes(ws.store))
        _keep_to_file(ws, options, report)
        stop_if_unsafe(ws, options)
        if not options.write:
            return
        if ws.round == 1 and options.confirm is not None and report.plan and not options.confirm(report.plan):
            report.outcome = "not confirmed"
            return
        apply(ws, progress, options.stop)
        settle(ws)
        if not _look_again(ws, options, progress):
            return


def match_changed(ws: Workspace) -> None:
    """Match what changed, by the workspace's settings."""
    with ws.store.transaction() as con:
        match(con, ws.run_id, ws.now(), match_settings(ws.config), lambda: str(uuid.uuid4()))


def stop_if_unsafe(ws: Workspace, options: Options) -> None:
    """Raises SafetyStop when the present plan passes a limit."""
    safety = ws.config.safety
    limits = guard.Limits(
        max_deletes=safety.max_deletes if options.max_deletes is None else options.max_deletes,
        max_creates=safety.max_creates,
        max_updates_percent=safety.max_updates_percent,
        max_updates=options.max_updates,
        force=options.force,
    )
    reasons = guard.check(summary(ws), limits)
    if reasons:
        raise SafetyStop(reasons)


def _keep_to_file(ws: Workspace, options: Options, report: RunReport) -> None:
    """`apply FILE`: of what is planned now, exactly what the file says; what the file says and is not planned now has moved."""
    if options.plan_file is None:
        return
    dropped = planfile.restrict(ws.store, planfile.load(options.plan_file, ws.config.workspace), first=ws.round == 1)
    report.dropped.extend(dropped)
    report.plan = planned_changes(ws.store)
    if dropped and not options.skip_stale:
        raise SafetyStop([*dropped, "Nothing was written. Make a new plan, or apply the rest with --skip-stale."])


def _look_again(ws: Workspace, options: Options, progress: Progress) -> bool:
    """Whether another round is worth it: something was staged that nobody expected, or a lost reply can be looked up now."""
    if options.stop.is_set() or ws.round == ROUNDS:
        return False
    lost = [system for system in ws.working() if unsettled(ws, system.name)]
    for system in lost:
        if not system.connector.capabilities.find_by:
            system.pulled = None
            others, ws.active = ws.active, frozenset([system.name])
            extract(ws, full=True, progress=progress, stop=options.stop)
            ws.active = others
    moved = bool(ws.store.value("SELECT count(*) FROM core.changed"))
    if not lost and not moved:
        return False
    normalise(ws)
    recover(ws)
    return True


def planned_changes(store: Store) -> list[Change]:
    """core.plan as values, in its order."""
    return list(planfile.changes(store))


def match_settings(config: Config) -> MatchSettings:
    """What the configuration says about matching."""
    return MatchSettings(tuple(config.match.on), frozenset(config.match.ignore), config.match.shared_after)


def _conclude(ws: Workspace, report: RunReport, received: Mapping[str, Received]) -> None:
    """Exit code, counts and what to look at next; the run's row is finished."""
    for name, system in ws.systems.items():
        row = ws.store.rows(
            "SELECT * EXCLUDE (run_id, system, problem) FROM core.run_systems WHERE run_id = ? AND system = ?",
            [ws.run_id, name],
        )
        names = ("records_read", "records_new", "records_changed", "records_unchanged", "records_rejected", *COUNTS)
        counts = dict(zip(names, row[0], strict=True)) if row else {}
        problem = system.problem
        report.systems.append(
            SystemReport(name, counts, str(problem), problem.code, isinstance(problem, Refused))
            if problem
            else SystemReport(name, counts)
        )
    if report.exit_code is Exit.DONE:
        failed = any(report_.counts.get("failed") for report_ in report.systems)
        if any(system.problem for system in ws.systems.values()):
            report.exit_code, report.outcome = Exit.UNREACHABLE, "a system was left out"
        elif failed or report.dropped or any(counts.fresh_rejects for counts in received.values()):
            report.exit_code, report.outcome = Exit.REJECTED, "done, with rejects"
    report.problems.extend(f"{s.name}: {s.problem}" for s in ws.systems.values() if s.problem)
    report.look_at_next = _look_at_next(ws, report)
    with ws.store.transaction() as con:
        con.execute(
            "UPDATE core.runs SET finished_at = ?, exit_code = ?, outcome = ? WHERE run_id = ?",
            [ws.now(), int(report.exit_code), report.outcome, ws.run_id],
        )


def _look_at_next(ws: Workspace, report: RunReport) -> list[str]:
    lines = []
    newest = "FROM conflicts ORDER BY run_id DESC LIMIT 20"
    grouped = "SELECT system, stage, reason, count(*) AS n FROM rejects GROUP BY ALL"
    for what, sql, values, hint in (
        ("possible matches to decide", "FROM core.reviews WHERE decision IS NULL", [], "customer-sync review list"),
        ("rejects", "FROM core.rejects", [], f'customer-sync query "{grouped}"'),
        ("conflicts decided in this run", "FROM core.conflicts WHERE run_id = ?", [ws.run_id],
         f'customer-sync query "{newest}"'),
    ):  # fmt: skip
        if count := ws.store.value(f"SELECT count(*) {sql}", values):
            lines.append(f"{count} {what}: {hint}")
    lines.extend(stage.new_fields(ws))
    for name, system in ws.systems.items():
        if isinstance(system.problem, Refused):
            lines.append(f"{name} refused our credentials: customer-sync check")
        elif isinstance(system.problem, ConnectorError):
            lines.append(f"{name} could not be read or written; the next run goes on from here: customer-sync check")
    if report.exit_code is Exit.DONE and not lines and not report.plan:
        lines.append("Nothing: all systems agree.")
    return lines


@contextmanager
def _open_workspace(config: Config, options: Options, now: Clock) -> Iterator[Workspace]:
    """Hold the workspace, open its store and connectors, and publish the snapshot at the end, whatever happened."""
    unknown = [name for name in options.systems if name not in config.systems]
    if unknown:
        raise UserError(f"No system is called {', '.join(unknown)}; there are {', '.join(config.systems)}.")
    try:
        mappings = load_mappings(config.mappings_folder)
    except MappingError as error:
        raise UserError("The mapping files have problems:", error.problems) from None
    with ExitStack() as stack:
        try:
            stack.enter_context(lock.hold(config.store_path, options.command))
        except lock.Held as held:
            raise Busy(str(held)) from None
        try:
            store = open_store(config.store_path)
        except NewerStore as error:
            raise UserError(str(error)) from None
        stack.callback(_publish, store)
        systems = {}
        for name, settings in config.systems.items():
            connector = open_connector(
                settings.connector, connector_settings(config, name), FileTokens(config.store_path)
            )
            stack.callback(connector.close)
            regions = tuple(region for region in (settings.region, config.region) if region)
            context = Context(settings.region or config.region, regions, settings.timezone or config.timezone)
            systems[name] = System(name, settings, connector, mappings[settings.connector], context)
        active = frozenset(
            n for n, s in systems.items() if not s.settings.paused and (not options.systems or n in options.systems)
        )
        ws = Workspace(_begin_run(store, options.command, now), options.command, config, store, systems, active, now)
        stack.enter_context(bound(run_id=ws.run_id))
        yield ws


def _begin_run(store: Store, command: str, now: Clock) -> str:
    """A row in core.runs; a run that never finished is marked as interrupted. Run ids sort by time."""
    with store.transaction() as con:
        started = now()
        last = con.execute("SELECT max(started_at) FROM core.runs").fetchall()[0][0]
        if last is not None and started <= last:
            started = last + timedelta(microseconds=1)
        run_id = f"{started:%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:6]}"
        con.execute("UPDATE core.runs SET outcome = 'interrupted' WHERE finished_at IS NULL AND outcome IS NULL")
        con.execute("DELETE FROM core.verdicts")
        con.execute("INSERT INTO core.runs (run_id, command, started_at) VALUES (?, ?, ?)", [run_id, command, started])
    return run_id


def _publish(store: Store) -> None:
    """Everybody reads the snapshot; a failed copy leaves the previous one."""
    store.checkpoint()
    if housekeeping.wants_compacting(store):
        store.close()
        housekeeping.compacted(store.path)
    try:
        snapshot.publish(store.path)
    except snapshot.CopyFailed as error:
        structlog.get_logger().error(
            "snapshot.not_published", why=str(error), meaning="readers still see the previous one"
        )
    store.close()
