"""`show KEY`: one customer through all systems; `why A B`: why two records are, or are not, one customer.

Reads: the snapshot, the mapping files, and decisions that wait in the inbox. Writes: nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mappings.canonical import ABSENT, UNITS, Reading, State, plain
from pipeline.errors import UserError
from pipeline.find import find_customer, find_record, regions_of
from pipeline.query import open_snapshot
from state import inbox

if TYPE_CHECKING:
    import duckdb

    from pipeline.config import Config

Row = dict[str, Any]


def why(config: Config, left: str, right: str) -> dict[str, Any]:
    """Why two records are, or are not, one customer, the outcome first. Raises UserError when one of them does not exist."""
    from pipeline.match_explain import explain_pair
    from pipeline.run import match_settings

    with open_snapshot(config.store_path) as con:
        one, other = (find_record(con, key, config.systems, regions_of(config)) for key in (left, right))
        if one == other:
            raise UserError(f"{left} and {right} are the same record, {':'.join(one)}.")
        same = con.execute(
            "SELECT count(DISTINCT customer_id) = 1 AND count(*) = 2 FROM links WHERE (system, record_id) IN ((?, ?), (?, ?))",
            [*one, *other],
        ).fetchall()[0][0]
        reasons = explain_pair(con, one, other, match_settings(config))
    return {"left": ":".join(one), "right": ":".join(other), "same_customer": bool(same), "reasons": reasons}


def gather(config: Config, key: str) -> dict[str, Any]:
    """Everything known about the customer that `key` names. Raises UserError when there is none, or more than one."""
    with open_snapshot(config.store_path) as con:
        customer_id = find_customer(con, key, config.systems, regions_of(config))
        records = _records(con, customer_id)
        keys = {(record["system"], record["record_id"]) for record in records}
        readers = _readers(config)
        return {
            "customer_id": customer_id,
            "also_known_as": [row["customer_id"] for row in _ask(con, RETIRED, customer_id)],
            "created_at": next((row["created_at"] for row in _ask(con, IDENTITY, customer_id)), None),
            "values": _values(con, customer_id),
            "records": [_with_readings(record, readers) for record in records],
            "not_kept": _ask(con, EXCLUSIONS, customer_id),
            "conflicts": _ask(con, CONFLICTS, customer_id),
            "reviews": _ask(con, REVIEWS, customer_id),
            "rejects": _ask(con, REJECTS, customer_id),
            "decisions": [*_decisions(con, customer_id, keys), *_waiting(config, customer_id, keys)],
            "links": _ask(con, LINK_LOG, customer_id),
            "reads": _reads(con, customer_id, readers),
            "writes": _ask(con, WRITES, customer_id),
        }


RECORDS = """
SELECT l.system, l.record_id, l.is_primary, l.matched_on, l.linked_at::VARCHAR AS linked_at, r.payload,
    r.source_created_at::VARCHAR AS source_created_at, r.source_updated_at::VARCHAR AS source_updated_at,
    r.first_seen_at::VARCHAR AS first_seen_at, r.seen_at::VARCHAR AS seen_at, r.deleted_at::VARCHAR AS deleted_at, b.units AS base
FROM core.links AS l JOIN core.records AS r USING (system, record_id)
LEFT JOIN core.bases AS b ON b.system = l.system AND b.record_id = l.record_id AND b.customer_id = l.customer_id
WHERE l.customer_id = ? ORDER BY r.deleted_at IS NOT NULL, l.system, NOT l.is_primary, l.record_id"""
RETIRED = "SELECT customer_id FROM core.identities WHERE merged_into = ? ORDER BY 1"
IDENTITY = "SELECT created_at::VARCHAR AS created_at FROM core.identities WHERE customer_id = ?"
CUSTOMER = "SELECT merged, sources FROM core.customers WHERE customer_id = ?"
EXCLUSIONS = "SELECT system, reason, detail, since::VARCHAR AS since FROM exclusions WHERE customer_id = ? ORDER BY ALL"
CONFLICTS = """
SELECT field, candidates, chosen_system, policy, run_id, "at"::VARCHAR AS "at" FROM conflicts WHERE customer_id = ?
ORDER BY "at", field"""
REVIEWS = """
SELECT DISTINCT review_id, left_system, left_record_id, right_system, right_record_id, agree, differ, decision, since::VARCHAR AS since
FROM reviews JOIN links AS l ON (l.system, l.record_id) IN ((left_system, left_record_id), (right_system, right_record_id))
WHERE l.customer_id = ? ORDER BY since, review_id"""
REJECTS = """
SELECT r.system, r.record_id, r.stage, r.reason, r.payload AS said, r.run_id, r.since::VARCHAR AS since FROM core.rejects AS r
LEFT JOIN core.links AS l ON l.system = r.system AND l.record_id = r.record_id
WHERE ? IN (r.customer_id, l.customer_id) ORDER BY r.since, r.system, r.record_id"""
LINK_LOG = """
SELECT g."at"::VARCHAR AS "at", g.system, g.record_id, g.from_customer, g.to_customer, g.cause, g.run_id FROM core.link_log AS g
WHERE ? IN (g.from_customer, g.to_customer) ORDER BY g."at", g.system, g.record_id"""
READS = """
SELECT h.seen_at::VARCHAR AS seen_at, h.run_id, h.system, h.record_id, h.payload FROM core.history AS h
JOIN core.links AS l USING (system, record_id) WHERE l.customer_id = ? ORDER BY h.seen_at, h.system, h.record_id"""
WRITES = """
SELECT i.sent_at::VARCHAR AS sent_at, i.finished_at::VARCHAR AS finished_at, i.run_id, i.system, i.record_id, i.operation, i.status,
    i.reason, i.http_status, i.error, i.attempts, i.fields, i.paths FROM core.intents AS i
