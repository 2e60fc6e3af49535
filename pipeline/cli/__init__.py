"""The command line: one thin function per command (contract, section 2). `main` is the program.

Nothing heavy is imported before a command runs: `--help` has to answer at once.

    runs.py      backfill, sync, plan, apply          reading.py   status, query, mappings
    setup.py     demo, init, check, simulate                      deciding.py  review, unlink, ignore
    daemon.py    daemon
    history.py   show, why, undo, reconcile, auth
    present.py   what a run prints at its end               terms.py     options and helpers that commands share
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli import daemon, deciding, history, reading, runs, setup
from pipeline.errors import Busy, Exit, SafetyStop, UserError

app = typer.Typer(
    name="customer-sync",
    help="Keeps the customer lists of tills from several vendors the same.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
)


@app.callback()
def _global(
    context: typer.Context,
    config: Annotated[Path, typer.Option(help="The workspace's configuration.", metavar="FILE")] = Path("config.yaml"),
) -> None:
    context.obj = config


for module in (setup, runs, daemon, reading, deciding, history):
    module.register(app)


def main() -> None:
    """Run the program with this process's arguments and exit with the contract's code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code. Errors are explained on standard error."""
    try:
        code = app(list(arguments), prog_name="customer-sync", standalone_mode=False)
    except _UsageError as error:
        error.show()
        return Exit.USAGE
    except (typer.Abort, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)  # noqa: T201
        return 130
    except UserError as error:
        return _explained(str(error), Exit.USAGE)
    except Busy as error:
        return _explained(str(error), Exit.BUSY)
    except SafetyStop as error:
        return _explained(str(error), Exit.SAFETY)
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:
        from connectors.errors import ConnectorError

        if isinstance(error, ConnectorError):
            return _explained(str(error), Exit.UNREACHABLE)
        return _bug()
    return int(code or 0)


_UsageError: Any = typer.BadParameter.__base__
"""Typer hides this class, and brings a click of its own or takes the installed one, depending on its version."""


def _explained(text: str, code: Exit) -> int:
    print(text, file=sys.stderr)  # noqa: T201
    return code


def _closed_pipe() -> int:
    """The reader of our output has had enough (`… | head`): no complaint, also none from the interpreter at its end."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.DONE


def _bug() -> int:
    """A traceback without anybody's data, and what to do with it."""
    from pipeline.log import masked_text, trace_of

    if error := sys.exception():
        print(masked_text(trace_of(error)), file=sys.stderr)  # noqa: T201
    return _explained(
        "This is a bug in customer-sync; the traceback above says where. Nothing is lost: run it again.", Exit.BUG
    )
