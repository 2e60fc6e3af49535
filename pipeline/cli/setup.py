"""Commands around a workspace: demo, init, check, simulate."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.terms import Json, NoProgress, configuration, example, remark, say, say_json
from pipeline.errors import UserError


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(help=example("customer-sync demo", DEMO))(demo)
    app.command(help=example("customer-sync init my-shop", INIT))(init)
    app.command(help=example("customer-sync --config my-shop/config.yaml check", CHECK))(check)
    app.command(help=example("customer-sync simulate --port 8750", SIMULATE))(simulate)


DEMO = (
    "No account, no network: starts the till simulators on loopback, loads sample customers, runs a backfill "
    "and a second sync, and shows what happened. With --serve, tills, daemon and dashboard stay up."
)
INIT = "Write a commented config.yaml and .env.example to start from; never overwrites."
CHECK = "Validate configuration and mappings, then each system's address, credentials and permissions; changes nothing."
SIMULATE = "Run the till simulators alone, on loopback."


def demo(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Keep everything in this folder; else a temporary one.", metavar="DIR")
    ] = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Leave the tills, the daemon and the dashboard up until you stop them.")
    ] = False,
    no_progress: NoProgress = False,
) -> None:
    from pipeline import log
    from pipeline.cli.daemon import run_daemon
    from pipeline.demo import run_demo
    from pipeline.progress import open_progress

    log.configure(level="warning")
    with open_progress(show=not no_progress and sys.stderr.isatty()) as progress:
        code = run_demo(directory, progress, say, run_daemon if serve else None)
    raise typer.Exit(int(code))


def init(
    directory: Annotated[Path, typer.Argument(help="The folder; made when it does not exist.", metavar="DIR")] = Path(),
) -> None:
    from pipeline.starter import write_starter

    for file in write_starter(directory):
        say(f"wrote {file}")
    say("Next: fill in the tills you have, copy .env.example to .env with your secrets, then `customer-sync check`.")


def check(context: typer.Context, json: Json = False) -> None:
    config = configuration(context)
    from pipeline.check import check_workspace

    checked = check_workspace(config)
    if json:
        lines = [{"system": line.system, **asdict(line.finding)} for line in checked.lines]
        say_json({"exit_code": int(checked.exit_code), "findings": lines})
    else:
        for line in checked.lines:
            text = f"{line.finding.level:7}  {line.system or 'workspace'}: {line.finding.what}"
            say(text + (f"\n         {line.finding.hint}" if line.finding.hint else ""))
    raise typer.Exit(int(checked.exit_code))


def simulate(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.", metavar="P")] = 8750,
) -> None:
    from connectors.simulators import server

    try:
        server.run(port, say=say)
    except OSError as error:
        raise UserError(
            f"Port {port} on 127.0.0.1 cannot be used: {error.strerror}.", ["choose another with --port"]
        ) from None
    remark("The simulators have stopped.")
