"""The project's own vocabulary: the canonical fields that every mapping translates to and from.

A UNIT is what is merged, compared and written as one: most units are one column of the public views, `name` and `address`
are groups that move together, and `phone` also fills the derived column `mobile`.
A READING is what a mapping makes of one unit of one record: a canonical value, or why there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec


class State(StrEnum):
    """What a record says about one unit. Absent, empty and unclear are three different things (law 7)."""

    VALUE = "value"
    """A canonical value."""
    DEFAULT = "default"
    """A value that the vendor fills in by itself: no opinion at first contact, an edit is an edit once there is a base."""
    EMPTY = "empty"
    """The system can hold it, returned it, and it is empty."""
    ABSENT = "absent"
    """The system cannot hold it or did not return it: no opinion, ever."""
    UNCLEAR = "unclear"
    """Something is there that could not be understood: kept raw, no opinion, and not overwritten by us."""


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name. `full` is what a single name field shows; the parts are null where nothing safe can be said."""

    full: str
    given: str | None = None
    middle: str | None = None
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """One postal address. `street` has street and house number in one line; `country` is ISO 3166-1 alpha-2."""

    street: str | None = None
    extra: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None


Value = str | bool | date | Name | Address | None
"""A canonical value. None is "empty"; text is never ''. E-mail, phone (E.164) and VAT number are in normal form."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One unit of one record as the mapping reads it. `value` is None unless the state is VALUE or DEFAULT.

    `rule`, `evidence` and `problem` are for people (`show`, `mappings preview`) and take no part in comparisons of meaning.
    """

    state: State
    value: Value = None
    rule: str = ""
    evidence: str = ""
    problem: str = ""

    def same(self, other: Reading) -> bool:
        """Whether both say the same: state and value, not how they were found."""
        return self.state == other.state and self.value == other.value


ABSENT = Reading(State.ABSENT)
EMPTY = Reading(State.EMPTY)

UNIT_COLUMNS: dict[str, tuple[str, ...]] = {
    "name": ("full_name", "given_name", "middle_name", "family_name"),
    "company": ("company",),
    "is_business": ("is_business",),
    "email": ("email",),
    "phone": ("phone", "mobile"),
    "vat_number": ("vat_number",),
    "birth_date": ("birth_date",),
    "gender": ("gender",),
    "address": ("street", "address_extra", "postal_code", "city", "state", "country"),
    "marketing_consent": ("marketing_consent",),
    "is_vip": ("is_vip",),
    "is_favourite": ("is_favourite",),
    "is_blocked": ("is_blocked",),
    "note": ("note",),
}
"""Every unit and the view columns it fills, in the order of the public views."""

UNITS: tuple[str, ...] = tuple(UNIT_COLUMNS)
COLUMNS: tuple[str, ...] = tuple(column for columns in UNIT_COLUMNS.values() for column in columns)

_SHAPES: dict[str, Any] = {"name": Name, "address": Address, "birth_date": date}
_FLAGS = {"is_business", "marketing_consent", "is_vip", "is_favourite", "is_blocked"}


def plain(value: Value) -> Any:
    """The value as JSON types (date as ISO text, groups as objects), for storage and for `--json`."""
    if isinstance(value, Name | Address):
        return {name: getattr(value, name) for name in value.__slots__}  # asdict copies deeply and is ten times slower
    return value.isoformat() if isinstance(value, date) else value


def revive(unit: str, value: Any) -> Value:
    """The inverse of `plain` for one unit."""
    if value is None:
        return None
    shape: Any = _SHAPES.get(unit, bool if unit in _FLAGS else str)
    revived: Value = msgspec.convert(value, shape)
    return revived
