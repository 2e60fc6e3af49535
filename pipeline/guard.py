"""Whether a plan is safe to carry out: limits on what one run may do, and signs that something upstream broke.

Reads: what a plan would do, as counts with an example each. Writes: nothing; returns the reasons to stop.
Guarantees: pure; each reason has the numbers, an example by id (no personal value), and the option to pass (law 10).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.model import Change

SMALL_TARGET = 50
"""Targets with fewer linked records may be rewritten whole: a percentage of a handful says nothing."""
EMPTY_MATTERS_FROM = 2
HALVED_MATTERS_FROM = 10
MERGES_MATTER_FROM = 5
BLANKED_MATTERS_FROM = 10
BLANKED_PERCENT = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may do. `max_updates`: a number of records that replaces the percentage, given for this run only."""

    max_deletes: int = 0
    max_creates: int | None = None
    max_updates_percent: float = 30
    max_updates: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """How many records a complete walk of one system brought, and how many it had before."""

    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan would do in one system. `examples`: operation, or blanked column → one record (or customer) id."""

    system: str
    counts: Mapping[str, int]
    blanked: Mapping[str, int]
    examples: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Summary:
    """What the guard looks at.

    `linked`: system → records linked when the run began. `first_run`: systems that were never written to.
    `pulled`: systems that were walked whole in this run. `customers`: how many there were, `merges`: how many of them
    this run joined into another one, `merged_example`: one of those.
    """

    planned: tuple[Planned, ...]
    linked: Mapping[str, int]
    first_run: frozenset[str] = frozenset()
    pulled: Mapping[str, Pulled] = field(default_factory=dict)
    customers: int = 0
    merges: int = 0
    merged_example: str = ""


def check(summary: Summary, limits: Limits) -> list[str]:
    """Why this plan must not be carried out as it is; empty when it may. Vanished systems come first."""
    if limits.force:
        return []
    reasons = [reason for system, pulled in sorted(summary.pulled.items()) for reason in _vanished(system, pulled)]
    for planned in sorted(summary.planned, key=lambda planned: planned.system):
        linked = summary.linked.get(planned.system, 0)
        reasons += _deletes(planned, limits)
        reasons += _creates(planned, limits)
        reasons += _updates(planned, limits, linked, first_run=planned.system in summary.first_run)
        reasons += _blanked(planned, linked)
    return [*reasons, *_merges(summary)]


def tally(changes: Iterable[Change]) -> tuple[Planned, ...]:
    """A plan as counts per system, with the first change of each kind as its example."""
    counts: dict[str, Counter[str]] = {}
    blanked: dict[str, Counter[str]] = {}
    examples: dict[str, dict[str, str]] = {}
    for change in changes:
        counts.setdefault(change.system, Counter())[change.operation] += 1
        mine = examples.setdefault(change.system, {})
        example = change.record_id or change.customer_id
        mine.setdefault(change.operation, example)
        if change.operation == "update":
            for column, (before, after) in change.fields.items():
                if before is not None and after is None:
                    blanked.setdefault(change.system, Counter())[column] += 1
                    mine.setdefault(column, example)
    return tuple(Planned(s, counts[s], blanked.get(s, Counter()), examples[s]) for s in sorted(counts))


def _vanished(system: str, pulled: Pulled) -> Iterator[str]:
    if pulled.now == 0 and pulled.before >= EMPTY_MATTERS_FROM:
        yield (
            f"{system} came back empty: it had {pulled.before} customers at the last complete walk and has 0 now. "
            "Check its account and permissions; if they are really gone, run again with --force."
        )
    elif pulled.before >= HALVED_MATTERS_FROM and pulled.now * 2 < pulled.before:
        yield (
            f"{system} came back with less than half its customers: {pulled.now} of {pulled.before}. "
            "Check its account and permissions; if they are really gone, run again with --force."
        )


def _deletes(planned: Planned, limits: Limits) -> Iterator[str]:
    count = planned.counts.get("delete", 0)
    if count <= limits.max_deletes:
        return
    yield (
        f"{planned.system}: {_records(count)} would be deleted, {limits.max_deletes} allowed (safety.max_deletes); "
        f"for example record {planned.examples['delete']}. To let it pass once: --max-deletes {count}"
    )


def _creates(planned: Planned, limits: Limits) -> Iterator[str]:
    count = planned.counts.get("create", 0)
    if limits.max_creates is None or count <= limits.max_creates:
        return
    yield (
        f"{planned.system}: {_records(count)} would be created, {limits.max_creates} allowed (safety.max_creates); "
        f"for example customer {planned.examples['create']}. To let it pass once: --force"
    )


def _updates(planned: Planned, limits: Limits, linked: int, *, first_run: bool) -> Iterator[str]:
    count = planned.counts.get("update", 0) + planned.counts.get("restore", 0)
    example = planned.examples.get("update") or planned.examples.get("restore", "")
    if limits.max_updates is not None:
        if count <= limits.max_updates:
            return
        allowed = f"{limits.max_updates} allowed (--max-updates)"
    else:
        if first_run or linked < SMALL_TARGET or count * 100 <= linked * limits.max_updates_percent:
            return
        allowed = (
            f"{limits.max_updates_percent:g} % of its {linked} linked records allowed (safety.max_updates_percent)"
        )
    yield (
        f"{planned.system}: {_records(count)} would be updated, {allowed}; for example record {example}. "
        f"To let it pass once: --max-updates {count}"
    )


def _blanked(planned: Planned, linked: int) -> Iterator[str]:
    """One field emptied in many records at once looks like a lost permission or a broken mapping, not like people."""
    for column, count in sorted(planned.blanked.items()):
        if count >= BLANKED_MATTERS_FROM and count * 100 > linked * BLANKED_PERCENT:
            yield (
                f"{planned.system}: {column} would be emptied in {count} of {linked} linked records; "
                f"for example record {planned.examples[column]}. If that is meant, run again with --force."
            )


def _merges(summary: Summary) -> Iterator[str]:
    if summary.merges < MERGES_MATTER_FROM or summary.merges * 10 <= summary.customers:
        return
    yield (
        f"{summary.merges} of {summary.customers} customers would be merged into others, more than a tenth; "
        f"for example customer {summary.merged_example}. Look at them with `customer-sync plan`, and at `match` in the "
        "configuration; if that is meant, run again with --force."
    )


def _records(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"
