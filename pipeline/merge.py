"""What a customer should be: a three-way merge, unit by unit, of all its records with what they last agreed on.

Reads: the customer's live records (`Side`), its settled values, the policy. Writes: nothing; returns a `Merged`.
Guarantees: pure; the order of the records does not matter (law 9); a value that a person changed is never overwritten
by one that was not changed, nor by one known to be older (law 6); what a system cannot hold or did not return is no
opinion (law 7). `docs/merging.md` has the decision table, which is also the test.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from mappings.canonical import ABSENT, UNIT_COLUMNS, UNITS, State, Value
from pipeline.merge_unit import Case, decide, frozen_unit, overridden
from pipeline.model import Base, Conflict, Merged, Policy, RecordKey, Side

_VALUE, _DEFAULT, _ABSENT, _UNCLEAR = State.VALUE, State.DEFAULT, State.ABSENT, State.UNCLEAR

_IDENTITY = ("name", "email", "phone", "company")


def merge(
    sides: Sequence[Side],
    settled: Mapping[str, Value],
    policy: Policy,
    overrides: Mapping[str, Value] | None = None,
    settled_from: Mapping[str, RecordKey] | None = None,
    *,
    settled_since: Mapping[str, datetime] | None = None,
    frozen: Collection[str] = (),
) -> Merged:
    """What the customer should be.

    `settled`: the values as of the last applied run, empty for a new customer; a unit that it lacks is decided as at
    first contact. `overrides`: what a person decided. `settled_from`: where the settled values came from.
    `settled_since`: when they were said there. `frozen`: units found to flip back and forth. A side's `base` must stem
    from this very customer: a record that has just joined it is passed without one.
    """
    ordered = sorted(sides, key=lambda side: (side.rank, side.key)) if len(sides) > 1 else sides
    if settled or overrides or any(side.base for side in ordered):
        values, sources, undecided = _unchanged(ordered, settled, settled_from or {}, {*(overrides or ()), *frozen})
    else:
        values, sources, undecided = _agreeing_newcomers(ordered)
    if not undecided:
        return Merged(values, sources)

    speaking = [side for side in ordered if not _looks_anonymised(side)]
    held = "suspected_anonymisation" if len(speaking) < len(ordered) else None
    conflicts: list[Conflict] = []
    differs: dict[tuple[RecordKey, str], str] = {}
    for unit in undecided:
        case = Case(
            unit,
            speaking,
            unit in settled,
            settled.get(unit),
            (settled_from or {}).get(unit),
            policy,
            (settled_since or {}).get(unit),
        )
        decision = frozen_unit(case) if unit in frozen else decide(case)
        if overrides and unit in overrides:
            decision = overridden(case, decision, overrides[unit])
        values[unit] = decision.value
        if decision.value is not None and decision.source is not None:
            sources[unit] = decision.source
        if decision.conflict:
            conflicts.append(decision.conflict)
            if decision.conflict.chosen is None:
                held = held or "conflict_review"
        for key, reason in decision.marks.items():
            differs[key, unit] = reason
    return Merged(values, sources, tuple(conflicts), differs, held)


def next_base(side: Side, merged: Merged) -> dict[str, Base]:
    """The record's bases once `merged` is settled, from the readings it was merged with, or that a write left behind.

    Every opinion has then been heard, won or lost, and is not heard again: also a loser that could not be written to.
    A unit that was not returned keeps its base, and a held customer keeps them all.
    """
    bases = dict(side.base)
    if merged.held:
        return bases
    for unit, reading in side.readings.items():
        if reading.state is _ABSENT or unit not in UNIT_COLUMNS:  # `mobile` is derived from the phone, and no unit
            continue
        value, before = merged.values.get(unit), side.base.get(unit)
        follows = reading.value == value or side.holds(unit, value)
        agreed = value if follows else before.agreed if before else reading.value
        bases[unit] = Base(reading, agreed, merged.differs.get((side.key, unit)))
    return bases


def flips(winners: Sequence[tuple[RecordKey, Value]]) -> bool:
    """Whether one unit went back and forth between two systems on the last three successive runs (oldest first)."""
    if len(winners) < 3:
        return False
    (one, first), (two, second), (three, third) = winners[-3:]
    return one[0] == three[0] != two[0] and first == third != second


def _unchanged(
    sides: Sequence[Side],
    settled: Mapping[str, Value],
    settled_from: Mapping[str, RecordKey],
    decided: Collection[str],
) -> tuple[dict[str, Value], dict[str, RecordKey], Sequence[str]]:
    """The settled values, their sources, and the units to look at more closely (the fast path of a known customer)."""
    values, sources = {unit: settled.get(unit) for unit in UNITS}, dict(settled_from)
    undecided = []
    for unit in UNITS:
        if unit not in settled or unit in decided or (settled[unit] is not None and unit not in sources):
            undecided.append(unit)
            continue
        for side in sides:
            base, reading = side.base.get(unit), side.readings.get(unit, ABSENT)
            if base is None or base.differs or reading.state is _UNCLEAR:
                if base is None and reading.state is _ABSENT:
                    continue
                undecided.append(unit)
                break
            if reading is not base.seen and (reading.state != base.seen.state or reading.value != base.seen.value):
                undecided.append(unit)
                break
    for unit in [unit for unit in sources if unit in undecided or values.get(unit) is None]:
        del sources[unit]
    return values, sources, undecided


def _agreeing_newcomers(sides: Sequence[Side]) -> tuple[dict[str, Value], dict[str, RecordKey], Sequence[str]]:
    """A new customer's values, and the units where its records contradict each other (the fast path of a new one)."""
    values: dict[str, Value] = {}
    sources: dict[str, RecordKey] = {}
    undecided: list[str] = []
    for unit in UNITS:
        value: Value = None
        for side in sides:
            reading = side.readings.get(unit, ABSENT)
            state = reading.state
            if state is _VALUE:
                if value is None:
                    value = reading.value
                    sources[unit] = side.key
                elif value != reading.value:
                    undecided.append(unit)
                    break
            elif state is _UNCLEAR or (state is _DEFAULT and unit == "marketing_consent"):
                undecided.append(unit)
                break
        values[unit] = value
    for unit in undecided:
        sources.pop(unit, None)
    return values, sources, undecided


def _looks_anonymised(side: Side) -> bool:
    """Whether all that names the person became empty at once: an erasure, or an accident, not an edit to copy.

    One field emptied, though it was the last, is an edit.
    """
    base, readings = side.base, side.readings
    if not base or readings.get("name", ABSENT).state is _ABSENT:
        return False
    emptied = 0
    for unit in _IDENTITY:
        state = readings.get(unit, ABSENT).state
        if state is _VALUE or state is _UNCLEAR:
            return False
        emptied += state is not _ABSENT and unit in base and base[unit].seen.state is _VALUE
    return emptied > 1
