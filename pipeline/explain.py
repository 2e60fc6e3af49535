"""A plan as people read it: counts per system, then samples of every kind of change; or all of it as JSON.

Reads: changes, and how often which reason kept a customer from being written. Writes: nothing.
Guarantees: pure; the same plan gives the same text; no control or direction mark of a value reaches a terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.model import Change
from pipeline.output import shown, text_table

SAMPLES = 3
OPERATIONS = ("create", "update", "restore", "delete")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many customers of one system are not written, and why."""

    system: str
    outcome: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Kind:
    """Changes that do the same to one system: create, delete, or update the same columns. `samples`: the first few."""

    system: str
    operation: str
    columns: tuple[str, ...]
    count: int
    samples: tuple[Change, ...]

    @property
    def title(self) -> str:
        """ "oslo: update of email, phone (12)"."""
        of = f" of {', '.join(self.columns)}" if self.columns else ""
        return f"{self.system}: {self.operation}{of} ({self.count})"


def text(changes: Sequence[Change], left_out: Iterable[LeftOut] = (), samples: int = SAMPLES) -> str:
    """The plan for a terminal, personal values included: it is shown to whoever asked, and never logged."""
    lines = [_count_table(changes) if changes else "Nothing to write: all systems agree.\n"]
    for kind in kinds(changes, samples):
        lines.append(f"{kind.title}\n")
        for change in kind.samples:
            lines.append(f"  {headline(change)}\n")
            lines += [f"      {line}\n" for line in differences(change)]
        if kind.count > len(kind.samples):
            lines.append(f"  ... and {kind.count - len(kind.samples)} more\n")
    reasons = [f"  {shown(item.system)}: {item.count} {item.outcome} ({item.reason})\n" for item in left_out]
    return "".join([*lines, "Not written:\n", *reasons] if reasons else lines)


def document(changes: Iterable[Change], left_out: Iterable[LeftOut] = ()) -> dict[str, Any]:
    """All of the plan as JSON types, values as they are."""
    listed = [as_json(change) for change in changes]
    counts: dict[str, Counter[str]] = {}
    for change in listed:
        counts.setdefault(change["system"], Counter())[change["operation"]] += 1
    return {
        "counts": {system: dict(sorted(counts[system].items())) for system in sorted(counts)},
        "not_written": [
            {"system": item.system, "outcome": item.outcome, "reason": item.reason, "count": item.count}
            for item in left_out
        ],
        "changes": listed,
    }


def as_json(change: Change) -> dict[str, Any]:
    """One change as JSON types; before and after as a pair."""
    return {
        "system": change.system,
        "operation": change.operation,
        "customer_id": change.customer_id,
        "record_id": change.record_id,
        "fields": _pairs(change.fields),
        "paths": _pairs(change.paths),
        "reason": change.reason,
        "based_on": change.based_on,
    }


def kinds(changes: Iterable[Change], samples: int = SAMPLES) -> list[Kind]:
    """The kinds of change, by system, operation, then most frequent first."""
    counts: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    first: dict[tuple[str, str, tuple[str, ...]], list[Change]] = {}
    for change in changes:
        columns = tuple(sorted(change.fields)) if change.operation == "update" else ()
        key = (change.system, change.operation, columns)
        counts[key] += 1
        kept = first.setdefault(key, [])
        if len(kept) < samples:
            kept.append(change)
    order = sorted(counts, key=lambda key: (key[0], OPERATIONS.index(key[1]), -counts[key], key[2]))
    return [Kind(*key, counts[key], tuple(first[key])) for key in order]


def headline(change: Change) -> str:
    """Which record of which customer, and why."""
    record = f"record {change.record_id}, " if change.record_id else ""
    return shown(f"{record}customer {change.customer_id}: {change.reason}")


def differences(change: Change) -> list[str]:
    """ "email: (empty) -> ana@example.com", one per column."""
    return [shown(f"{column}: {in_words(old)} -> {in_words(new)}") for column, (old, new) in change.fields.items()]


def in_words(value: Any) -> str:
    """One plain value for people."""
    if value is None:
        return "(empty)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def count_rows(changes: Iterable[Change]) -> list[list[str]]:
    """[system, creates, updates, restores, deletes] per system that is written to."""
    counts: dict[str, Counter[str]] = {}
    for change in changes:
        counts.setdefault(change.system, Counter())[change.operation] += 1
    return [[shown(system), *(str(counts[system][op]) for op in OPERATIONS)] for system in sorted(counts)]


def _count_table(changes: Iterable[Change]) -> str:
    return text_table(["system", *OPERATIONS], count_rows(changes), right={1, 2, 3, 4}) + "\n"


def _pairs(changed: Mapping[str, tuple[Any, Any]]) -> dict[str, list[Any]]:
    return {name: list(pair) for name, pair in changed.items()}
