"""How a run shows what it is doing: bars on a terminal, lines elsewhere, or nothing. On standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import TaskID

LINE_EVERY_S = 10.0


class Progress(Protocol):
    """What the engine reports to. May be called from several threads; numbers are totals so far, not steps."""

    def pulling(self, system: str, *, records: int, pages: int, total: int | None) -> None:
        """So many records of `system` were received; `total`: how many it says there are."""

    def writing(self, system: str, *, done: int, total: int) -> None:
        """So many of the planned writes to `system` were carried out."""

    def note(self, text: str) -> None:
        """Something worth a line of its own. Holds no customer data."""


class Display(Progress, Protocol):
    """A progress display that can make room for a question."""

    def paused(self) -> AbstractContextManager[None]:
        """Nothing moves inside the block."""


class Silent:
    """Shows nothing (`--no-progress`)."""

    def pulling(self, system: str, *, records: int, pages: int, total: int | None) -> None:
        """Nothing."""

    def writing(self, system: str, *, done: int, total: int) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def paused(self) -> AbstractContextManager[None]:
        """Nothing to pause."""
        return nullcontext()


class Lines:
    """A plain line per system when it starts to move and then every ten seconds, for logs and pipes."""

    def __init__(self, out: TextIO, now: Callable[[], float] = time.monotonic) -> None:
        self._out, self._now, self._turn = out, now, threading.Lock()
        self._last: dict[tuple[str, str], float] = {}

    def pulling(self, system: str, *, records: int, pages: int, total: int | None) -> None:
        """At most one line per ten seconds and system, and one when all have come."""
        of = f" of {total}" if total else ""
        self._line(("pull", system), f"{system}: {records}{of} records read ({pages} pages)", is_last=records == total)

    def writing(self, system: str, *, done: int, total: int) -> None:
        """At most one line per ten seconds and system, and one when all were sent."""
        self._line(("write", system), f"{system}: {done} of {total} changes written", is_last=done == total)

    def note(self, text: str) -> None:
        """One line."""
        with self._turn:
            print(text, file=self._out, flush=True)

    def paused(self) -> AbstractContextManager[None]:
        """Nothing to pause."""
        return nullcontext()

    def _line(self, key: tuple[str, str], text: str, *, is_last: bool) -> None:
        with self._turn:
            now = self._now()
            if not is_last and now - self._last.get(key, float("-inf")) < LINE_EVERY_S:
                return
            self._last[key] = now
            print(text, file=self._out, flush=True)


class Bars:
    """A bar per system: first the pull (records, pages, rate, time left), then the writes."""

    def __init__(self, bars: Any) -> None:
        self._bars, self._turn = bars, threading.Lock()
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def pulling(self, system: str, *, records: int, pages: int, total: int | None) -> None:
        """Move the bar of this system's pull."""
        self._move(("read", system), done=records, total=total, detail=f"{pages} pages")

    def writing(self, system: str, *, done: int, total: int) -> None:
        """Move the bar of this system's writes."""
        self._move(("write", system), done=done, total=total, detail="")

    def note(self, text: str) -> None:
        """A line above the bars."""
        from rich.markup import escape

        self._bars.console.print(escape(text))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The bars are gone inside the block."""
        self._bars.stop()
        try:
            yield
        finally:
            self._bars.start()

    def _move(self, key: tuple[str, str], *, done: int, total: int | None, detail: str) -> None:
        with self._turn:
            if key not in self._tasks:
                self._tasks[key] = self._bars.add_task(f"{key[1]} {key[0]}", total=total, detail="")
            # A vendor's total may be behind what it sends; a bar past its end would only puzzle.
            self._bars.update(
                self._tasks[key], completed=done, total=None if total is None else max(total, done), detail=detail
            )


@contextmanager
def open_progress(*, show: bool, out: TextIO | None = None) -> Iterator[Display]:
    """The progress display that fits: bars on a terminal, lines elsewhere, nothing when not `show`."""
    out = out or sys.stderr
    if not show:
        yield Silent()
    elif not out.isatty():
        yield Lines(out)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
            _rate_column(),
            TimeRemainingColumn(compact=True),
        )
        with RichProgress(*columns, console=Console(file=out, highlight=False)) as bars:
            yield Bars(bars)


def _rate_column() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f}/s" if speed else "")

    return Rate()
