"""Laws 3, 4, 6, 7 and 9 for merge and plan alone: random histories of three tills against a naive model, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings.canonical import ABSENT, EMPTY, UNITS, Address, Name, Reading, State, Value
from pipeline.merge import merge, next_base
from pipeline.model import Base, Merged, Policy, Side, Target
from pipeline.plan import Present, plan_customer

FIELDS = ("name", "company", "email", "address", "marketing_consent", "note")
CHOICES: dict[str, list[Value]] = {
    "name": [Name("Ana Roth", "Ana", None, "Roth"), Name("Ana Roth"), Name("Bo Lund", "Bo", None, "Lund"), None],
    "company": ["Roth AS", "Lund AS", "Ek AS", None],
    "email": ["ana@example.com", "bo@example.com", None],
    "address": [
        Address("Weg 1", "Hof", city="Bonn"),
        Address("Weg 1", None, city="Bonn"),
        Address("Ring 9", city="Ulm"),
        None,
    ],
    "marketing_consent": [True, False, None],
    "note": ["tea", "coffee", None],
}
SYSTEMS = ("berlin", "oslo", "riyadh")


def coarse(system: str, value: Value) -> Value:
    """riyadh has one name field and no second address line."""
    if system == "riyadh" and isinstance(value, Name):
        return Name(value.full)
    if system == "riyadh" and isinstance(value, Address):
        return Address(value.street, None, value.postal_code, value.city)
    return value


def minute(n: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n)


@dataclass
class Till:
    """One system with at most one record. `hidden` fields are not returned; `refusing` fields do not take our writes."""

    system: str
    record: dict[str, Value] | None
    stamp: int = 0
    hidden: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    base: dict[str, Base] = field(default_factory=dict)
    units: frozenset[str] = frozenset(FIELDS)
    writable: frozenset[str] = frozenset(FIELDS)

    def put(self, values: Mapping[str, Value], payload: Any) -> dict[str, Any]:
        new = {unit: coarse(self.system, value) for unit, value in values.items() if unit in FIELDS}
        if payload is None:
            return new
        return {u: v for u, v in new.items() if u not in self.hidden and payload.get(u) != v}

    def missing(self, values: Mapping[str, Value]) -> tuple[str, str] | None:
        return None

    def at(self, payload: Any, path: str) -> Any:
        return payload.get(path)

    def read(self, payload: Mapping[str, Any]) -> dict[str, Reading]:
        return {
            unit: ABSENT
            if unit in self.hidden
            else EMPTY
            if payload.get(unit) is None
            else Reading(State.VALUE, payload[unit])
            for unit in FIELDS
        }

    def side(self, rank: int, last_sync: int, now: int) -> Side:
        assert self.record is not None
        record, readings = self.record, self.read(self.record)

        def holds(unit: str, value: Value) -> bool:
            return not self.put({unit: value}, record)

        stamps = self.system != "riyadh"
        at = minute(self.stamp) if stamps else None
        return Side((self.system, "1"), readings, self.base, at, minute(last_sync), minute(now), rank, holds)


@dataclass
class World:
    tills: list[Till]
    policy: Policy
    settled: dict[str, Value] = field(default_factory=dict)
    sources: dict[str, tuple[str, str]] = field(default_factory=dict)
    clock: int = 1
    last_sync: int = 0

    def sides(self) -> list[Side]:
        return [t.side(rank, self.last_sync, self.clock) for rank, t in enumerate(self.tills) if t.record is not None]

    def sync(self) -> tuple[Merged, int]:
        """One run: merge, plan, write, move bases. Returns what was merged, and how many writes were sent."""
        self.clock += 1
        merged = merge(self.sides(), self.settled, self.policy, None, self.sources)
        writes = 0
        for till in self.tills:
            for path, (_, after) in self.planned(till, merged).items():
                writes += 1
                if path not in till.refusing:
                    till.record = {**(till.record or {}), path: after}
                    self.clock += 1
                    till.stamp = self.clock
        if not merged.held:
            for rank, till in enumerate(self.tills):
                if till.record is not None:
                    till.base = next_base(till.side(rank, self.last_sync, self.clock), merged)
            self.settled, self.sources = dict(merged.values), dict(merged.sources)
        self.last_sync = self.clock
        return merged, writes

    def planned(self, till: Till, merged: Merged) -> Mapping[str, tuple[Any, Any]]:
        present = None if till.record is None else Present("1", dict(till.record), "h", till.read(till.record))
        verdict = plan_customer(
            "c1", merged, Target(till.system, "read-write", create=True, only={}, deletes="keep", complete=True), present,
            writer=till, has_key=True, deleted_there=False, deleted_elsewhere=(), held=None, ignored=False, edited=False,
        )  # fmt: skip
        return verdict.change.paths if verdict.change else {}


def full(value: Value) -> Value:
    """What every till can hold of a value."""
    return coarse("riyadh", value)


def expected(world: World, unit: str) -> set[Value]:
    """The naive model of one field: what it may be after this run, from nothing but what each till says and said last.

    An oracle in its own words: no opinions, no marks; times are ranges of minutes.
    """
    edits: list[tuple[int, float, float, Value]] = []
    settled, all_lag = world.settled.get(unit), True
    for rank, till in enumerate(world.tills):
        if till.record is None or unit in till.hidden or unit not in till.base:
            continue
        now = till.record.get(unit)
        before = till.base[unit].seen.value
        if now == before or (unit == "email" and now is None):
            continue
        exact = till.system != "riyadh"
        earliest, latest = (till.stamp, till.stamp) if exact else (world.last_sync + 0.5, world.clock + 1)
        edits.append((rank, earliest, latest, now))
        all_lag &= not till.base[unit].differs and till.base[unit].agreed != settled
    if not edits:
        return {full(settled)}
    if all_lag:  # nobody who edited had seen what is settled, which defends itself
        ranks = [till.system for till in world.tills]
        source = world.sources.get(unit, ("",))[0]
        edits.append((ranks.index(source) if source in ranks else 9, float("-inf"), float("inf"), settled))
    wanted = {full(value) for *_, value in edits}
    if unit == "marketing_consent" and len(wanted) > 1:
        return {False}
    if len(wanted) == 1:
        return wanted
    if world.policy == "prefer":
        return {full(min(edits)[3])}
    possible = [e for e in edits if not any(other[1] > e[2] for other in edits)]
    return {full(min(possible, key=lambda e: e[0])[3])}


RECORDS = st.fixed_dictionaries({unit: st.sampled_from(CHOICES[unit]) for unit in FIELDS})
EDIT = st.tuples(st.integers(0, 2), st.sampled_from(FIELDS), st.integers(0, 3))
FAULT = st.sets(st.tuples(st.integers(0, 2), st.sampled_from(FIELDS)), max_size=3)
ROUND = st.tuples(st.lists(EDIT, max_size=4), FAULT, FAULT)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    order = draw(st.permutations(SYSTEMS))
    tills = []
    for system in order:
        record = draw(st.none() | RECORDS)
        own = None if record is None else {unit: coarse(system, value) for unit, value in record.items()}
        tills.append(Till(system, own, stamp=draw(st.integers(0, 3))))
    if all(till.record is None for till in tills):
        tills[0].record = {"company": "Roth AS"}
    return World(tills, draw(st.sampled_from(["newest", "prefer"])), clock=4)


def edit(world: World, which: int, unit: str, choice: int) -> None:
    till = world.tills[which]
    if till.record is None:
        return
    options = CHOICES[unit]
    value = coarse(till.system, options[choice % len(options)])
    world.clock += 1
    if till.record.get(unit) != value:
        till.record = {**till.record, unit: value}
        till.stamp = world.clock


def anonymises(world: World) -> bool:
    """Histories in which a till no longer shows anything that names a person are another test's matter."""
    named = {"name", "email", "company"}
    return any(t.record is not None and not any(t.record.get(unit) for unit in named - t.hidden) for t in world.tills)


