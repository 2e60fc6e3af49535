"""When things are due: a cron line ("*/15 * * * *") or an interval ("every 15m"). Pure: no clock.

Cron as people know it from Unix: minute, hour, day of month, month, day of week (0 and 7 are Sunday); when both days are
restricted, either will do. Times are wall-clock times of a time zone: an hour skipped in spring is skipped, one that
comes twice counts twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_EVERY = re.compile(r"every\s+(\d{1,5})\s*(s|m|h|d)\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MONTHS = dict(
    zip(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], range(1, 13), strict=True)
)
_DAYS = dict(zip(["sun", "mon", "tue", "wed", "thu", "fri", "sat"], range(7), strict=True))
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 7, _DAYS),
)
_HORIZON_DAYS = 366 * 9
"""29 February can be eight years away."""
_TIME_TO_RUN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval, counted from the last time."""

    seconds: int

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime | None:  # noqa: ARG002  same shape as Cron's
        """One interval after `moment`, in UTC."""
        return moment.astimezone(UTC) + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes that match all fields."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both kinds of day are restricted: one of them is enough."""

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first matching minute strictly after `moment`, in UTC; None if there is none (31 February)."""
        at = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        horizon = at + timedelta(days=_HORIZON_DAYS)
        while at < horizon:
            local = at.astimezone(zone)
            if not self._is_day(local):
                midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, fold=0)
                at = max(midnight.astimezone(UTC), at + timedelta(minutes=1))
            elif local.hour in self.hours and local.minute in self.minutes:
                return at
            else:
                at += timedelta(minutes=1)
        return None

    def _is_day(self, local: datetime) -> bool:
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return local.month in self.months and ((day or weekday) if self.either_day else (day and weekday))


Timetable = Cron | Every


def parse(text: str) -> Timetable:
    """The timetable that `text` writes. Raises ValueError saying which part is wrong."""
    found = _EVERY.match(text.strip().lower())
    if found:
        seconds = int(found[1]) * _UNITS[found[2]]
        if seconds < 10:
            raise ValueError("an interval is at least 10 seconds")
        return Every(seconds)
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError('expected five cron fields ("*/15 * * * *") or an interval ("every 15m")')
    minutes, hours, days, months, weekdays = (_field(part, *rule) for part, rule in zip(parts, _FIELDS, strict=True))
    cron = Cron(
        minutes, hours, days, months, frozenset(day % 7 for day in weekdays), not {parts[2][0], parts[4][0]} & {"*"}
    )
    if cron.next_after(datetime(2023, 1, 1, tzinfo=UTC), UTC) is None:
        raise ValueError("no day ever matches")
    return cron


def is_due(text: str, last: datetime, now: datetime, timezone: str) -> bool:
    """Whether the timetable asks for something between `last` (exclusive) and `now`."""
    due = parse(text).next_after(last, ZoneInfo(timezone))
    return due is not None and due <= now


def overdue_at(due: Timetable, last: datetime, zone: tzinfo) -> datetime | None:
    """When something last done at `last` is overdue: two of its times have passed since, and half an interval to do it in.

    Times are looked up rather than intervals multiplied: a shop that is closed on Sunday is not late on Sunday.
    """
    first = due.next_after(last, zone)
    second = due.next_after(first, zone) if first else None
    if first is None or second is None:
        return None
    return second + min((second - first) / 2, _TIME_TO_RUN)


def _field(text: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step_text = part.partition("/")
        step = _number(step_text, name, 1, high, {}) if step_text or part.endswith("/") else 1
        if span == "*":
            first, last = low, high
        else:
            first_text, dash, last_text = span.partition("-")
            first = _number(first_text, name, low, high, names)
            last = _number(last_text, name, low, high, names) if dash else (high if step_text else first)
        if last < first:
            raise ValueError(f"{part!r} runs backwards ({name})")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    value = names.get(text, int(text) if text.isascii() and text.isdigit() and len(text) < 5 else -1)
    if not low <= value <= high:
        raise ValueError(f"{text!r} is no {name} ({low} to {high})")
    return value
