"""Commands about what happened: show, why, undo, reconcile; and auth, which mends what stopped it from happening."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.runs import confirmation
from pipeline.cli.terms import (
    DryRun,
    Force,
    Json,
    MaxDeletes,
    MaxUpdates,
    NoProgress,
    Yes,
    configuration,
    example,
    remark,
    say,
    say_json,
    stoppable,
)

if TYPE_CHECKING:
    from pipeline.undo import Undone


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(help=example("customer-sync show ana@example.com", SHOW))(show)
    app.command(help=example("customer-sync why berlin:1204 oslo:5f1c", WHY))(why)
    app.command(help=example("customer-sync undo 20260105T093000 --dry-run", UNDO))(undo)
    app.command(help=example("customer-sync reconcile", RECONCILE))(reconcile)
    app.command(help=example("customer-sync auth berlin", AUTH))(auth)


SHOW = "One customer through all systems: values, where each came from, every read, write and decision."
WHY = "Why two records are, or are not, the same customer."
UNDO = (
    "Put back what a run wrote, where nobody has changed it since; later runs leave that alone. "
    "What the run created is deleted, so --max-deletes has to allow it."
)
RECONCILE = (
    "Read everything again and name every disagreement; nothing is written to any system (exit 3 when there are some)."
)
AUTH = "Authorise again: a new token from a prompt or standard input, or the vendor's consent page and code."


def show(
    context: typer.Context,
    key: Annotated[
        str, typer.Argument(help="A customer_id, e-mail, phone, VAT number or `system:record_id`.", metavar="KEY")
    ],
    json: Json = False,
) -> None:
    from pipeline import show as history
    from pipeline import show_text

    found = history.gather(configuration(context), key)
    if json:
        say_json(found)
    else:
        say(show_text.customer(found))


Record = Annotated[str, typer.Argument(help="`system:record_id`, or an e-mail or phone that one record has.")]


def why(context: typer.Context, a: Record, b: Record, json: Json = False) -> None:
    from pipeline import show as history
    from pipeline import show_text

    found = history.why(configuration(context), a, b)
    if json:
        say_json(found)
    else:
        say(show_text.pair(found))


def undo(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="The run's id, or its beginning.", metavar="RUN")],
    *,
    dry_run: DryRun = False,
    max_deletes: MaxDeletes = None,
    max_updates: MaxUpdates = None,
    force: Force = False,
    yes: Yes = False,
    no_progress: NoProgress = False,
    json: Json = False,
) -> None:
    from pipeline import log
    from pipeline.cli import present
    from pipeline.progress import open_progress
    from pipeline.run import Options
    from pipeline.undo import find_run, run_undo

    config = configuration(context)
    run_id = find_run(config, run)
    for warning in config.warnings:
        remark(f"warning: {warning}")
    log.configure(level=config.log.level, form=config.log.format)
    asks = not yes and not dry_run and sys.stdin.isatty() and sys.stderr.isatty()
    with stoppable() as stop, open_progress(show=not no_progress) as progress:
        options = Options(
            command="undo",
            write=not dry_run,
            max_deletes=max_deletes,
            max_updates=max_updates,
            force=force,
            confirm=confirmation(progress) if asks else None,
            stop=stop,
        )
        done = run_undo(config, run_id, options, progress)
    if json:
        say_json({**present.document(done.report, with_plan=True), **_undone(done)})
        for problem in done.report.problems:
            remark(problem)
    else:
        present.report(done.report, as_json=False, with_plan=dry_run)
        _say_left(done)
    raise typer.Exit(int(done.report.exit_code))


def _undone(done: Undone) -> dict[str, Any]:
    return {
        "undone": done.undone,
        "left": [
            {"system": one.system, "record_id": one.record_id, "customer_id": one.customer_id, "units": list(one.units), "why": one.why}
            for one in done.left
        ],
        "apart": [[":".join(left), ":".join(right)] for left, right in done.apart],
    }  # fmt: skip


LISTED = 20


def _say_left(done: Undone) -> None:
    """What stays as it is, and why: counts, and the first few by name."""
    from pipeline.output import shown

    if done.left:
        say(f"Left as it is: {len(done.left)}")
    for one in done.left[:LISTED]:
        of = f" ({', '.join(one.units)})" if one.units else ""
        say(shown(f"  {one.system}:{one.record_id}{of}: {one.why}"))
    if len(done.left) > LISTED:
        say(f"  ... and {len(done.left) - LISTED} more; --json lists them all")
    for left, right in done.apart[:LISTED]:
        say(shown(f"Different customers from now on: {':'.join(left)} and {':'.join(right)}"))


def reconcile(context: typer.Context, *, no_progress: NoProgress = False, json: Json = False) -> None:
    from pipeline import log
    from pipeline import reconcile as looking
    from pipeline.progress import open_progress
    from pipeline.run import Options

    config = configuration(context)
    log.configure(level=config.log.level, form=config.log.format)
    with stoppable() as stop, open_progress(show=not no_progress) as progress:
        options = Options(command="reconcile", full=True, write=False, stop=stop)
        found = looking.run_reconcile(config, options, progress)
    if json:
        say_json(looking.document(found))
    else:
        say(looking.text(found))
    for problem in found.report.problems:
        remark(problem)
    raise typer.Exit(int(found.report.exit_code))


def auth(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="The system's name in the configuration.", metavar="SYSTEM")],
    redirect_uri: Annotated[
        str,
        typer.Option(help="Where the vendor's page sends the browser, as registered with the vendor.", metavar="URL"),
    ] = "http://localhost/",
) -> None:
    from pipeline.authorise import authorise

    config = configuration(context)
    say(authorise(config, system, _ask, remark, redirect_uri))


def _ask(question: str) -> str:
    """An answer that is not shown while it is typed; from a pipe, the next line."""
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(question)
    return sys.stdin.readline().rstrip("\n")