def run(world: World, rounds: list[Any]) -> None:
    world.sync()
    for edits, hidden, refusing in rounds:
        for which, unit, choice in edits:
            edit(world, which, unit, choice)
        for n, till in enumerate(world.tills):
            till.hidden = {unit for which, unit in hidden if which == n}
            till.refusing = {unit for which, unit in refusing if which == n}
        if anonymises(world):
            return
        wanted = {unit: expected(world, unit) for unit in FIELDS}
        everybody_cleared = all(not (t.record or {}).get("email") for t in world.tills if t.record is not None)
        merged, _ = world.sync()
        for unit in FIELDS:
            if unit == "email" and everybody_cleared:
                continue  # nobody has it any more
            assert full(merged.values[unit]) in wanted[unit], (unit, wanted[unit])
    for till in world.tills:
        till.hidden, till.refusing = set(), set()
    if anonymises(world):
        return
    world.sync()
    merged, writes = world.sync()
    assert writes == 0, "a quiet world was written to"
    for till in world.tills:
        assert till.record is not None
        for unit in FIELDS:
            if ((till.system, "1"), unit) not in merged.differs:
                assert till.record.get(unit) == coarse(till.system, merged.values[unit]), (till.system, unit)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.lists(ROUND, max_size=4))
def test_random_histories_against_a_naive_model(world: World, rounds: list[Any]) -> None:
    """Edits win, losers are not heard again, lost scopes and refused writes change nothing, and then there is quiet."""
    run(world, rounds)


