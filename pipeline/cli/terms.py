"""Options and small helpers that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pipeline.config import Config

Systems = Annotated[
    list[str] | None, typer.Option("--system", help="Only this system (may be given several times).", metavar="S")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Do everything but write to a system.")]
MaxDeletes = Annotated[int | None, typer.Option(min=0, help="Deletes allowed per target in this run.", metavar="N")]
MaxUpdates = Annotated[int | None, typer.Option(min=0, help="Updates allowed per target in this run.", metavar="N")]
Force = Annotated[bool, typer.Option("--force", help="Override a safety stop, this once.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing on a terminal.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="No progress display.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def example(text: str, summary: str) -> str:
    """A command's help: what it does, and one example."""
    return f"{summary}\n\n\b\nExample:\n  {text}"


def configuration(context: typer.Context) -> Config:
    """The workspace's configuration; warnings go to standard error."""
    from pipeline.config import load_config

    path: Path = context.obj
    return load_config(path)


def say(text: str = "") -> None:
    """A line on standard output."""
    sys.stdout.write(text + "\n")


def remark(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def say_json(document: Any) -> None:
    """One JSON document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=sys.stdout.isatty(), indent=1, default=_plain)
    sys.stdout.write("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


@contextmanager
def stoppable() -> Iterator[Event]:
    """An event that the first Ctrl-C (or SIGTERM) sets; the second ends the process at once, which is recoverable."""
    import os
    import signal
    from types import FrameType

    stop = Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            if sys.stderr.isatty():
                sys.stderr.write("\x1b[?25h")  # the progress bars hide the cursor
            os._exit(128 + number)
        stop.set()
        remark("Finishing what is in flight; once more to stop at once.")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
