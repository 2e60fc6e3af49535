"""What is to be done in each system: desired x actual x base become the smallest set of changes, or a reason for none.

Reads: a merged customer, and one system with the record it holds. Writes: nothing; returns a `Verdict`.
Guarantees: pure; exactly one verdict per customer and system (law 12); an update has only what differs in meaning, and
leaves alone what was agreed to differ; nothing is created without a key, a complete pull, or against somebody's wish.

The order of reasons is part of the design; the first that applies is given:

    a record is there    ignored, held;
                         deleted elsewhere and to propagate: in review, read_only, paused, open_balance, unreachable,
                         else delete;
                         nothing to write: what is kept different, else unchanged;
                         read_only, paused, unreachable, else update
    no record is there   ignored, deleted_there, held, read_only, paused, creating_off, deleted_elsewhere, in review,
                         not_in_audience, no_key, missing_..., unreachable, not_pulled, else create

What people decided comes first, then what is open, then what the customer lacks, then what passes by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mappings.canonical import ABSENT, UNIT_COLUMNS, UNITS, Address, Name, Reading, State, Value, plain
from pipeline.model import Change, Merged, Outcome, RecordKey, Target, Verdict

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Present:
    """The customer's primary record in one system, as staged. `open_balance`: money or points are still on it."""

    record_id: str
    payload: dict[str, Any]
    content_hash: str
    readings: Mapping[str, Reading]
    open_balance: bool = False


class Writer(Protocol):
    """One system's mapping, bound to its context. Units that `values` lacks stay as the payload has them."""

    @property
    def writable(self) -> Collection[str]:
        """The units that may be written."""

    def put(self, values: Mapping[str, Value], payload: Payload | None) -> Mapping[str, Any]:
        """path → new raw value: only what differs from `payload`, or all that a new record needs."""

    def missing(self, values: Mapping[str, Value]) -> tuple[str, str] | None:
        """Why no record can be made of these values: (reason, detail)."""

    def at(self, payload: Payload | None, path: str) -> Any:
        """The raw value at a path."""

    def read(self, payload: Payload) -> Mapping[str, Reading]:
        """Every unit as the mapping reads it."""


def plan_customer(
    customer_id: str,
    merged: Merged,
    target: Target,
    present: Present | None,
    *,
    writer: Writer,
    has_key: bool,
    deleted_there: bool,
    deleted_elsewhere: Sequence[str],
    held: str | None,
    ignored: bool,
    edited: bool,
) -> Verdict:
    """What to do about one customer in one system.

    `has_key`: something identifies the customer. `deleted_there`: the last record there is confirmed gone.
    `deleted_elsewhere`: the systems where that is so. `held`: in review, so neither created nor deleted. `edited`:
    somebody changed the customer since its bases, which beats a deletion.
    """

    def verdict(outcome: Outcome, reason: str = "", detail: str = "", change: Change | None = None) -> Verdict:
        return Verdict(customer_id, target.system, outcome, reason, detail, change)

    if ignored:
        return verdict("excluded", "ignored")
    if present is None:
        if deleted_there:
            return verdict("excluded", "deleted_there")
        if merged.held:
            return verdict("held", merged.held)
        no = _why_no_create(merged, target, writer, has_key=has_key, deleted_elsewhere=deleted_elsewhere, held=held)
        return verdict(*no) if no else verdict("create", change=_create(customer_id, merged, target, writer))
    if merged.held:
        return verdict("held", merged.held)
    if target.deletes == "propagate" and deleted_elsewhere and not edited:
        no = _why_no_delete(target, present, held)
        if no:
            return verdict(*no)
        change = Change(
            target.system, "delete", customer_id, present.record_id, _gone(present), {},
            f"deleted in {', '.join(deleted_elsewhere)}", present.content_hash,
        )  # fmt: skip
        return verdict("delete", change=change)
    kept = _kept_different(merged, (target.system, present.record_id), present, writer)
    paths, fields = _differences(merged, present, writer, kept)
    reason, detail = next(iter(kept.values()), ""), ", ".join(f"{unit}: {why}" for unit, why in kept.items())
    if not fields:
        return verdict("excluded", reason, detail) if kept else verdict("unchanged")
    if target.access == "read-only":
        return verdict("excluded", "read_only", ", ".join(fields))
    if target.paused:
        return verdict("excluded", "paused", ", ".join(fields))
    if not target.reachable:
        return verdict("held", "unreachable", ", ".join(fields))
    change = Change(
        target.system,
        "update",
        customer_id,
        present.record_id,
        fields,
        paths,
        _origin(merged, fields),
        present.content_hash,
    )
    return verdict("update", reason, detail, change)