@pytest.mark.deep
@settings(max_examples=3_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.lists(ROUND, max_size=8))
def test_long_random_histories_against_a_naive_model(world: World, rounds: list[Any]) -> None:
    run(world, rounds)


@st.composite
def any_side(draw: st.DrawFn, key: tuple[str, str]) -> Side:
    """A side in any state at all, agreed differences and defaults included, however it came about."""

    def reading(unit: str) -> Reading:
        state = draw(st.sampled_from(list(State)))
        values = [coarse(key[0], value) for value in CHOICES[unit] if value is not None]
        return Reading(state, draw(st.sampled_from(values)) if state in (State.VALUE, State.DEFAULT) else None)

    readings = {unit: reading(unit) for unit in FIELDS}
    base = {
        unit: Base(
            readings[unit] if draw(st.booleans()) else reading(unit),
            draw(st.sampled_from(CHOICES[unit])),
            draw(st.sampled_from([None, None, None, "cleared_there", "undone", "note_kept"])),
        )
        for unit in FIELDS
        if draw(st.booleans())
    }
    times = [draw(st.none() | st.integers(0, 4)) for _ in range(3)]
    at, after, before = (None if t is None else minute(t) for t in times)

    def holds(unit: str, value: Value) -> bool:
        return readings[unit].value == coarse(key[0], value)

    return Side(key, readings, base, at, after, before, SYSTEMS.index(key[0]), holds)


@st.composite
def any_case(draw: st.DrawFn) -> tuple[list[Side], dict[str, Value], Policy]:
    keys = draw(
        st.lists(st.tuples(st.sampled_from(SYSTEMS), st.sampled_from("12")), min_size=1, max_size=4, unique=True)
    )
    settled = {unit: draw(st.sampled_from(CHOICES[unit])) for unit in FIELDS if draw(st.booleans())}
    return [draw(any_side(key)) for key in keys], settled, draw(st.sampled_from(["newest", "prefer", "review"]))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_case())
def test_the_order_of_records_does_not_matter(case: tuple[list[Side], dict[str, Value], Policy]) -> None:
    """Law 9, for any state whatever."""
    sides, found, policy = case
    merged = merge(sides, found, policy)
    assert all(merge(other, found, policy) == merged for other in permutations(sides))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_case())
def test_no_field_no_opinion(case: tuple[list[Side], dict[str, Value], Policy]) -> None:
    """Law 7: a record that shows nothing more leaves every value as if it were not there, once something is settled."""
    sides, found, policy = case
    found = {**dict.fromkeys(UNITS), **found}
    silent = Side(
        ("berlin", "9"),
        {},
        {u: Base(Reading(State.VALUE, "x"), "x") for u in UNITS},
        None,
        None,
        None,
        0,
        lambda *_: False,
    )
    merged, beside = merge(sides, found, policy), merge([*sides, silent], found, policy)
    kept = {unit for unit in UNITS if unit not in ("email", "phone", "vat_number")}
    assert {unit: beside.values[unit] for unit in kept} == {unit: merged.values[unit] for unit in kept}
    assert beside.conflicts == merged.conflicts


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_case())
def test_a_merge_never_makes_a_yes_of_a_no(case: tuple[list[Side], dict[str, Value], Policy]) -> None:
    """Consent becomes yes only where it was, where somebody edited it to yes, or where nobody ever said no."""
    sides, found, policy = case
    if merge(sides, found, policy).values["marketing_consent"] is not True:
        return
    unit = "marketing_consent"
    edited = [
        s
        for s in sides
        if unit in s.base and not s.readings[unit].same(s.base[unit].seen) and s.readings[unit].value is True
    ]
    noes = [s for s in sides if s.readings[unit].value is False]
    assert found.get(unit) is True or edited or not noes
