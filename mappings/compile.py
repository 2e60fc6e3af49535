"""Compiled mappings: what the engine uses to read records and to write canonical values back.

Guarantees, for every mapping and record: `put` of what `read` found is empty; a unit that is not asked for, and a field
whose meaning does not change, stay byte for byte; a key that the system did not return is never written on an update.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mappings.canonical import ABSENT, Address, Reading, State, Value
from mappings.compiled_rule import CompiledRule, Payload, value_at
from mappings.transforms.lens import MISSING, Context, Given, Raw

if TYPE_CHECKING:
    from pathlib import Path

    from mappings.rules import Example

__all__ = ["Context", "Mapping", "MappingError", "Requirement", "Rewrite", "check_examples", "load_mappings"]

_MEMO = 8192  # distinct raws remembered per rule: enough for what repeats, little for what never does


class MappingError(Exception):
    """Mapping files that cannot be used. Each of `problems`: file, line, field, what is wrong, nearest valid name."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a create needs: every path of at least one group; otherwise `reason` is why it cannot be."""

    reason: str
    one_of: tuple[tuple[str, ...], ...]

    def is_met_by(self, fields: AbstractMapping[str, Any]) -> bool:
        """Whether these fields may be sent."""
        return any(all(fields.get(path) not in (None, "", MISSING) for path in group) for group in self.one_of)

    def detail(self) -> str:
        """The requirement in words."""
        return "needs " + ", or ".join(" and ".join(group) for group in self.one_of)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One field that would be rewritten although nothing changed: a defect of a rule, shown by `mappings preview`."""

    path: str
    before: Any
    after: Any


Reader = Callable[[Payload, str | None], tuple[Reading, ...]]


@dataclass(frozen=True, slots=True)
class Mapping:
    """The mapping of one connector. Immutable; safe to use from several threads.

    `parts`: unit → the columns of it that this system can hold (a group's other columns are none of its business).
    """

    connector: str
    fingerprint: str
    rules: tuple[CompiledRule, ...]
    constants: AbstractMapping[str, Any]
    requirements: tuple[Requirement, ...]
    pass_through: tuple[str, ...] = ()
    examples: tuple[tuple[str, Example], ...] = ()
    units: frozenset[str] = field(init=False)
    writable: frozenset[str] = field(init=False)
    paths: frozenset[str] = field(init=False)
    parts: AbstractMapping[str, frozenset[str]] = field(init=False)
    _by_unit: dict[str, CompiledRule] = field(init=False, repr=False, compare=False)
    _readers: dict[Context, list[tuple[str, tuple[str, ...], Reader]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out what the rules say together."""
        address = next((rule for rule in self.rules if rule.units == _ADDRESS), None)
        nation = address.paths[-1] if address is not None else None
        rules = tuple(
            replace(rule, country_path=None, by_address=True)
            if rule.country_path and rule.country_path == nation
            else rule
            for rule in self.rules
        )
        by_unit = {unit: rule for rule in rules for unit in rule.units}
        paths = {path for rule in rules for path in rule.sources()}
        paths |= {follower for rule in rules for group in rule.followers for _, follower in group}
        parts = {unit: rule.lens.columns(unit) for unit, rule in by_unit.items()}
        derived = {
            "rules": rules,
            "_by_unit": by_unit,
            "_readers": {},
            "units": frozenset(by_unit),
            "writable": frozenset(unit for unit, rule in by_unit.items() if rule.writable and parts[unit]),
            "paths": frozenset(paths),
            "parts": parts,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def read(self, payload: Payload, context: Context) -> dict[str, Reading]:
        """Every unit this mapping knows, and `mobile` (the number where it can identify a person) beside `phone`."""
        found: dict[str, Reading] = {}
        country: str | None = None
        for only, emits, reader in self._readers.get(context) or self._open(context):
            readings = reader(payload, country)
            if only:
                found[only] = readings[0]
                if only == "address":
                    country = _country(readings[0])
            else:
                found.update(zip(emits, readings, strict=True))
        return found

    def _open(self, context: Context) -> list[tuple[str, tuple[str, ...], Reader]]:
        """(the unit where there is but one, the units, a reading function) of every rule."""
        readers = [
            (rule.lens.emits[0] if len(rule.lens.emits) == 1 else "", rule.lens.emits, _reader(rule, context))
            for rule in self.rules
        ]
        self._readers[context] = readers
        return readers

    def raw(self, payload: Payload, unit: str) -> dict[str, Any]:
        """path → raw value of all that this unit is read from, evidence included; missing keys are left out."""
        rule = self._by_unit.get(unit)
        if rule is None:
            return {}
        found = {path: value_at(payload, path) for path in self._sources(rule)}
        if rule.missing_is_empty:  # kept as null: told later from a field that an older rule did not read
            found.update((path, None) for path in rule.paths if path and found[path] is MISSING)
        return {path: raw for path, raw in found.items() if raw is not MISSING}

    def reread(self, unit: str, raw: AbstractMapping[str, Any], context: Context) -> Reading:
        """The unit read again from what `raw` kept; ABSENT where the rule now reads other fields than were kept."""
        rule = self._by_unit.get(unit)
        if rule is None or not any(path in raw for path in rule.paths if path):
            return ABSENT
        payload = _unflatten(raw)
        readings = rule.get(rule.raws(payload), self._country_of(rule, payload, context), context)
        return readings[rule.lens.emits.index(unit)]

    def put(self, values: AbstractMapping[str, Value], payload: Payload | None, context: Context) -> dict[str, Any]:
        """path → new raw value, only what differs from `payload`; without one, all that a new record needs."""
        if payload is None:
            return self._create(values, context)
        out: dict[str, Any] = {}
        for rule in self.rules:
            wanted = {unit: values[unit] for unit in rule.units if unit in values}
            if wanted and rule.writable:
                out.update(rule.put(wanted, payload, self._country_of(rule, payload, context), context))
        return out

    def _create(self, values: AbstractMapping[str, Value], context: Context) -> dict[str, Any]:
        address = values.get("address")
        country = address.country if isinstance(address, Address) else None
        out: dict[str, Any] = dict(self.constants)
        for rule in self.rules:
            wanted = {unit: values[unit] for unit in rule.units if unit in values}
            out.update(rule.create(wanted, country, context))
        parents = {path.rpartition(".")[0] for path in out}
        for rule in self.rules:  # a recipient only where there is an address to receive at
            for path, follower in (pair for group in rule.followers for pair in group):
                if path in out and follower.rpartition(".")[0] in parents - {""}:
                    out[follower] = out[path]
        return out

    def holds(self, unit: str, value: Value, payload: Payload, context: Context) -> bool:
        """Whether the record already says `value` as well as it can: writing it would change nothing."""
        return not self.put({unit: value}, payload, context)

    def missing(self, values: AbstractMapping[str, Value], context: Context) -> tuple[str, str] | None:
        """Why these values cannot make a new record: (reason code, detail), or None when they can."""
        fields = self._create(values, context)
        for requirement in self.requirements:
            if not requirement.is_met_by(fields):
                return requirement.reason, requirement.detail()
        return None

    def rewrites(self, payload: Payload, context: Context) -> list[Rewrite]:
        """Fields that would be rewritten by the record's own values: empty, or a rule breaks its law."""
        own = {
            unit: reading.value
            for unit, reading in self.read(payload, context).items()
            if unit in self.units and reading.state in (State.VALUE, State.DEFAULT, State.EMPTY)
        }
        return [
            Rewrite(path, value_at(payload, path), after) for path, after in self.put(own, payload, context).items()
        ]

    def _sources(self, rule: CompiledRule) -> list[str]:
        own = rule.sources()
        return list(dict.fromkeys((*own, *self._by_unit["address"].sources()) if rule.by_address else own))

    def _country_of(self, rule: CompiledRule, payload: Payload, context: Context) -> str | None:
        if rule.by_address:
            address = self._by_unit["address"]
            raws = address.raws(payload)
            return _country(address.get(raws, None, context)[0])
        return _country_at(rule, payload)


_ADDRESS = ("address",)


def _country(reading: Reading) -> str | None:
    """The country that an address is evidence of; a vendor's default country is evidence of nothing."""
    value = reading.value
    return value.country if reading.state is State.VALUE and isinstance(value, Address) else None


def _country_at(rule: CompiledRule, payload: Payload) -> str | None:
    if rule.country_path is None:
        return None
    from mappings.transforms.countries import country_code

    raw = value_at(payload, rule.country_path)
    return country_code(raw) if isinstance(raw, str) else None


def _reader(rule: CompiledRule, context: Context) -> Reader:
    """A reading function for one rule and context; where a lens says so, it remembers the readings of equal raws."""
    absent = (ABSENT,) * len(rule.lens.emits)
    raws_of, by_path, missing = rule.raws, rule.country_path is not None, None if rule.missing_is_empty else MISSING
    get = rule.get if rule.defaults or not rule.empty_is_cleared else None
    lens_get = rule.lens.get

    def fresh(country: str | None, *raws: Raw) -> tuple[Reading, ...]:
        if raws[0] is MISSING and raws.count(MISSING) == len(raws):
            return absent
        return lens_get(Given(raws, country, context)) if get is None else get(raws, country, context)

    # Typed: 1, 1.0 and True are equal to Python and not to a till.
    remembered = lru_cache(_MEMO, typed=True)(fresh) if rule.lens.memo else fresh

    def read(payload: Payload, country: str | None) -> tuple[Reading, ...]:
        if by_path:
            country = _country_at(rule, payload)
        raws = raws_of(payload)
        try:
            return remembered(country, *raws)
        except TypeError:  # a list or an object has no hash
            return fresh(country, *raws)

    def read_one(payload: Payload, _: str | None) -> tuple[Reading, ...]:
        raw = payload.get(only, missing)
        try:
            return remembered(None, raw)
        except TypeError:
            return fresh(None, raw)

    def read_afresh(payload: Payload, _: str | None) -> tuple[Reading, ...]:
        raws = raws_of(payload)
        if raws[0] is MISSING and raws.count(MISSING) == len(raws):
            return absent
        return lens_get(Given(raws, None, context)) if get is None else get(raws, None, context)

    if rule.by_address or by_path:
        return read
    if not rule.lens.memo:
        return read_afresh
    if len(rule.paths) == 1 and (only := rule.paths[0] or "") and "." not in only:
        return read_one  # most rules, and most of the time: one field without evidence
    return lambda payload, _: read(payload, None)


def _unflatten(raw: AbstractMapping[str, Any]) -> dict[str, Any]:
    """Dotted paths as nested objects."""
    payload: dict[str, Any] = {}
    for path, value in raw.items():
        *parents, last = path.split(".")
        level = payload
        for parent in parents:
            level = level.setdefault(parent, {})
        level[last] = value
    return payload


def load_mappings(folder: Path | None) -> dict[str, Mapping]:
    """connector → mapping: the shipped files, overridden by `folder`'s, rule by rule or whole.

    Raises MappingError with every problem of every file at once.
    """
    from mappings.load import load

    return load(folder)


def check_examples(mapping: Mapping) -> list[str]:
    """Run the examples of a mapping's file, both ways; one problem per difference, with file and line."""
    from mappings.examples import check

    return check(mapping)