def in_order(changes: Iterable[Change]) -> list[Change]:
    """Canonical order: by system; what frees a value before what may need it; then by customer."""
    operations = ("update", "restore", "create", "delete")
    return sorted(changes, key=lambda c: (c.system, operations.index(c.operation), c.customer_id, c.record_id or ""))


def columns_of(unit: str, value: Value) -> dict[str, Any]:
    """One unit's value as the columns of the public views, plain JSON, without the derived `mobile`."""
    names = UNIT_COLUMNS[unit]
    if unit == "name":
        parts = (value.full, value.given, value.middle, value.family) if isinstance(value, Name) else (None,) * 4
        return dict(zip(names, parts, strict=True))
    if unit == "address":
        a = value if isinstance(value, Address) else Address()
        return dict(zip(names, (a.street, a.extra, a.postal_code, a.city, a.state, a.country), strict=True))
    return {names[0]: plain(value)}


_No = tuple[Outcome, str, str]


def _why_no_create(
    merged: Merged,
    target: Target,
    writer: Writer,
    *,
    has_key: bool,
    deleted_elsewhere: Sequence[str],
    held: str | None,
) -> _No | None:
    if target.access == "read-only":
        return "excluded", "read_only", ""
    if target.paused:
        return "excluded", "paused", ""
    if not target.create:
        return "excluded", "creating_off", ""
    if target.deletes == "propagate" and deleted_elsewhere:  # it would be deleted again by the next run
        return "excluded", "deleted_elsewhere", ", ".join(deleted_elsewhere)
    if held:
        return "held", held, ""
    outside = _outside_audience(target.only, merged.values)
    if outside:
        return "excluded", "not_in_audience", outside
    if not has_key:
        return "excluded", "no_key", ""
    missing = writer.missing(_writable_values(merged, writer))
    if missing:
        return "excluded", *missing
    if not target.reachable:
        return "held", "unreachable", ""
    if not target.complete:
        return "excluded", "not_pulled", ""
    return None


def _why_no_delete(target: Target, present: Present, held: str | None) -> _No | None:
    if held:
        return "held", held, ""
    if target.access == "read-only":
        return "excluded", "read_only", ""
    if target.paused:
        return "excluded", "paused", ""
    if present.open_balance:
        return "excluded", "open_balance", ""
    if not target.reachable:
        return "held", "unreachable", ""
    return None


def _outside_audience(only: Mapping[str, Any], values: Mapping[str, Value]) -> str:
    """Which wish of `only` the customer does not meet, "" if none. What is unknown is not a yes."""
    address = values.get("address")
    country = address.country if isinstance(address, Address) else None
    countries = only.get("country")
    if countries and country not in countries:
        return "country"
    flags = ("is_business", "marketing_consent")
    return next((f for f in flags if only.get(f) is not None and (values.get(f) is True) != only[f]), "")


def _create(customer_id: str, merged: Merged, target: Target, writer: Writer) -> Change:
    values = _writable_values(merged, writer)
    fields = {
        column: (None, after)
        for unit in UNITS
        if unit in values
        for column, after in columns_of(unit, values[unit]).items()
        if after is not None
    }
    paths = {path: (None, after) for path, after in sorted(writer.put(values, None).items())}
    return Change(target.system, "create", customer_id, None, fields, paths, f"not in {target.system} yet")


