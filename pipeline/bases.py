"""Bases: what each record's units were when it last agreed with its customer.

A base moves in two places only: when a write was accepted (`move_written`, for the written units), and in a run's last step, when
its decisions have been carried out (`record.settle`, from core.pending_bases). Anything else would make a lost edit possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import msgspec

from mappings.canonical import Reading, Value, plain, revive
from pipeline.model import Base
from pipeline.normalise import unpack_reading
from pipeline.workspace import System
from state.store import append, relation

BASES = ("system", "record_id", "customer_id", "units", "fingerprint", "run_id")

Entry = dict[str, Any]
"""One unit of a stored base: `raw` (path → value), `seen` ([state, value]), `agreed` and `differs` where they apply."""


def entry(
    system: System, payload: dict[str, Any], unit: str, reading: Reading, agreed: Value, differs: str | None
) -> Entry:
    """The stored form of one unit's base. `agreed` is kept only where it says more than the reading."""
    kept: Entry = {"raw": system.mapping.raw(payload, unit), "seen": [str(reading.state), plain(reading.value)]}
    if agreed != reading.value:
        kept["agreed"] = plain(agreed)
    if differs:
        kept["differs"] = differs
    return kept


def as_bases(system: System, units: Mapping[str, Entry], fingerprint: str) -> dict[str, Base]:
    """Stored entries as merging needs them. When the mapping changed since, `seen` is read again from the raw values: a new rule is
    not an edit."""
    stale = fingerprint != system.fingerprint
    bases = {}
    for unit, kept in units.items():
        seen = system.mapping.reread(unit, kept["raw"], system.context) if stale else unpack_reading(unit, kept["seen"])
        agreed = revive(unit, kept["agreed"]) if "agreed" in kept else seen.value
        bases[unit] = Base(seen, agreed, kept.get("differs"))
    return bases


@dataclass(frozen=True, slots=True)
class Written:
    """A record that took our values: `entries` are the written units' new bases."""

    record_id: str
    customer_id: str
    entries: Mapping[str, Entry]


def move_written(con: duckdb.DuckDBPyConnection, system: System, run_id: str, written: Sequence[Written]) -> None:
    """The bases of the written units move, in what is in force and in what is pending."""
    if written:
        _overlay(con, "core.bases", system, run_id, written, only_present=False)
        _overlay(con, "core.pending_bases", system, run_id, written, only_present=True)


def _overlay(
    con: duckdb.DuckDBPyConnection,
    table: str,
    system: System,
    run_id: str,
    written: Sequence[Written],
    *,
    only_present: bool,
) -> None:
    """Lay each record's entries over its row in `table`; a row of another customer's is no base of this one."""
    with relation(con, "written", ("record_id",), [(item.record_id,) for item in written]):
        mine = "system = ? AND record_id IN (SELECT record_id FROM written)"
        found = f"SELECT record_id, customer_id, units, fingerprint FROM {table} WHERE {mine}"  # noqa: S608  our own names
        rows = con.execute(found, [system.name]).fetchall()
        con.execute(f"DELETE FROM {table} WHERE {mine}", [system.name])  # noqa: S608
    kept = {(record_id, customer_id): (units, fingerprint) for record_id, customer_id, units, fingerprint in rows}
    fresh = []
    for item in written:
        stored = kept.get((item.record_id, item.customer_id))
        if stored is None and only_present:
            continue
        units: dict[str, Entry] = msgspec.json.decode(stored[0]) if stored else {}
        if stored and stored[1] != system.fingerprint:
            units = renewed(system, units)
        fresh.append(
            (
                system.name,
                item.record_id,
                item.customer_id,
                pack_entries({**units, **item.entries}),
                system.fingerprint,
                run_id,
            )
        )
    append(con, table, BASES, fresh)


def pack_entries(entries: Mapping[str, Entry]) -> str:
    """Stored form of one record's bases."""
    return msgspec.json.encode(entries, order="sorted").decode()


def renewed(system: System, units: Mapping[str, Entry]) -> dict[str, Entry]:
    """Stored entries read again by the present mapping."""
    result = {}
    for unit, kept in units.items():
        seen = system.mapping.reread(unit, kept["raw"], system.context)
        result[unit] = {**kept, "seen": [str(seen.state), plain(seen.value)]}
    return result
