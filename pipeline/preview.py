"""`mappings preview`: staged records of one system as received, and what its mapping makes of them.

Three things an integrator asks after editing a mapping file: what do records read as, what is not understood and why, and which
records would the next run write because of it, in which system. Reads: the snapshot and the mapping files. Writes: nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from mappings.canonical import State, plain, revive
from mappings.explain import explain_record
from pipeline.errors import UserError
from pipeline.mapping_laws import context_of
from pipeline.query import open_snapshot

if TYPE_CHECKING:
    import duckdb

    from mappings import Mapping as CompiledMapping
    from pipeline.config import Config

Row = dict[str, Any]
SAMPLES = 3
"""Records named per finding; the others are counted."""


def gather(config: Config, system: str, record_ids: Sequence[str], limit: int) -> Row:
    """The document that `--json` prints. Raises UserError.

    `shown`: per record its payload and units; over all staged records `not_understood` (by unit and reason),
    `reads_differently` (than at the last run) and `would_rewrite` (per target).
    """
    from mappings import MappingError, load_mappings

    if system not in config.systems:
        raise UserError(f"No system is called {system}; there are {', '.join(config.systems)}.")
    try:
        mappings = load_mappings(config.mappings_folder)
    except MappingError as error:
        raise UserError("The mapping files have problems:", error.problems) from None
    with open_snapshot(config.store_path) as con:
        listed = _listed(con, system, record_ids, limit)
        if record_ids and not listed:
            raise UserError(f"{system} has no such record as of the last run.")
        mapping, context = mappings[config.systems[system].connector], context_of(config, system)
        shown = [_one(record_id, msgspec.json.decode(payload), mapping, context) for record_id, payload in listed]
        return {
            "system": system,
            **_over_all(con, system, mapping, context),
            "would_rewrite": [
                _rewritten(config, con, system, target, mappings)
                for target in config.systems
                if config.systems[target].access == "read-write"
            ],
            "shown": shown,
        }


def _listed(
    con: duckdb.DuckDBPyConnection, system: str, record_ids: Sequence[str], limit: int
) -> list[tuple[str, str]]:
    return con.execute(
        "SELECT record_id, payload FROM records WHERE system = ? AND deleted_at IS NULL"
        " AND (len(?::VARCHAR[]) = 0 OR record_id IN (SELECT unnest(?::VARCHAR[]))) ORDER BY record_id LIMIT ?",
        [system, list(record_ids), list(record_ids), limit],
    ).fetchall()


def _one(record_id: str, payload: Row, mapping: CompiledMapping, context: Any) -> Row:
    units = {
        one.unit: {
            "state": one.state.value,
            "value": plain(one.value),
            "from": one.raw,
            "rule": one.rule,
            "evidence": one.evidence or None,
            "problem": one.problem or None,
        }
        for one in explain_record(mapping, payload, context)
    }
    return {"record_id": str(record_id), "payload": payload, "units": units}


def _over_all(con: duckdb.DuckDBPyConnection, system: str, mapping: CompiledMapping, context: Any) -> Row:
    """Counts over every live staged record of the system."""
    problems: Counter[tuple[str, str]] = Counter()
    named: dict[tuple[str, str], list[str]] = {}
    differently: Counter[str] = Counter()
    total = 0
    rows = con.execute(
        "SELECT r.record_id, r.payload, n.readings FROM core.records r LEFT JOIN core.normalised n"
        " ON n.system = r.system AND n.record_id = r.record_id WHERE r.system = ? AND r.deleted_at IS NULL ORDER BY r.record_id",
        [system],
    )
    while batch := rows.fetchmany(2000):
        for record_id, payload, known in batch:
            total += 1
            readings = mapping.read(msgspec.json.decode(payload), context)
            before: Row = msgspec.json.decode(known) if known else {}
            for unit, reading in readings.items():
                if reading.problem:
                    problems[unit, reading.problem] += 1
                    if len(named.setdefault((unit, reading.problem), [])) < SAMPLES:
                        named[unit, reading.problem].append(str(record_id))
                now = None if reading.state is State.ABSENT else [reading.state.value, plain(reading.value)]
                if known and now != before.get(unit):
                    differently[unit] += 1
    return {
        "records": total,
        "not_understood": [
            {"unit": unit, "problem": problem, "records": count, "samples": named[unit, problem]}
            for (unit, problem), count in problems.most_common()
        ],
        "reads_differently": dict(differently.most_common()),
    }


# --- what would be written ------------------------------------------------------------------------------------------


class _Writer:
    """One system's mapping as planning sees it."""

    def __init__(self, mapping: CompiledMapping, context: Any) -> None:
        self.mapping, self.context, self.writable = mapping, context, mapping.writable

    def put(self, values: Mapping[str, Any], payload: Mapping[str, Any] | None) -> Mapping[str, Any]:
        return self.mapping.put(values, payload, self.context)

    def missing(self, values: Mapping[str, Any]) -> tuple[str, str] | None:
        return self.mapping.missing(values, self.context)

    def at(self, payload: Mapping[str, Any] | None, path: str) -> Any:
        from mappings.compiled_rule import value_at
        from mappings.transforms.lens import MISSING

        found = value_at(payload or {}, path)
        return None if found is MISSING else found

    def read(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.mapping.read(payload, self.context)


_LINKED = """
    SELECT t.customer_id, t.record_id, tr.payload, c.merged, b.units, list({'id': sr.record_id, 'payload': sr.payload, 'base': sb.units})
    FROM core.links AS s
    JOIN core.records AS sr ON sr.system = s.system AND sr.record_id = s.record_id AND sr.deleted_at IS NULL
    LEFT JOIN core.bases AS sb ON sb.system = s.system AND sb.record_id = s.record_id
    JOIN core.links AS t ON t.customer_id = s.customer_id AND t.system = $target AND t.is_primary
    JOIN core.records AS tr ON tr.system = t.system AND tr.record_id = t.record_id AND tr.deleted_at IS NULL
    JOIN core.customers AS c ON c.customer_id = s.customer_id
    LEFT JOIN core.bases AS b ON b.system = t.system AND b.record_id = t.record_id
    WHERE s.system = $system
    GROUP BY ALL ORDER BY t.record_id
"""


def _rewritten(
    config: Config, con: duckdb.DuckDBPyConnection, system: str, target: str, mappings: Mapping[str, CompiledMapping]
) -> Row:
    """How many records of one target the mappings as they are now would have written, and in which fields.

    Compared are the customers as last merged. A unit that the last run did not know of counts with what it reads as now; what is
    already waiting (edits not yet pulled, decisions) is not looked at: `plan` says that.
    """
    fields: Counter[str] = Counter()
    samples: list[Row] = []
    count = 0
    for record_id, changed in _writes(config, con, system, target, mappings):
        count += 1
        fields.update(changed.keys())
        if len(samples) < SAMPLES:
            samples.append({"record_id": record_id, "fields": changed})
    return {"system": target, "records": count, "fields": dict(fields.most_common()), "samples": samples}


def _writes(
    config: Config, con: duckdb.DuckDBPyConnection, system: str, target: str, mappings: Mapping[str, CompiledMapping]
) -> Iterator[tuple[str, Row]]:
    """(record, path → [before, after]) of every record of the target that would be written."""
    from pipeline.model import Merged, Target
    from pipeline.plan import Present, plan_customer

    mapping, context = mappings[config.systems[system].connector], context_of(config, system)
    writer = _Writer(mappings[config.systems[target].connector], context_of(config, target))
    policy = Target(system=target, access="read-write", create=False, only={}, deletes="keep", complete=True)
    rows = con.execute(_LINKED, {"system": system, "target": target})
    while batch := rows.fetchmany(500):
        for customer_id, record_id, payload, merged, base, sources in batch:
            values = {unit: revive(unit, value) for unit, value in msgspec.json.decode(merged or "{}").items()}
            for source in sources:
                known = msgspec.json.decode(source["base"] or "{}")
                for unit, reading in mapping.read(msgspec.json.decode(source["payload"]), context).items():
                    if (
                        unit in mapping.units
                        and unit not in known
                        and reading.state is State.VALUE
                        and values.get(unit) is None
                    ):
                        values[unit] = reading.value
            kept = {
                ((target, record_id), unit): entry["differs"]
                for unit, entry in msgspec.json.decode(base or "{}").items()
                if entry.get("differs")
            }
            record = msgspec.json.decode(payload)
            verdict = plan_customer(
                customer_id, Merged(values, {}, differs=kept), policy, Present(record_id, record, "", writer.read(record)),
                writer=writer, has_key=True, deleted_there=False, deleted_elsewhere=(), held=None, ignored=False, edited=False,
            )  # fmt: skip
            if verdict.change is not None:
                yield str(record_id), {path: list(pair) for path, pair in verdict.change.paths.items()}


# --- for people -----------------------------------------------------------------------------------------------------


def text(found: Row) -> str:
    """The records for people, one line per unit: the system's own values left, the canonical one right; then the counts."""
    from pipeline.output import shown

    if not found["records"]:
        return "Nothing is staged for this system yet."
    lines: list[str] = []
    for record in found["shown"]:
        lines.append(f"{record['record_id']}")
        for unit, reading in record["units"].items():
            value = "(empty)" if reading["value"] is None else _short(reading["value"])
            why = "; ".join(filter(None, (reading["evidence"], reading["problem"])))
            state = "" if reading["state"] in ("value", "empty") else f" [{reading['state']}]"
            lines.append(f"  {unit:18} {_short(reading['from'])} -> {value}{state}" + (f"  ({why})" if why else ""))
        lines.append("")
    lines.append(f"{len(found['shown'])} of {found['records']} records of {found['system']} are shown.")
    lines += _counts(found)
    return "\n".join(shown(line) for line in lines)


def _counts(found: Row) -> Iterator[str]:
    if found["not_understood"]:
        yield "Not taken as a value, and why:"
    for one in found["not_understood"]:
        yield f"  {one['records']:6} {one['unit']}: {one['problem']} (such as {', '.join(one['samples'])})"
    if found["reads_differently"]:
        units = ", ".join(f"{unit} {count}" for unit, count in found["reads_differently"].items())
        yield f"Read differently than at the last run: {units}."
    for target in found["would_rewrite"]:
        if not target["records"]:
            yield f"Would be rewritten in {target['system']}: nothing."
            continue
        fields = ", ".join(f"{path} {count}" for path, count in target["fields"].items())
        yield f"Would be rewritten in {target['system']}: {target['records']} records ({fields})"
        for sample in target["samples"]:
            pairs = "; ".join(
                f"{path}: {_short(old)} -> {_short(new)}" for path, (old, new) in sample["fields"].items()
            )
            yield f"  {sample['record_id']}: {pairs}"


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return (
            ", ".join(f"{key}: {_short(child)}" for key, child in value.items() if child not in (None, ""))
            or "(nothing)"
        )
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return "(empty)" if value in (None, "") else str(value)
