"""Cron lines and intervals, as people know them from Unix."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.timetable import is_due, parse

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("*/15 * * * *", "2026-03-02T10:07:30", "2026-03-02T10:15"),
        ("*/15 * * * *", "2026-03-02T10:15", "2026-03-02T10:30"),  # strictly after
        ("0 3 * * *", "2026-03-02T10:00", "2026-03-03T02:00"),  # 03:00 in Berlin
        ("0 3 * * *", "2026-07-02T10:00", "2026-07-03T01:00"),  # ... in summer
        ("0 12 * * 0", "2026-03-02T10:00", "2026-03-08T11:00"),  # 0 is Sunday
        ("0 12 * * 7", "2026-03-02T10:00", "2026-03-08T11:00"),  # ... and so is 7
        ("0 12 * * mon-fri", "2026-03-06T12:00", "2026-03-09T11:00"),
        ("0 12 1 * mon", "2026-03-02T12:00", "2026-03-09T11:00"),  # either day will do
        ("0 0 29 2 *", "2026-03-01T00:00", "2028-02-28T23:00"),
        ("30 2 * * *", "2026-03-28T12:00", "2026-03-30T00:30"),  # 02:30 does not exist on 29 March
        ("*/30 * * * *", "2026-10-25T00:30", "2026-10-25T01:00"),  # the hour that comes twice
        ("5,35 8-10/2 * jan,dec *", "2026-03-01T00:00", "2026-12-01T07:05"),
        ("every 15m", "2026-03-02T10:07:30", "2026-03-02T10:22:30"),
        ("Every 2h", "2026-03-02T10:00", "2026-03-02T12:00"),
    ],
)
def test_next_time(text: str, after: str, expected: str) -> None:
    assert parse(text).next_after(utc(after), BERLIN) == utc(expected)


@pytest.mark.parametrize(
    "text",
    ["", "hourly", "every 0m", "every 5s", "every m", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "*/0 * * * *",
     "5-1 * * * *", "0 0 31 2 *", "a * * * *", "*/ * * * *", "* * * * 8", "-1 * * * *", "² * * * *"],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_due_means_asked_for_since_the_last_time() -> None:
    assert not is_due("0 3 * * *", utc("2026-03-02T02:00"), utc("2026-03-03T01:59"), "Europe/Berlin")
    assert is_due("0 3 * * *", utc("2026-03-02T02:00"), utc("2026-03-03T02:00"), "Europe/Berlin")
