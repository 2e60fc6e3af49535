"""`mappings preview`: staged records of one system as received, and what its mapping makes of them.

Reads: the snapshot and the mapping files. Writes: nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mappings.canonical import State, plain
from pipeline.errors import UserError
from pipeline.query import open_snapshot

if TYPE_CHECKING:
    from pipeline.config import Config


def gather(config: Config, system: str, record_ids: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """Per record: its payload, and per unit what was read, by which rule and evidence. Raises UserError."""
    from mappings import Context, MappingError, load_mappings

    if system not in config.systems:
        raise UserError(f"No system is called {system}; there are {', '.join(config.systems)}.")
    try:
        mapping = load_mappings(config.mappings_folder)[config.systems[system].connector]
    except MappingError as error:
        raise UserError("The mapping files have problems:", error.problems) from None
    settings = config.systems[system]
    regions = tuple(region for region in (settings.region, config.region) if region)
    context = Context(settings.region or config.region, regions, settings.timezone or config.timezone)
    with open_snapshot(config.store_path) as con:
        rows = con.execute(
            "SELECT record_id, payload FROM records WHERE system = ? AND deleted_at IS NULL"
            " AND (len(?::VARCHAR[]) = 0 OR record_id IN (SELECT unnest(?::VARCHAR[]))) ORDER BY record_id LIMIT ?",
            [system, list(record_ids), list(record_ids), limit],
        ).fetchall()
    if record_ids and not rows:
        raise UserError(f"{system} has no such record as of the last run.")
    return [_one(str(record_id), json.loads(payload), mapping, context) for record_id, payload in rows]


def _one(record_id: str, payload: dict[str, Any], mapping: Any, context: Any) -> dict[str, Any]:
    readings = {
        unit: {
            "state": reading.state.value,
            "value": plain(reading.value),
            "from": mapping.raw(payload, unit),
            "rule": reading.rule or None,
            "evidence": reading.evidence or None,
            "problem": reading.problem or None,
        }
        for unit, reading in mapping.read(payload, context).items()
        if reading.state is not State.ABSENT
    }
    return {"record_id": record_id, "payload": payload, "units": readings}


def text(found: Sequence[dict[str, Any]]) -> str:
    """The records for people: one line per unit, the system's own values left, the canonical one right."""
    from pipeline.output import shown

    lines: list[str] = []
    for record in found:
        lines.append(f"{record['record_id']}")
        for unit, reading in record["units"].items():
            value = "(empty)" if reading["value"] is None else _short(reading["value"])
            why = "; ".join(filter(None, (reading["evidence"], reading["problem"])))
            state = "" if reading["state"] == "value" else f" [{reading['state']}]"
            lines.append(f"  {unit:18} {_short(reading['from'])} -> {value}{state}" + (f"  ({why})" if why else ""))
        lines.append("")
    return "\n".join(shown(line) for line in lines) if found else "Nothing is staged for this system yet."


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {child}" for key, child in value.items() if child not in (None, ""))
    return str(value)
