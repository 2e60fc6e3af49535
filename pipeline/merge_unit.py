"""What one unit (a field, or a group that moves together) should be, given what each record says and said before.

Reads, writes: nothing. Guarantees: an edit wins over records that are new, and those over nothing (docs/merging.md);
laws 6, 7 and 9 by way of `opinions`, where every contest is decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from mappings.canonical import ABSENT, Address, State, Value
from pipeline.model import Conflict, Policy, RecordKey, Side
from pipeline.opinions import Opinion, completed, in_full, keeping_unseen_parts, newest, preferred, without_coarser

_VALUE, _EMPTY, _ABSENT, _UNCLEAR = State.VALUE, State.EMPTY, State.ABSENT, State.UNCLEAR

CLEARED_STAYS_LOCAL = frozenset({"email", "phone", "vat_number"})
"""Emptied in one system, these are neither emptied elsewhere nor filled in again there."""
LASTING = frozenset({"cleared_there", "not_understood"})
"""Agreed differences that only a change of that record ends; every other one ends when anybody changes the unit."""


class Case(NamedTuple):
    """One unit to decide. `sides` come by rank, then key. `known`: something is settled, be it that it is empty."""

    unit: str
    sides: Sequence[Side]
    known: bool
    was: Value
    was_from: RecordKey | None
    policy: Policy
    was_since: datetime | None = None
    """When the settled value was said, by the stamp of the record it came from."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the unit becomes, from which record; `marks`: record → why it is left different."""

    value: Value
    source: RecordKey | None
    marks: Mapping[RecordKey, str]
    conflict: Conflict | None = None


def decide(case: Case) -> Decision:
    """Tell edits from new records and from what was agreed, then let the edits decide, or else the new records."""
    edited: list[Side] = []
    newcomers: list[Side] = []
    marks: dict[RecordKey, str] = {}
    for side in case.sides:
        reading, base = side.readings.get(case.unit, ABSENT), side.base.get(case.unit)
        if base is not None and base.seen.state is _ABSENT:
            base = None
        differs = base.differs if base else None
        if reading.state is _ABSENT:
            if differs:
                marks[side.key] = differs
        elif reading.state is _UNCLEAR:
            marks[side.key] = "not_understood"
        elif base is None:
            newcomers.append(side)
        elif reading is base.seen or reading.same(base.seen):
            if differs:
                marks[side.key] = differs
            elif not case.known:
                newcomers.append(side)
        elif reading.state is _EMPTY and case.unit in CLEARED_STAYS_LOCAL:
            marks[side.key] = "cleared_there"
        else:
            edited.append(side)
    edits = [edit for side in edited if (edit := _edit(case, side))]
    if edits and all(_lags(case, side) for side in edited):
        edits.append(_settled_opinion(case))
    if edits:
        marks = {key: reason for key, reason in marks.items() if reason in LASTING}
    if case.unit == "marketing_consent":
        return _consent(case, edits, newcomers, marks)
    if edits and case.unit == "note":
        marks.update((side.key, "note_kept") for side in newcomers if _says_something(side, "note"))
    if edits:
        return _edits(case, edits, marks)
    return _first_contact(case, newcomers, marks)


def _edit(case: Case, side: Side) -> Opinion | None:
    """The opinion behind a changed reading. None where only the form changed: it still says what is settled."""
    value, base = side.readings[case.unit].value, side.base[case.unit]
    if case.known:
        if value == base.seen.value:
            return None
        if value == case.was or (value is not None and case.was is not None and side.holds(case.unit, case.was)):
            if base.agreed == case.was and not base.differs:
                return None
            value = case.was  # it said something else, and now somebody typed in there what is settled
        elif isinstance(value, Address) and isinstance(case.was, Address):
            value = keeping_unseen_parts(value, base.seen, case.was)
    exact = side.changed_at is not None
    by = side.changed_at if exact else side.before
    return Opinion(value, side.key, side.rank, None if exact else side.after, by, exact, side.holds)


