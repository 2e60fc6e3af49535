"""Commands that run the pipeline: backfill, sync, plan, apply."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.terms import (
    DryRun,
    Force,
    Json,
    MaxDeletes,
    MaxUpdates,
    NoProgress,
    Systems,
    Yes,
    configuration,
    example,
    remark,
    stoppable,
)

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.model import Change
    from pipeline.progress import Display
    from pipeline.run import RunReport


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(help=example("customer-sync backfill --dry-run", BACKFILL))(backfill)
    app.command(help=example("customer-sync sync --system berlin --system oslo", SYNC))(sync)
    app.command(help=example("customer-sync plan --out plan.json --report plan.html", PLAN))(plan)
    app.command(help=example("customer-sync apply plan.json", APPLY))(apply)


BACKFILL = (
    "Read every customer of the systems, whatever the cursors say; then match, merge, plan and write. "
    "Goes on where it was interrupted."
)
SYNC = "Read what changed, and bring the systems up to date."
PLAN = "Read and plan, and write nothing to any system; save the plan for `apply`, or a report of it for sign-off."
APPLY = "Write exactly what a saved plan says. When the world has moved since, nothing is written (exit 4)."


def backfill(
    context: typer.Context,
    *,
    system: Systems = None,
    dry_run: DryRun = False,
    max_deletes: MaxDeletes = None,
    max_updates: MaxUpdates = None,
    force: Force = False,
    yes: Yes = False,
    no_progress: NoProgress = False,
    json: Json = False,
) -> None:
    wanted = _Wanted("backfill", system, max_deletes, max_updates, force, write=not dry_run, full=True)
    _run(configuration(context), wanted, ask=not yes, show=not no_progress, as_json=json)


def sync(
    context: typer.Context,
    *,
    system: Systems = None,
    dry_run: DryRun = False,
    max_deletes: MaxDeletes = None,
    max_updates: MaxUpdates = None,
    force: Force = False,
    yes: Yes = False,
    no_progress: NoProgress = False,
    json: Json = False,
) -> None:
    wanted = _Wanted("sync", system, max_deletes, max_updates, force, write=not dry_run)
    _run(configuration(context), wanted, ask=not yes, show=not no_progress, as_json=json)


def plan(
    context: typer.Context,
    *,
    system: Systems = None,
    out: Annotated[Path | None, typer.Option(help="Save the plan to this file.", metavar="FILE")] = None,
    report: Annotated[Path | None, typer.Option(help="Save a readable report of it.", metavar="FILE.html")] = None,
    max_deletes: MaxDeletes = None,
    max_updates: MaxUpdates = None,
    force: Force = False,
    no_progress: NoProgress = False,
    json: Json = False,
) -> None:
    from pipeline.cli.files import refuse_own_files, save_plan, save_report

    config = configuration(context)
    refuse_own_files(config, out)
    refuse_own_files(config, report)

    def keep(found: RunReport) -> None:
        save_plan(config, found, out)
        save_report(config, found, report)

    wanted = _Wanted("plan", system, max_deletes, max_updates, force, write=False)
    _run(config, wanted, ask=False, show=not no_progress, as_json=json, keep=keep)


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A plan that `plan --out` saved.", metavar="FILE")],
    *,
    skip_stale: Annotated[
        bool,
        typer.Option("--skip-stale", help="Write the rest when some changes no longer fit (exit 3); they are listed."),
    ] = False,
    max_deletes: MaxDeletes = None,
    max_updates: MaxUpdates = None,
    force: Force = False,
    yes: Yes = False,
    no_progress: NoProgress = False,
    json: Json = False,
) -> None:
    from pipeline import planfile

    config = configuration(context)
    planfile.load(file, config.workspace)  # what is no plan is said before any system is asked
    wanted = _Wanted("apply", None, max_deletes, max_updates, force, plan_file=file, skip_stale=skip_stale)
    _run(config, wanted, ask=not yes, show=not no_progress, as_json=json)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line asks of a run."""

    command: str
    systems: Sequence[str] | None
    max_deletes: int | None
    max_updates: int | None
    force: bool
    write: bool = True
    full: bool = False
    plan_file: Path | None = None
    skip_stale: bool = False


def _run(
    config: Config,
    wanted: _Wanted,
    *,
    ask: bool,
    show: bool,
    as_json: bool,
    keep: Callable[[RunReport], None] | None = None,
) -> None:
    """One run and what is said about it; exits with its code."""
    from pipeline import log
    from pipeline.cli import present
    from pipeline.progress import open_progress
    from pipeline.run import Options, run_sync

    for warning in config.warnings:
        remark(f"warning: {warning}")
    log.configure(level=config.log.level, form=config.log.format)
    asks = ask and wanted.write and sys.stdin.isatty() and sys.stderr.isatty()
    with stoppable() as stop, open_progress(show=show) as progress:
        options = Options(
            command=wanted.command,
            systems=tuple(wanted.systems or ()),
            full=wanted.full,
            write=wanted.write,
            max_deletes=wanted.max_deletes,
            max_updates=wanted.max_updates,
            force=wanted.force,
            confirm=confirmation(progress) if asks else None,
            plan_file=wanted.plan_file,
            skip_stale=wanted.skip_stale,
            stop=stop,
        )
        report = run_sync(config, options, progress)
    if keep:
        keep(report)
    present.report(report, as_json=as_json, with_plan=not wanted.write)
    raise typer.Exit(int(report.exit_code))


def confirmation(progress: Display) -> Callable[[list[Change]], bool]:
    """Shows the numbers and asks; the bars are taken away meanwhile."""

    def confirm(changes: list[Change]) -> bool:
        from pipeline import explain

        with progress.paused():
            remark(explain.text(changes))
            return typer.confirm("Write this?", err=True)

    return confirm
