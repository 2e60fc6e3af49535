"""Records become canonical values, each by its system's mapping.

Reads:      core.changed, core.records
Writes:     core.normalised, one row per live record
Guarantees: a record's row depends on its payload and its system's mapping only (law 9); when a mapping, region or time zone changes,
            every record of that system is read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import msgspec

from mappings.canonical import COLUMNS, UNIT_COLUMNS, UNITS, Address, Name, Reading, State, plain, revive
from pipeline.workspace import System, Workspace
from state.store import append, relation

CHUNK = 20_000
NORMALISED = ("system", "record_id", *COLUMNS, "readings", "fingerprint", "content_hash")

_encode = msgspec.json.Encoder(order="sorted").encode


def normalise(ws: Workspace) -> None:
    """Read every changed record by its mapping, chunk by chunk; chunks are durable, and `core.changed` stays until match."""
    for system in ws.systems.values():
        _mark_if_mapping_changed(ws, system)
        last = ""
        while chunk := _chunk(ws, system, last):
            with ws.store.transaction() as con:
                put_normalised(con, system, chunk)
            last = chunk[-1][0]
    with ws.store.transaction() as con:
        con.execute(
            "DELETE FROM core.normalised AS n USING core.records AS r"
            " WHERE n.system = r.system AND n.record_id = r.record_id AND r.deleted_at IS NOT NULL"
        )


def _chunk(ws: Workspace, system: System, after: str) -> list[tuple[str, str, str]]:
    return ws.store.rows(
        "SELECT record_id, payload, content_hash FROM core.records r WHERE system = ? AND deleted_at IS NULL AND record_id > ?"
        " AND record_id IN (SELECT record_id FROM core.changed WHERE system = r.system) ORDER BY record_id LIMIT ?",
        [system.name, after, CHUNK],
    )


def put_normalised(
    con: duckdb.DuckDBPyConnection, system: System, records: Sequence[tuple[str, str, str]]
) -> list[dict[str, Reading]]:
    """Replace the rows of `records` (record_id, payload text, content hash) in core.normalised; returns each one's readings."""
    if not records:
        return []
    fingerprint = system.fingerprint
    rows, all_readings = [], []
    for record_id, payload, content_hash in records:
        readings = system.mapping.read(msgspec.json.decode(payload), system.context)
        all_readings.append(readings)
        rows.append((system.name, record_id, *columns_of(readings), pack(readings), fingerprint, content_hash))
    with relation(con, "fresh", ("record_id",), [(record[0],) for record in records]):
        con.execute(
            "DELETE FROM core.normalised WHERE system = ? AND record_id IN (SELECT record_id FROM fresh)", [system.name]
        )
    append(con, "core.normalised", NORMALISED, rows)
    return all_readings


def _mark_if_mapping_changed(ws: Workspace, system: System) -> None:
    key = f"fingerprint:{system.name}"
    with ws.store.transaction() as con:
        known = con.execute("SELECT value FROM core.meta WHERE key = ?", [key]).fetchall()
        if known == [(system.fingerprint,)]:
            return
        con.execute("DELETE FROM core.meta WHERE key = ?", [key])
        con.execute("INSERT INTO core.meta VALUES (?, ?)", [key, system.fingerprint])
        con.execute(
            "INSERT INTO core.changed SELECT system, record_id, ? FROM core.records WHERE system = ? AND deleted_at IS NULL",
            [ws.run_id, system.name],
        )


def columns_of(readings: Mapping[str, Reading]) -> tuple[Any, ...]:
    """The view columns (`COLUMNS` order) of one record's readings; null where there is no value."""
    values: list[Any] = []
    for unit in UNITS:
        reading = readings.get(unit)
        values.extend(_columns(unit, reading.value if reading else None))
        if unit == "phone":
            mobile = readings.get("mobile")
            values[-1] = mobile.value if mobile else None
    return tuple(values)


def _columns(unit: str, value: Any) -> tuple[Any, ...]:
    match value:
        case Name():
            return (value.full, value.given, value.middle, value.family)
        case Address():
            return (value.street, value.extra, value.postal_code, value.city, value.state, value.country)
        case None:
            return (None,) * len(UNIT_COLUMNS[unit])
    return (value, None) if unit == "phone" else (value,)


def value_columns(values: Mapping[str, Any], mobile: str | None) -> tuple[Any, ...]:
    """The view columns (`COLUMNS` order) of a customer's merged values."""
    columns: list[Any] = []
    for unit in UNITS:
        columns.extend(_columns(unit, values.get(unit)))
        if unit == "phone":
            columns[-1] = mobile
    return tuple(columns)


def pack(readings: Mapping[str, Reading]) -> str:
    """Readings as JSON text: unit → [state, value]. Absent units are left out."""
    return _encode(
        {u: [str(r.state), plain(r.value)] for u, r in readings.items() if r.state is not State.ABSENT}
    ).decode()


def unpack(text: str | None) -> dict[str, Reading]:
    """The inverse of `pack`."""
    if text is None:
        return {}
    return {unit: unpack_reading(unit, packed) for unit, packed in msgspec.json.decode(text).items()}


def unpack_reading(unit: str, packed: Sequence[Any]) -> Reading:
    """One reading from [state, value]."""
    return Reading(State(packed[0]), revive(unit, packed[1]))
