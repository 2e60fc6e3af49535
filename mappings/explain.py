"""What a mapping makes of one record, said for people, and whether it keeps its promises on it.

Both are pure. What `broken_laws` says holds names of rules and fields and no value, so that it may be logged.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from typing import Any, NamedTuple

from mappings.canonical import State, Value
from mappings.compile import Context, Mapping
from mappings.compiled_rule import Payload, value_at
from mappings.transforms.lens import MISSING


class Explained(NamedTuple):
    """One unit of a record: its value, the rule that made it, on what evidence, and what could not be understood.

    `raw`: path → value of the rule's own fields; which field told the country, `evidence` says in words.
    """

    unit: str
    value: Value
    rule: str
    evidence: str
    problem: str
    state: State
    raw: dict[str, Any]


def explain_record(mapping: Mapping, payload: Payload, context: Context) -> list[Explained]:
    """Every unit that the record says something about, in the order in which the mapping reads them."""
    rule_of = {unit: rule for rule in mapping.rules for unit in rule.lens.emits}
    return [
        Explained(
            unit,
            reading.value,
            reading.rule or rule_of[unit].name,
            reading.evidence,
            reading.problem,
            reading.state,
            {path: raw for path in rule_of[unit].paths if path and (raw := value_at(payload, path)) is not MISSING},
        )
        for unit, reading in mapping.read(payload, context).items()
        if reading.state is not State.ABSENT
    ]


def broken_laws(mapping: Mapping, payload: Payload, context: Context, other: Payload | None = None) -> list[str]:
    """Which rules break which law on this record: nothing is rewritten needlessly, what is written is read back, what was kept reads
    as the record did. `other`: a record whose values are written into this one for the second law.
    """
    broken = [
        f"rule {_rule_of(mapping, rewrite.path)!r} would rewrite {rewrite.path} although nothing changed"
        for rewrite in mapping.rewrites(payload, context)
    ]
    readings = mapping.read(payload, context)
    broken += [
        f"{unit} reads differently from its kept fields than from the record"
        for unit in sorted(mapping.units)
        if not mapping.reread(unit, mapping.raw(payload, unit), context).same(readings[unit])
    ]
    if other is not None:
        values = {
            unit: reading.value
            for unit, reading in mapping.read(other, context).items()
            # Not the address: it is evidence for other fields, which planning writes out when they read differently by it.
            if unit in mapping.units and unit != "address" and reading.state is State.VALUE
        }
        after = with_fields(payload, mapping.put(values, payload, context))
        broken += [
            f"rule {_rule_of(mapping, path)!r} would write {path} again after it was written"
            for path in mapping.put(values, after, context)
        ]
    return broken


def with_fields(payload: Payload, fields: AbstractMapping[str, Any]) -> dict[str, Any]:
    """The record after its system took these fields (dotted paths); the original stays as it is."""
    after = dict(payload)
    for path, value in fields.items():
        level = after
        *parents, last = path.split(".")
        for parent in parents:
            inner = level.get(parent)
            level[parent] = level = dict(inner) if isinstance(inner, dict) else {}
        level[last] = value
    return after


def _rule_of(mapping: Mapping, path: str) -> str:
    """The name of the rule that writes a field."""
    for rule in mapping.rules:
        if path in rule.paths or any(path == follower for group in rule.followers for _, follower in group):
            return rule.name
    return "create"