LEFT JOIN core.links AS l ON l.system = i.system AND l.record_id = i.record_id
WHERE ? IN (i.customer_id, l.customer_id) ORDER BY i.sent_at, i.system, i.record_id"""
DECISIONS = """
SELECT "at"::VARCHAR AS "at", kind, subject, run_id AS taken_in_by FROM core.decisions ORDER BY core.decisions."at", decision_id"""

_JSON_COLUMNS = {"payload", "base", "merged", "sources", "candidates", "fields", "paths", "subject"}
_TIME_COLUMNS = {
    "at", "since", "created_at", "linked_at", "source_created_at", "source_updated_at", "first_seen_at", "seen_at", "deleted_at",
    "sent_at", "finished_at",
}  # fmt: skip


def _ask(con: duckdb.DuckDBPyConnection, sql: str, *values: str) -> list[Row]:
    answer = con.execute(sql, list(values))
    names = [column[0] for column in answer.description]
    rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    for row in rows:
        for name in _JSON_COLUMNS & row.keys():
            row[name] = None if row[name] is None else json.loads(row[name])
        for name in _TIME_COLUMNS & row.keys():  # the connection's zone is UTC
            row[name] = None if row[name] is None else row[name].replace(" ", "T").removesuffix("+00") + "Z"
    return rows


def _records(con: duckdb.DuckDBPyConnection, customer_id: str) -> list[Row]:
    return _ask(con, RECORDS, customer_id)


def _values(con: duckdb.DuckDBPyConnection, customer_id: str) -> dict[str, Row]:
    """unit → its value, the record it came from, and since when."""
    rows = _ask(con, CUSTOMER, customer_id)
    if not rows:
        return {}
    merged, sources = rows[0]["merged"] or {}, rows[0]["sources"] or {}
    nothing = (None, None, None)
    return {
        unit: dict(
            zip(("value", "system", "record_id", "since"), (merged[unit], *sources.get(unit, nothing)), strict=True)
        )
        for unit in UNITS
        if merged.get(unit) is not None
    }


def _readers(config: Config) -> dict[str, Any]:
    """system → (mapping, context), as runs read it."""
    from mappings import Context, MappingError, load_mappings

    try:
        mappings = load_mappings(config.mappings_folder)
    except MappingError as error:
        raise UserError("The mapping files have problems:", error.problems) from None
    readers = {}
    for name, settings in config.systems.items():
        regions = tuple(region for region in (settings.region, config.region) if region)
        context = Context(settings.region or config.region, regions, settings.timezone or config.timezone)
        readers[name] = mappings[settings.connector], context
    return readers


def _with_readings(record: Row, readers: Mapping[str, Any]) -> Row:
    """The record with what its mapping makes of each unit, by which rule and evidence, and where it is agreed to differ."""
    mapping, context = readers.get(record["system"], (None, None))
    base = record.pop("base") or {}
    units: dict[str, Row] = {}
    readings: Mapping[str, Reading] = mapping.read(record["payload"], context) if mapping else {}
    for unit in UNITS:
        reading = readings.get(unit, ABSENT)
        if reading.state is State.ABSENT:
            continue
        units[unit] = {
            "value": plain(reading.value),
            "state": reading.state.value,
            "from": mapping.raw(record["payload"], unit),
            "rule": reading.rule or None,
            "evidence": reading.evidence or None,
            "problem": reading.problem or None,
            "agreed_to_differ": base.get(unit, {}).get("differs"),
        }
    return {**record, "units": units}


def _reads(con: duckdb.DuckDBPyConnection, customer_id: str, readers: Mapping[str, Any]) -> list[Row]:
    """Every version of every record, oldest first, with what it said differently from the one before: unit → [before, after]."""
    last: dict[tuple[str, str], Mapping[str, Reading]] = {}
    reads = _ask(con, READS, customer_id)
    for read in reads:
        key = read["system"], read["record_id"]
        mapping, context = readers.get(read["system"], (None, None))
        now: Mapping[str, Reading] = mapping.read(read["payload"], context) if mapping else {}
        before = last.get(key, {})
        read["first"] = key not in last
        read["changed"] = {
            unit: [plain(before.get(unit, ABSENT).value), plain(now.get(unit, ABSENT).value)]
            for unit in UNITS
            if before.get(unit, ABSENT).value != now.get(unit, ABSENT).value
        }
        last[key] = now
    return reads


def _decisions(con: duckdb.DuckDBPyConnection, customer_id: str, keys: set[tuple[str, str]]) -> list[Row]:
    return [row for row in _ask(con, DECISIONS) if _concerns(row["subject"], customer_id, keys)]


def _waiting(config: Config, customer_id: str, keys: set[tuple[str, str]]) -> list[Row]:
    """Decisions that the next run takes in."""
    return [
        {"at": decision.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "kind": decision.kind, "subject": decision.subject, "taken_in_by": None}
        for decision in inbox.pending(config.store_path)
        if _concerns(decision.subject, customer_id, keys)
    ]  # fmt: skip


def _concerns(subject: Mapping[str, Any], customer_id: str, keys: set[tuple[str, str]]) -> bool:
    named: Sequence[Any] = [
        subject.get("left"),
        subject.get("right"),
        [subject.get("system"), subject.get("record_id")],
    ]
    return subject.get("customer_id") == customer_id or any(tuple(key) in keys for key in named if key)
