"""What a run shows: bars on a terminal, a plain line now and then elsewhere, nothing when asked for nothing."""

from __future__ import annotations

import io

from pipeline.progress import Lines, Silent, open_progress


def test_lines_say_the_first_then_one_in_ten_seconds_then_the_last() -> None:
    """A backfill of a million customers must not fill a log file."""
    out, clock = io.StringIO(), iter([0.0, 3.0, 11.0, 12.0, 13.0])
    lines = Lines(out, lambda: next(clock))
    for records in (30, 60, 90, 120):
        lines.pulling("berlin", records=records, pages=records // 30, total=120)
    lines.writing("oslo", done=1, total=9)
    lines.note("retrying")
    assert out.getvalue().splitlines() == [
        "berlin: 30 of 120 records read (1 pages)",
        "berlin: 90 of 120 records read (3 pages)",
        "berlin: 120 of 120 records read (4 pages)",
        "oslo: 1 of 9 changes written",
        "retrying",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_bars_with_what_was_done_and_markup_is_only_text() -> None:
    out = Terminal()
    with open_progress(show=True, out=out) as progress:
        progress.pulling("berlin", records=30, pages=1, total=None)
        progress.pulling("berlin", records=120, pages=4, total=100)  # the till's own total is behind
        progress.writing("oslo", done=3, total=9)
        with progress.paused():
            progress.note("[red]careful[/red]")
    shown = out.getvalue()
    assert "120/120" in shown
    assert "4 pages" in shown
    assert "oslo write" in shown
    assert "3/9" in shown
    assert "[red]careful[/red]" in shown


def test_elsewhere_and_without_progress() -> None:
    out = io.StringIO()
    with open_progress(show=True, out=out) as progress:
        assert isinstance(progress, Lines)
    with open_progress(show=False, out=out) as progress:
        assert isinstance(progress, Silent)
        progress.note("nothing")
    assert out.getvalue() == ""