def _writable_values(merged: Merged, writer: Writer) -> dict[str, Value]:
    return {unit: value for unit, value in merged.values.items() if value is not None and unit in writer.writable}


def _kept_different(merged: Merged, key: RecordKey, present: Present, writer: Writer) -> dict[str, str]:
    """Units in which the record differs from its customer and is left so: unit → reason.

    A unit that is never written is not one that the system holds: that it differs needs no reason.
    """
    kept: dict[str, str] = {}
    for unit in UNITS:
        if unit not in writer.writable:
            continue
        reading, value = present.readings.get(unit, ABSENT), merged.values.get(unit)
        if reading.state is State.ABSENT or reading.value == value:
            continue
        if reason := merged.differs.get((key, unit)):
            kept[unit] = reason
        elif reading.state is State.UNCLEAR:
            kept[unit] = "not_understood"
    return kept


def _differences(
    merged: Merged, present: Present, writer: Writer, kept: Collection[str]
) -> tuple[dict[str, tuple[Any, Any]], dict[str, tuple[Any, Any]]]:
    """What to write (path → before, after), and what that means (column → before, after).

    What a vendor filled in by itself is not emptied. Where no column changes, there is nothing to write, whatever the
    record's spelling.
    """
    wanted = {}
    for unit in UNITS:
        if unit in writer.writable and unit not in kept:
            reading, value = present.readings.get(unit, ABSENT), merged.values.get(unit)
            if reading.value != value and not (value is None and reading.state is State.DEFAULT):
                wanted[unit] = value
    new = dict(writer.put(wanted, present.payload)) if wanted else {}
    if not new:
        return {}, {}
    after = writer.read(with_paths(present.payload, new))
    disturbed = {
        unit: merged.values.get(unit)
        for unit in UNITS
        if unit in writer.writable
        and (before := present.readings.get(unit, ABSENT)).value == merged.values.get(unit)
        and before.state is not State.ABSENT
        and after.get(unit, ABSENT).value != before.value
    }
    if disturbed:  # a local number reads differently once the record's country moves: write it out
        new.update(writer.put(disturbed, with_paths(present.payload, new)))
        after = writer.read(with_paths(present.payload, new))
    fields = changed_columns(present.readings, after)
    paths = {path: (writer.at(present.payload, path), value) for path, value in sorted(new.items())}
    return paths, fields


def changed_columns(before: Mapping[str, Reading], after: Mapping[str, Reading]) -> dict[str, tuple[Any, Any]]:
    """Column → (before, after), for the columns in which two readings of a record differ."""
    changed = {}
    for unit in UNITS:
        old, new = before.get(unit, ABSENT).value, after.get(unit, ABSENT).value
        if old != new:
            columns = zip(columns_of(unit, old).items(), columns_of(unit, new).values(), strict=True)
            changed.update({column: (was, now) for (column, was), now in columns if was != now})
    return changed


def _gone(present: Present) -> dict[str, tuple[Any, Any]]:
    return changed_columns(present.readings, {})


def with_paths(payload: Payload, new: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the payload with these dotted paths set."""
    copy = dict(payload)
    for path, value in new.items():
        level = copy
        *parents, last = path.split(".")
        for parent in parents:
            inner = level.get(parent)
            level[parent] = level = dict(inner) if isinstance(inner, dict) else {}
        level[last] = value
    return copy


def _origin(merged: Merged, fields: Collection[str]) -> str:
    """Where the new values came from, for people."""
    units = [unit for unit in UNITS if any(column in fields for column in UNIT_COLUMNS[unit])]
    records = sorted({merged.sources[unit] for unit in units if unit in merged.sources})
    return "from " + ", ".join(f"{system}:{record_id}" for system, record_id in records) if records else "emptied"