def _lags(case: Case, side: Side) -> bool:
    """Whether what is settled never reached this record (a write failed, or was not possible yet).

    Its owner edited without having seen it, so the edit does not simply win: it contends with what is settled.
    """
    base = side.base[case.unit]
    heard = base.seen.state is not _UNCLEAR and case.was_from != side.key
    return case.known and heard and base.agreed != case.was and not base.differs


def _settled_opinion(case: Case) -> Opinion:
    """What is settled, as said by the record that it came from, when it said so."""
    said_by = next((side for side in case.sides if side.key == case.was_from), None)
    rank = said_by.rank if said_by else max(side.rank for side in case.sides) + 1
    exact = case.was_since is not None and (said_by is None or said_by.changed_at is not None)
    return Opinion(
        case.was, case.was_from or ("", ""), rank, None, case.was_since, exact, lambda _, value: value == case.was
    )


def _edits(case: Case, edits: Sequence[Opinion], marks: Mapping[RecordKey, str]) -> Decision:
    """One value changed, or several to the same value: it wins. Several different ones: the policy decides."""
    finest = without_coarser(case.unit, edits)
    if all(edit.value == finest[0].value for edit in finest):
        winner = newest(finest)
        stays = case.known and winner.value == case.was
        return Decision(winner.value, (case.was_from if stays else None) or winner.key, marks)
    winner = preferred(edits) if case.policy == "prefer" else newest(edits)
    winner = in_full(case.unit, winner, finest)
    candidates = tuple((edit.key, edit.value) for edit in sorted(finest, key=lambda edit: edit.key))
    if case.policy != "review":
        return Decision(winner.value, winner.key, marks, Conflict(case.unit, candidates, winner.key, case.policy))
    conflict = Conflict(case.unit, candidates, None, case.policy)
    if case.known:
        return Decision(case.was, case.was_from, marks, conflict)
    return Decision(winner.value, winner.key, marks, conflict)


def _first_contact(case: Case, newcomers: Sequence[Side], marks: Mapping[RecordKey, str]) -> Decision:
    """Nobody edited: what is settled stays; records seen for the first time fill what is empty, or contend with it."""
    contenders = [
        _contender(side, side.readings[case.unit].value) for side in newcomers if _says_something(side, case.unit)
    ]
    if case.was is None:
        return _filled(case, contenders, marks)
    contenders = [c for c in contenders if c.value != case.was and not c.holds(case.unit, case.was)]
    if case.unit == "note":  # each keeps its own: a note is not a fact about the customer that one till has wrong
        return Decision(case.was, case.was_from, {**marks, **{c.key: "note_kept" for c in contenders}})
    sponsor = _sponsor(case)
    if not contenders:
        if sponsor is None and case.unit in CLEARED_STAYS_LOCAL and _nobody_has_it(case):
            return Decision(None, None, marks)
        return Decision(case.was, case.was_from or (sponsor.key if sponsor else None), marks)
    if sponsor is not None:
        contenders.append(_contender(sponsor, case.was))
    winner = in_full(case.unit, newest(contenders), contenders)
    value = completed(winner, contenders)
    return Decision(value, case.was_from or winner.key if value == case.was else winner.key, marks)


def _filled(case: Case, contenders: Sequence[Opinion], marks: Mapping[RecordKey, str]) -> Decision:
    """Nothing is settled: the newcomers fill it, the winner's value completed by what its system cannot hold."""
    if not contenders:
        return Decision(None, None, marks)
    winner = in_full(case.unit, newest(contenders), contenders)
    value = completed(winner, contenders)
    if case.unit == "note":
        kept = {c.key: "note_kept" for c in contenders if c.value != value and not c.holds("note", value)}
        marks = {**marks, **kept}
    return Decision(value, winner.key, marks)


