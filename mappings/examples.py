"""The examples inside mapping files: run both ways by `mappings check` and by the tests."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from typing import Any

import msgspec

from mappings.canonical import UNITS, Address, Name, Reading, State, Value, plain, revive
from mappings.compile import Mapping
from mappings.rules import Example
from mappings.transforms.lens import Context

_STATES = {f"<{state}>": state for state in State}


def check(mapping: Mapping) -> list[str]:
    """One problem per example and difference; each begins with the example's file and line."""
    problems: list[str] = []
    for where, example in mapping.examples:
        problems += [f"{where}: {example.about}: {problem}" for problem in _differences(mapping, example)]
    return problems


def _differences(mapping: Mapping, example: Example) -> list[str]:
    region = example.context.region
    context = Context(region, (region,) if region else (), example.context.timezone)
    problems: list[str] = []
    if example.record is not None:
        readings = mapping.read(example.record, context)
        for unit, expected in example.reads.items():
            problem = _misread(unit, expected, readings.get(unit))
            problems += [problem] if problem else []
        problems += [
            f"{r.path} would be rewritten although nothing changed" for r in mapping.rewrites(example.record, context)
        ]
    if example.values is None:
        return problems
    try:
        values = {unit: _value(unit, value) for unit, value in example.values.items()}
    except (ValueError, KeyError) as error:
        return [*problems, f"values: {error}"]
    sent = mapping.put(values, example.record, context)
    if example.sends is not None and sent != example.sends:
        problems.append(f"sends {sent!r}, not {example.sends!r}")
    if example.record is None:
        found = mapping.missing(values, context)
        if (found and found[0]) != example.cannot:
            problems.append(f"a create is impossible because of {found and found[0]}, not {example.cannot}")
    return problems


def _misread(unit: str, expected: Any, reading: Reading | None) -> str:
    """What is wrong with a reading, or nothing."""
    if unit not in UNITS and unit != "mobile":
        return f"there is no unit {unit!r}"
    state = reading.state if reading is not None else State.ABSENT
    value = plain(reading.value) if reading is not None else None
    if isinstance(expected, str) and expected in _STATES:
        wanted = _STATES[expected]
        return "" if state is wanted else f"{unit} reads as {state}, not {wanted}"
    if isinstance(expected, dict) and set(expected) == {"default"}:
        found = state is State.DEFAULT and _fits(expected["default"], value)
        return "" if found else f"{unit} reads as {state} {value!r}, not as the default {expected['default']!r}"
    if expected is None:
        return "" if state is State.EMPTY else f"{unit} reads as {state} {value!r}, not as empty"
    found = state is State.VALUE and _fits(expected, value)
    return "" if found else f"{unit} reads as {state} {value!r}, not as {expected!r}"


def _fits(expected: Any, value: Any) -> bool:
    """Equal; in a group, what is not named is null, and a name's `full` need not be said."""
    if isinstance(expected, dict) and isinstance(value, dict):
        names = [name for name in value if name in expected or name != "full"]
        return expected.keys() <= value.keys() and all(expected.get(name) == value[name] for name in names)
    return bool(expected == value)


def _value(unit: str, value: Any) -> Value:
    """A canonical value from an example; a name's `full` is joined from its parts when it is not said."""
    if unit not in UNITS:
        raise KeyError(f"there is no unit {unit!r}")
    if unit == "name" and isinstance(value, AbstractMapping) and "full" not in value:
        parts = [value.get(part) for part in ("given", "middle", "family")]
        value = {**value, "full": " ".join(part for part in parts if part)}
    found = revive(unit, value)
    if isinstance(found, Name | Address):
        return msgspec.convert(plain(found), type(found))
    return found
