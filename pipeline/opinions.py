"""Who wins when records say different things about one unit: the newer where that is known, else the preferred.

Reads, writes: nothing. Guarantees: no answer depends on the order in which opinions are given (law 9); nothing that is
known to be older wins (law 6); what the winner's system cannot hold is completed from who can (law 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from mappings.canonical import Address, Reading, Value
from pipeline.model import RecordKey

_PLACE = ("street", "postal_code", "city")
_PARTS = ("extra", "state", "country")


class Opinion(NamedTuple):
    """A value that someone stands for, said at a time in (`after`, `by`]; `exact`: at `by`."""

    value: Value
    key: RecordKey
    rank: int
    after: datetime | None
    by: datetime | None
    exact: bool
    holds: Callable[[str, Value], bool]


def newest(opinions: Sequence[Opinion]) -> Opinion:
    """Whoever is not known to be older than another; among those by rank, then key."""
    if len(opinions) == 1:
        return opinions[0]
    # An interval that ends before it begins (a clock put back) could make everybody older than somebody.
    return preferred([one for one in opinions if not any(_is_older(one, other) for other in opinions)] or opinions)


def preferred(opinions: Iterable[Opinion]) -> Opinion:
    """The first by `merge.prefer`, ties by record key."""
    return min(opinions, key=lambda opinion: (opinion.rank, opinion.key))


def _is_older(one: Opinion, other: Opinion) -> bool:
    """Whether `one` was certainly said before `other`."""
    if one.by is None:
        return False
    if other.exact:
        return other.by is not None and one.by < other.by
    return other.after is not None and one.by <= other.after


def without_coarser(unit: str, opinions: Sequence[Opinion]) -> Sequence[Opinion]:
    """The opinions less those that say in a coarser form what another one says in full."""
    if len(opinions) == 1:
        return opinions
    finest = [one for one in opinions if not any(_is_coarser(unit, one, other) for other in opinions)]
    return finest or opinions


def _is_coarser(unit: str, one: Opinion, other: Opinion) -> bool:
    """Whether `other` says the same as `one`, and more."""
    if one.value == other.value or one.value is None or other.value is None:
        return False
    return one.holds(unit, other.value) and not other.holds(unit, one.value)


def in_full(unit: str, winner: Opinion, others: Sequence[Opinion]) -> Opinion:
    """The winner, or who says the same more fully than its system can (the newest of those)."""
    finer = [other for other in others if _is_coarser(unit, winner, other)]
    return newest(finer) if finer else winner


def completed(winner: Opinion, others: Sequence[Opinion]) -> Value:
    """The winner's value; an address with the parts that it lacks and that others have for the same place."""
    value = winner.value
    if isinstance(value, Address):
        for other in sorted(others, key=lambda opinion: (opinion.rank, opinion.key)):
            if isinstance(other.value, Address) and _same_place(value, other.value):
                value = _filled_up(value, other.value)
    return value


def keeping_unseen_parts(value: Address, seen: Reading, was: Address) -> Address:
    """An edited address: when the place truly moved, parts that its system cannot hold become empty, else they stay.

    A part that the record never showed is one that its system cannot hold; one that it showed and lost was emptied.
    """
    if not _same_place(value, was):
        return value
    emptied = [
        part
        for part in _PARTS
        if isinstance(seen.value, Address) and getattr(seen.value, part) and not getattr(value, part)
    ]
    return replace(_filled_up(value, was), **dict.fromkeys(emptied))


def _same_place(one: Address, other: Address) -> bool:
    return all(_folded(getattr(one, part)) == _folded(getattr(other, part)) for part in _PLACE)


def _filled_up(value: Address, other: Address) -> Address:
    return replace(value, **{part: getattr(other, part) for part in _PARTS if getattr(value, part) is None})


def _folded(text: str | None) -> str:
    return " ".join((text or "").casefold().split())
