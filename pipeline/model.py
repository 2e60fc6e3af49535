"""The engine's values: what the steps hand to each other. Pure: no database, no HTTP, no clock.

SIDE       one live record of a customer, as merging sees it: its readings now, and its base
MERGED     what a customer should be, unit by unit, with where each value came from
TARGET     one system as planning sees it: what it may be asked to do
CHANGE     one create, update, delete or restore that a plan wants to make in one system
VERDICT    what a plan says about one customer in one system: a change, or why there is none
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mappings.canonical import Reading, Value

RecordKey = tuple[str, str]
"""(system, record_id)"""

Policy = Literal["newest", "prefer", "review"]
Operation = Literal["create", "update", "delete", "restore"]


@dataclass(frozen=True, slots=True)
class Base:
    """One unit of one record as of the last agreement.

    `agreed` is what the customer's value was then (finer than `seen` where the system holds it coarsely): a record whose `agreed` is
    not the settled value lags behind, because a write to it failed or was not possible yet. `differs`: it was agreed to differ,
    and why (cleared_there, undone …).
    """

    seen: Reading
    agreed: Value = None
    differs: str | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One live record of a customer.

    `changed_at` is the system's own stamp of the record; where the system has none it is None and the change is only known to lie in
    (`after`, `before`]. `rank` is the place of its system in `merge.prefer` (configuration order where not named).
    `holds(unit, value)`: whether the record, as it is, already says `value` as well as its system can (coarse forms, own spelling).
    """

    key: RecordKey
    readings: Mapping[str, Reading]
    base: Mapping[str, Base]
    changed_at: datetime | None
    after: datetime | None
    before: datetime | None
    rank: int
    holds: Callable[[str, Value], bool]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Several different changes of one unit. `candidates`: every value with who said it; the chosen one came from `chosen`."""

    unit: str
    candidates: tuple[tuple[RecordKey, Value], ...]
    chosen: RecordKey | None
    policy: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What the customer should be. `values` has every unit of UNITS (None: empty). `sources`: unit → the record it came from.

    `differs`: (record, unit) → reason, where that record is left as it is although it differs (`cleared_there`, `not_understood`,
    `undone`, …). `held`: reason why the whole customer is not written now (`suspected_anonymisation`, `conflict_review`), or None.
    """

    values: Mapping[str, Value]
    sources: Mapping[str, RecordKey]
    conflicts: tuple[Conflict, ...] = ()
    differs: Mapping[tuple[RecordKey, str], str] = field(default_factory=dict)
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One system as planning sees it, for this run."""

    system: str
    access: Literal["read-write", "read-only"]
    create: bool
    only: Mapping[str, Any]
    deletes: Literal["keep", "propagate"]
    complete: bool
    """It was pulled completely in this or an earlier run, so that "no record there" means something."""
    paused: bool = False
    reachable: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """One change a plan wants to make. `fields`: canonical column → (before, after) as plain JSON; `paths`: system field → (before,
    after) as stored and sent. `based_on`: content hash of the record it was planned on (None for creates)."""

    system: str
    operation: Operation
    customer_id: str
    record_id: str | None
    fields: Mapping[str, tuple[Any, Any]]
    paths: Mapping[str, tuple[Any, Any]]
    reason: str
    based_on: str | None = None


Outcome = Literal["create", "update", "delete", "unchanged", "excluded", "held"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a plan says about one customer in one system: exactly one per touched customer and system."""

    customer_id: str
    system: str
    outcome: Outcome
    reason: str = ""
    detail: str = ""
    change: Change | None = None
