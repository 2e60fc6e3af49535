"""The command `daemon`, and what keeps one running until somebody stops it."""

from __future__ import annotations

import os
import queue
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import typer

from pipeline.cli.terms import configuration, example, remark

if TYPE_CHECKING:
    from pipeline.config import Config
    from pipeline.daemon import Daemon

TICK_S = 1.0


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(help=example("customer-sync daemon", DAEMON))(daemon)


DAEMON = (
    "Run `sync` on each system's schedule until stopped, and serve the dashboard, /healthz, /readyz and /metrics on "
    "`daemon.listen`. SIGHUP, or a changed file, reloads the configuration."
)


def daemon(context: typer.Context) -> None:
    config = configuration(context)
    for warning in config.warnings:
        remark(f"warning: {warning}")
    run_daemon(config)


def run_daemon(config: Config, on_start: Callable[[str], None] = lambda _address: None) -> None:
    """The daemon of one workspace, until it is stopped. `on_start` is told the dashboard's address."""
    from pipeline import log
    from pipeline.daemon import Daemon

    log.configure(level=config.log.level, form=config.log.format)
    _until_stopped(Daemon(config), on_start)


def _until_stopped(running: Daemon, on_start: Callable[[str], None]) -> None:
    """Start the daemon and look after it until SIGTERM or SIGINT; a second one ends the process at once. Main thread only."""
    # The one kind of queue that a signal handler may put into while the same thread waits for it.
    mail: queue.SimpleQueue[int] = queue.SimpleQueue()
    stopping = False

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stopping and number != signal.SIGHUP:
            os._exit(128 + number)
        mail.put(number)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        try:
            on_start(running.start())
            while (number := _next(mail)) not in {signal.SIGINT, signal.SIGTERM}:
                if number == signal.SIGHUP:
                    running.reload()
                running.tick()
        finally:
            stopping = True
            ended = running.stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not ended:
        # Its threads wait for an answer that does not come. What was sent is in the ledger; the next run goes on from there.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _next(mail: queue.SimpleQueue[int]) -> int | None:
    try:
        return mail.get(timeout=TICK_S)
    except queue.Empty:
        return None