def _consent(
    case: Case, edits: Sequence[Opinion], newcomers: Sequence[Side], marks: Mapping[RecordKey, str]
) -> Decision:
    """Marketing consent: an explicit edit travels either way; beyond that any disagreement is a no.

    A no by default is unknown while nobody says yes, but a yes from elsewhere does not overrule it.
    """
    said = {side.key: side.readings[case.unit].value for side in newcomers}
    noes = [key for key, value in said.items() if value is False]
    if edits:
        wanted = {edit.value for edit in edits}
        value = edits[0].value if len(wanted) == 1 else False
        if value is True and noes:
            return Decision(False, noes[0], marks)
        decider = next((edit.key for edit in edits if edit.value == value), edits[0].key)
        if len(wanted) == 1:
            return Decision(value, decider, marks)
        candidates = tuple((edit.key, edit.value) for edit in sorted(edits, key=lambda edit: edit.key))
        return Decision(value, decider, marks, Conflict(case.unit, candidates, decider, "consent"))
    if case.was is not None:
        return (
            Decision(False, noes[0], marks) if case.was is True and noes else Decision(case.was, case.was_from, marks)
        )
    explicit = [side for side in newcomers if _says_something(side, case.unit)]
    standing = [side.key for side in case.sides if side.readings.get(case.unit, ABSENT).value is False]
    if standing and any(said[side.key] is True for side in explicit):
        return Decision(False, standing[0], marks)
    return Decision(said[explicit[0].key], explicit[0].key, marks) if explicit else Decision(None, None, marks)


def frozen_unit(case: Case) -> Decision:
    """Two systems normalise this unit against each other: what is settled stays, and each record keeps its own form."""
    marks = {
        side.key: "frozen"
        for side in case.sides
        if (reading := side.readings.get(case.unit, ABSENT)).state is not _ABSENT
        and reading.value != case.was
        and not side.holds(case.unit, case.was)
    }
    return Decision(case.was, case.was_from, marks)


def overridden(case: Case, decision: Decision, value: Value) -> Decision:
    """A person decided: no conflict is left, and only what cannot follow keeps its own."""
    said = next((side.key for side in case.sides if side.readings.get(case.unit, ABSENT).value == value), None)
    marks = {key: reason for key, reason in decision.marks.items() if reason in LASTING}
    return Decision(value, said or decision.source, marks)


def _says_something(side: Side, unit: str) -> bool:
    """At first contact only a value is an opinion: what a vendor fills in by itself is none, nor is emptiness."""
    reading = side.readings[unit]
    return reading.state is _VALUE and reading.value is not None


def _contender(side: Side, value: Value) -> Opinion:
    """At first contact: a stampless record may have said it at any time."""
    exact = side.changed_at is not None
    return Opinion(value, side.key, side.rank, None, side.changed_at, exact, side.holds)


def _sponsor(case: Case) -> Side | None:
    """The record that stands for the settled value: the one it came from while that still has it, else the first."""
    having = [side for side in case.sides if _still_has(case, side)]
    return next((side for side in having if side.key == case.was_from), having[0] if having else None)


def _still_has(case: Case, side: Side) -> bool:
    reading = side.readings.get(case.unit, ABSENT)
    if case.unit not in side.base or reading.state in (_EMPTY, _UNCLEAR):
        return False
    if reading.state is _ABSENT:
        return side.base[case.unit].agreed == case.was
    return reading.value == case.was or side.holds(case.unit, case.was)


def _nobody_has_it(case: Case) -> bool:
    """Whether every record that could hold the unit was emptied by its owner."""
    readings = [side.readings.get(case.unit, ABSENT) for side in case.sides]
    lost = any(r.state is _ABSENT and case.unit in s.base for r, s in zip(readings, case.sides, strict=True))
    return not lost and any(r.state is _EMPTY for r in readings) and all(r.state in (_EMPTY, _ABSENT) for r in readings)
