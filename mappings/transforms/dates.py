"""Birth dates: a plain date (`date`), and an instant that stands for one in the account's time zone (`instant`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from mappings.canonical import ABSENT, EMPTY, Reading, State, Value
from mappings.transforms.lens import KEEP, MISSING, Given, Lens, Raw, Raws, Spec, Transform, text_of, unclear
from mappings.transforms.typed_text import fold_text

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?![\d])")
_FRACTION = re.compile(r"\.(\d+)")


def date_of(raw: Raw) -> date | None:
    """The calendar date that a text begins with (`1990-09-17`, `1990-09-17 00:00:00`), or None.

    >>> date_of("1990-09-17")
    datetime.date(1990, 9, 17)
    """
    text = fold_text(raw) if isinstance(raw, str) else None
    found = _DATE.match(text) if text else None
    if found is None:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def instant_date(raw: Raw, timezone: str) -> date | None:
    """The calendar date of an instant in a time zone; a text without a time or without an offset is that date itself.

    >>> instant_date("1985-04-29T22:00:00Z", "Europe/Berlin")
    datetime.date(1985, 4, 30)
    """
    text = fold_text(raw) if isinstance(raw, str) else None
    if not text:
        return None
    # Python 3.11 reads 3 or 6 fraction digits only; the vendor's own sample has three, others send any number.
    text = text.upper()
    if "." in text:
        text = _FRACTION.sub(lambda f: "." + (f[1] + "000000")[:6], text, count=1)
    try:
        moment = datetime.fromisoformat(text)
        return moment.date() if moment.tzinfo is None else moment.astimezone(_zone(timezone)).date()
    except (ValueError, OverflowError):
        return None


def noon_instant(day: date, timezone: str) -> str:
    """The instant written for a date: noon UTC (Inventorum's reference, section 10), or noon there if not that day.

    >>> noon_instant(date(1985, 4, 30), "Europe/Berlin")
    '1985-04-30T12:00:00Z'
    """
    text = f"{day.isoformat()}T12:00:00Z"
    if instant_date(text, timezone) != day:
        local = datetime.combine(day, time(12), tzinfo=_zone(timezone)).astimezone(UTC)
        text = local.replace(tzinfo=None).isoformat() + "Z"
    return text


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # KeyError: ZoneInfoNotFoundError
        return ZoneInfo("UTC")


def _build_date(spec: Spec) -> Lens:
    return _build(spec, instant=False)


def _build_instant(spec: Spec) -> Lens:
    return _build(spec, instant=True)


def _build(spec: Spec, *, instant: bool) -> Lens:
    rule = spec.rule

    def get(given: Given) -> tuple[Reading, ...]:
        raw = given.raws[0]
        if raw is MISSING:
            return (ABSENT,)
        if raw is None or (isinstance(raw, str) and text_of(raw) is None):
            return (EMPTY,)
        day = instant_date(raw, given.context.timezone) if instant else date_of(raw)
        if day is None:
            return (unclear(rule, "not a date"),)
        return (Reading(State.VALUE, day, rule, f"read in {given.context.timezone}" if instant else ""),)

    def put(asked: Mapping[str, Value], given: Given) -> Raws:
        day = asked.get("birth_date", KEEP)
        if not isinstance(day, date):
            return (None if day is None else KEEP,)  # null is how both vendors say "no birthday"
        return (noon_instant(day, given.context.timezone) if instant else day.isoformat(),)

    return Lens(("birth_date",), get, put)


_BIRTH_DATE = frozenset({"birth_date"})

DATE = Transform(
    about="A calendar date, `YYYY-MM-DD`; a time after it is ignored.",
    units=_BIRTH_DATE,
    roles={"date": "the field"},
    required=frozenset({"date"}),
    build=_build_date,
)

INSTANT = Transform(
    about="A date kept as an instant with an offset. Read in the account's time zone, written as noon UTC; compared by "
    "date, so the same date in another offset is not rewritten.",
    units=_BIRTH_DATE,
    roles={"instant": "the field"},
    required=frozenset({"instant"}),
    build=_build_instant,
)
