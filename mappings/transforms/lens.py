"""The words that transforms are written in.

    RAW        a field's value as the system holds it, decoded from JSON; `MISSING` where the record has no such key
    ROLE       what one field is to a transform (`given`, `postal_code`); a rule says which field of the system plays it
    GET        raws → one reading per unit
    PUT        the units that shall change, and the raws they change → new raws; `KEEP` for a field that stays as it is

Get and put are pure and total: no input raises, whatever its type, and what is not understood becomes an UNCLEAR
reading. The law put(get(s)) = s is kept in one place for all transforms, `compiled_rule.py`: put sees only units whose
value really differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from mappings.canonical import UNIT_COLUMNS, Reading, State, Value
from mappings.transforms.typed_text import clean_text


class Mark(Enum):
    """Stand-ins where no JSON value can stand."""

    MISSING = "missing"
    KEEP = "keep"


MISSING: Final = Mark.MISSING
KEEP: Final = Mark.KEEP

Raw = Any
Raws = Sequence[Raw]


@dataclass(frozen=True, slots=True)
class Context:
    """Where a system stands: `regions` are its own and the workspace's (ISO 3166-1); `timezone` is an IANA name."""

    region: str | None
    regions: tuple[str, ...]
    timezone: str


class Given(NamedTuple):
    """What get and put go by: raws by role, the record's country where known and, for put, the readings of the raws."""

    raws: Raws
    country: str | None
    context: Context
    now: Mapping[str, Reading] = MappingProxyType({})


Get = Callable[[Given], tuple[Reading, ...]]
"""The readings, in the order of `Lens.emits`."""

Put = Callable[[Mapping[str, Value], Given], Raws]
"""The units to change and what is there → new raws, one per role, `KEEP` for those that stay."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What a transform is built from: the rule's name and options, its units and the roles it gives fields to.

    `blank` is how this system spells "nothing" (`""` or null); `read_only` are the roles that are never written.
    """

    rule: str
    units: tuple[str, ...]
    roles: frozenset[str]
    read_only: frozenset[str]
    blank: Raw
    options: Mapping[str, Any]

    def can_write(self, role: str) -> bool:
        """Whether a field plays this role and may be written."""
        return role in self.roles and role not in self.read_only


@dataclass(frozen=True, slots=True)
class Lens:
    """A transform made ready for one rule.

    `emits` are the units that `get` reads, in order; `parts`: the columns that a unit can hold here, where not all of
    them; `memo`: whether the readings of equal raws are worth remembering.
    """

    emits: tuple[str, ...]
    get: Get
    put: Put
    parts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    memo: bool = True

    def columns(self, unit: str) -> frozenset[str]:
        """The columns of the public views that this unit can hold here."""
        return self.parts.get(unit, frozenset(UNIT_COLUMNS.get(unit, (unit,))))


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a transform: its type, its default and a sentence about it."""

    kind: type | tuple[type, ...]
    default: Any
    about: str
    required: bool = False

    def kind_name(self) -> str:
        """The type in words."""
        words = {bool: "true or false", str: "text", dict: "a table of value: value", int: "a whole number"}
        kinds = self.kind if isinstance(self.kind, tuple) else (self.kind,)
        return " or ".join(words[kind] for kind in kinds)


@dataclass(frozen=True, slots=True)
class Transform:
    """A named pair of get and put, with all that is needed to check a rule and to document it.

    `units`: the units it can serve; `together`: whether one rule covers several of them. `roles`: role → a sentence
    about it; the first is the one that a rule with a single field means. `required`: roles without which it is nothing.
    """

    about: str
    units: frozenset[str]
    roles: Mapping[str, str]
    required: frozenset[str]
    build: Callable[[Spec], Lens]
    options: Mapping[str, Option] = field(default_factory=dict)
    together: bool = False


def text_of(raw: Raw) -> str | None:
    """Visible text in normal form (white space collapsed, NFC), or None."""
    if isinstance(raw, str):
        if raw.isalnum() and raw.isascii():  # codes, numbers, most single names
            return raw
        return clean_text(raw) if raw else None
    return None if raw is None or raw is MISSING else clean_text(raw)


def texts_of(raws: Raws) -> list[str | None]:
    """`text_of` each; what is empty or plain is decided here, as a function call takes longer."""
    return [
        None if raw is None or raw is MISSING or raw == ""
        else raw if type(raw) is str and raw.isalnum() and raw.isascii()
        else text_of(raw)
        for raw in raws
    ]  # fmt: skip


def odd(raw: Raw) -> bool:
    """Whether something is there that is not text (an object, a list, a boolean) where text is expected."""
    return type(raw) in _ODD


_ODD = frozenset({bool, dict, list})


def any_odd(raws: Sequence[Raw]) -> bool:
    """Whether one of them is odd."""
    return not _ODD.isdisjoint(map(type, raws))


def unclear(rule: str, problem: str, evidence: str = "") -> Reading:
    """A reading for what could not be understood; `problem` is a short phrase that repeats, so it can be counted."""
    return Reading(State.UNCLEAR, None, rule, evidence, problem)
