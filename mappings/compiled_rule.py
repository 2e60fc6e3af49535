"""One rule of a mapping, ready for use: raws out of a record, readings, and the fields to write.

Guarantees: a unit that says already what is asked is not written; a key that the system did not return is never written
on an update; only fields that differ come out, as values of the type that they have there.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from typing import Any

from mappings.canonical import ABSENT, EMPTY, Reading, State, Value
from mappings.transforms.lens import KEEP, MISSING, Context, Given, Lens, Raw, Raws

Payload = AbstractMapping[str, Any]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule ready for use.

    `paths`: one per role of the transform, None where the rule names no field for it; `settable`: whether each may be
    written. `defaults`: unit → values that the vendor fills in by itself. `by_address`: the address reading tells the
    record's country; or else `country_path`, where there is one.
    """

    name: str
    units: tuple[str, ...]
    lens: Lens
    paths: tuple[str | None, ...]
    settable: tuple[bool, ...]
    defaults: AbstractMapping[str, tuple[Value, ...]]
    blank: Raw
    missing_is_empty: bool
    empty_is_cleared: bool
    never_cleared: bool
    followers: tuple[tuple[tuple[str, str], ...], ...] = ()
    country_path: str | None = None
    by_address: bool = False
    raws: Callable[[Payload], tuple[Raw, ...]] = field(init=False, repr=False, compare=False)
    """The raw values of a record, by role."""

    @property
    def writable(self) -> bool:
        """Whether the rule writes anything."""
        return any(self.settable)

    def __post_init__(self) -> None:
        """Prepare the extraction of raws, which runs once per record and rule."""
        object.__setattr__(self, "raws", extractor(self.paths, None if self.missing_is_empty else MISSING))

    def get(self, raws: Raws, country: str | None, context: Context) -> tuple[Reading, ...]:
        """The readings of `raws`, one per unit that the lens emits, after the rule's defaults."""
        readings = self.lens.get(Given(raws, country, context))
        if not self.defaults and self.empty_is_cleared:
            return readings
        return tuple(self._judged(unit, reading) for unit, reading in zip(self.lens.emits, readings, strict=True))

    def _judged(self, unit: str, reading: Reading) -> Reading:
        if reading.state is State.VALUE and reading.value in self.defaults.get(unit, ()):
            return Reading(State.DEFAULT, reading.value, reading.rule, reading.evidence, reading.problem)
        if reading.state is State.EMPTY and not self.empty_is_cleared:
            return ABSENT
        return reading

    def put(
        self, wanted: AbstractMapping[str, Value], payload: Payload, country: str | None, context: Context
    ) -> dict[str, Any]:
        """path → new raw value for an update: only what differs from `payload`."""
        raws = self.raws(payload)
        if all(raw is MISSING for raw in raws):
            return {}
        now = dict(zip(self.lens.emits, self.get(raws, country, context), strict=True))
        asked = {unit: value for unit, value in wanted.items() if not self._settled(now[unit], value)}
        if not asked:
            return {}
        new = self.lens.put(asked, Given(raws, country, context, now))
        out = {
            path: value
            for path, settable, value, old in zip(self.paths, self.settable, new, raws, strict=True)
            if path is not None and settable and self._differs(value, old)
        }
        if out:
            out.update(self._followed(out, payload))
        return out

    def create(self, wanted: AbstractMapping[str, Value], country: str | None, context: Context) -> dict[str, Any]:
        """path → raw value for a new record; nothing empty is sent."""
        asked = {unit: value for unit, value in wanted.items() if value is not None}
        if not asked:
            return {}
        now = dict.fromkeys(self.lens.emits, EMPTY)
        raws = tuple(MISSING if path is None else None for path in self.paths)
        new = self.lens.put(asked, Given(raws, country, context, now))
        return {
            path: value
            for path, settable, value in zip(self.paths, self.settable, new, strict=True)
            if path is not None and settable and value is not KEEP and value is not None and value != ""
        }

    def _settled(self, now: Reading, value: Value) -> bool:
        """Whether a unit needs no writing: it says so already, or "nothing" is asked where nothing can be said."""
        if now.state is State.UNCLEAR or now.state is State.ABSENT:
            return value is None
        return now.value == value

    def _differs(self, value: Raw, old: Raw) -> bool:
        if value is KEEP or old is MISSING:
            return False
        if value is None or value == "":
            return not self.never_cleared and old is not None and old != ""
        return type(value) is not type(old) or bool(value != old)

    def _followed(self, out: AbstractMapping[str, Any], payload: Payload) -> dict[str, Any]:
        """Recipient fields that repeat the customer's and so change with it: a whole group, or none of it."""
        moved: dict[str, Any] = {}
        for group in self.followers:
            befores = [(value_at(payload, path), value_at(payload, follower)) for path, follower in group]
            same = all((mine or "") == (theirs or "") and theirs is not MISSING for mine, theirs in befores)
            if same and any(mine for mine, _ in befores):
                moved.update({follower: out[path] for path, follower in group if path in out})
        return moved

    def sources(self) -> tuple[str, ...]:
        """The fields that the rule reads, evidence included."""
        return tuple(path for path in (*self.paths, self.country_path) if path)


def extractor(paths: tuple[str | None, ...], missing: Raw) -> Callable[[Payload], tuple[Raw, ...]]:
    """A function from records to the raw values at `paths` (MISSING where None); `missing` for keys not there."""
    named = [path for path in paths if path is not None]
    if len(paths) == 1 and "." not in named[0]:
        only = named[0]
        return lambda payload: (payload.get(only, missing),)
    parents = {path.rpartition(".")[0] for path in named}
    if len(parents) == 1 and len(named) == len(paths) and "." not in (parent := parents.pop()):
        keys = [path.rpartition(".")[2] for path in named]
        return _flat(keys, missing) if parent == "" else _nested(parent, keys, missing)

    def each(payload: Payload) -> tuple[Raw, ...]:
        return tuple([MISSING if path is None else _or(value_at(payload, path), missing) for path in paths])

    return each


def _flat(keys: list[str], missing: Raw) -> Callable[[Payload], tuple[Raw, ...]]:
    return lambda payload: tuple([payload.get(key, missing) for key in keys])


def _nested(parent: str, keys: list[str], missing: Raw) -> Callable[[Payload], tuple[Raw, ...]]:
    gone, null = (missing,) * len(keys), (None,) * len(keys)

    def inside(payload: Payload) -> tuple[Raw, ...]:
        value = payload.get(parent, MISSING)
        if isinstance(value, dict):
            return tuple([value.get(key) for key in keys])
        return null if value is None else gone

    return inside


def _or(raw: Raw, missing: Raw) -> Raw:
    return missing if raw is MISSING else raw


def value_at(payload: Payload, path: str) -> Raw:
    """The raw value at a dotted path, or MISSING. What a present object lacks is null, as is all in null."""
    if "." not in path:
        return payload.get(path, MISSING)
    parent, _, rest = path.partition(".")
    value = payload.get(parent, MISSING)
    if isinstance(value, dict):
        found = value_at(value, rest)
        return None if found is MISSING else found
    return None if value is None else MISSING
