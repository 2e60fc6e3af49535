"""Who are they, how does each stand in each system, where did every value come from, and what happened to it?

Reads: the snapshot and the inbox. Writes: nothing.
"""

# ruff: noqa: S608  SQL is put together from our own constants and names; what comes from outside is always bound

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from mappings.canonical import COLUMNS, UNIT_COLUMNS
from pipeline.web import conflicts, data
from pipeline.web.view import PAGE_ROWS, Asked, Missing, View, pager

EVENTS = 200
"""Of one customer's history: more is a matter for `customer-sync query`."""

_SEPARATORS = re.compile(r"[\s./()-]+")
_FILTERS = ("q", "system", "state", "reason")
_UNIT_OF = {column: unit for unit, columns in UNIT_COLUMNS.items() for column in columns}
_SHOWN_COLUMNS = tuple(column for column in COLUMNS if column != "mobile")


def load(asked: Asked) -> dict[str, Any]:
    """One page of customers: found by name, e-mail, phone, VAT number or id, and by how they stand in a system."""
    chosen = asked.chosen(*_FILTERS)
    systems = list(asked.config.systems)
    where, bound = _conditions(chosen)
    total = data.count(asked.con, f"SELECT count(*) FROM core.customers AS c WHERE {where}", bound)
    found = data.rows(
        asked.con,
        f"""
        SELECT customer_id, full_name, company, email, phone, vat_number, city, country FROM core.customers AS c WHERE {where}
        ORDER BY lower(strip_accents(coalesce(full_name, company, email, phone, ''))), customer_id
        LIMIT {PAGE_ROWS} OFFSET {asked.offset}
        """,
        bound,
    )
    places = data.places(asked.con, [row["customer_id"] for row in found], systems)
    return {
        "chosen": chosen,
        "customers": [row | {"places": places[row["customer_id"]]} for row in found],
        "pager": pager(asked, total, chosen),
    }


def _conditions(chosen: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """What the filters ask for, as SQL over core.customers (c) with bound values."""
    parts, bound = ["true"], dict[str, Any]()
    text = " ".join(chosen.get("q", "").split())
    if text:
        packed = _SEPARATORS.sub("", text)
        number = packed.lstrip("+").removeprefix("00").lstrip("0")
        likely_number = number if number.isdigit() and len(number) >= 4 else None
        bound |= {"text": text, "packed": packed, "number": likely_number}
        parts.append("""(
            contains(lower(strip_accents(coalesce(c.full_name, '') || ' ' || coalesce(c.company, ''))), lower(strip_accents($text)))
            OR contains(c.email, lower($text)) OR contains(c.phone, $number::VARCHAR) OR starts_with(c.vat_number, upper($packed))
            OR c.customer_id = $text OR c.customer_id IN (
                SELECT customer_id FROM core.links WHERE record_id = $text OR system || ':' || record_id = $text
            )
        )""")
    state = chosen.get("state")
    asked_for = {name: chosen[name] for name in ("system", "reason") if name in chosen}
    same = "".join(f" AND x.{name} = ${name}" for name in asked_for)
    exceptions = f"SELECT x.customer_id FROM ({data.EXCEPTIONS}) AS x WHERE true"
    if state in (data.FAILING, data.HELD, data.EXCLUDED) or (state is None and asked_for):
        with_state = " AND x.state = $state" if state else ""
        bound |= asked_for | ({"state": state} if state else {})
        parts.append(f"c.customer_id IN ({exceptions}{with_state}{same})")
    elif state in (data.IN_SYNC, data.PENDING) and "system" in chosen:
        bound["system"] = chosen["system"]
        is_in = "" if state == data.IN_SYNC else "NOT "
        parts.append(f"c.customer_id {is_in}IN (SELECT customer_id FROM ({data.LIVE}) WHERE system = $system)")
        parts.append(f"c.customer_id NOT IN ({exceptions} AND x.system = $system)")
    return " AND ".join(parts), bound


def load_customer(asked: Asked) -> dict[str, Any]:
    """One customer: how it stands in each system, every value with its source, its conflicts, and what happened."""
    customer_id = asked.path["customer_id"]
    con = asked.con
    customer = data.one(
        con, "SELECT * EXCLUDE (merged, settled) FROM core.customers WHERE customer_id = ?", [customer_id]
    )
    if customer is None:
        moved = data.one(con, "SELECT merged_into FROM core.identities WHERE customer_id = ?", [customer_id])
        raise Missing(
            f"This customer was merged into {moved['merged_into']}." if moved and moved["merged_into"]
            else "There is no such customer as of the last run."
        )  # fmt: skip
    sources = customer.pop("sources") or {}
    keys = con.execute(
        "SELECT system, record_id FROM core.links WHERE customer_id = ? ORDER BY system, NOT is_primary, record_id",
        [customer_id],
    ).fetchall()
    records = list(data.records(con, keys).values())
    in_conflict = conflicts.described(
        asked,
        data.rows(con, f"SELECT * FROM ({conflicts.LATEST}) WHERE customer_id = ? ORDER BY field", [customer_id]),
    )
    return {
        "customer": customer,
        "places": data.places(con, [customer_id], list(asked.config.systems))[customer_id],
        "records": records,
        "values": _values(customer, sources, records, in_conflict),
        "conflicts": in_conflict,
        "reviews": data.rows(
            con,
            "WITH own AS (SELECT system, record_id FROM core.links WHERE customer_id = ?) SELECT * FROM reviews WHERE decision IS NULL"
            " AND ((left_system, left_record_id) IN (FROM own) OR (right_system, right_record_id) IN (FROM own)) ORDER BY since, review_id",
            [customer_id],
        ),
        "rejects": data.rows(
            con,
            "SELECT system, record_id, stage, reason, payload, since FROM core.rejects WHERE customer_id = $id"
            " OR (system, record_id) IN (SELECT (system, record_id) FROM core.links WHERE customer_id = $id) ORDER BY since DESC",
            {"id": customer_id},
        ),
        "events": _events(asked, customer_id)[:EVENTS],
    }  # fmt: skip


def _values(
    customer: data.Row,
    sources: Mapping[str, Sequence[Any]],
    records: Sequence[data.Row],
    in_conflict: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """One row per field that is known anywhere: its value, where that came from and why, and what each record says."""
    conflict_of = {row["field"]: row for row in in_conflict}
    found = []
    for column in _SHOWN_COLUMNS:
        said = [
            {
                "system": record["system"],
                "record_id": record["record_id"],
                "value": record[column],
                "state": record["readings"].get(_UNIT_OF[column], "absent"),
            }
            for record in records
            if record["deleted_at"] is None
        ]
        if customer[column] is None and not any(one["value"] is not None and one["state"] == "value" for one in said):
            continue
        source = sources.get(_UNIT_OF[column]) if customer[column] is not None else None
        found.append(
            {
                "field": column,
                "value": customer[column],
                "source": _source(*source) if source else None,
                "why": _why(customer[column], said, conflict_of.get(_UNIT_OF[column])),
                "said": [
                    one | {"differs": one["value"] != customer[column] and one["state"] not in ("default", "absent")}
                    for one in said
                ],
            }
        )
    return found


def _source(system: str, record_id: str, since: str | None) -> dict[str, Any]:
    moment = data.iso(datetime.fromisoformat(since)) if since else None
    return {"system": system, "record_id": record_id, "since": moment}


def _why(value: Any, said: Sequence[Mapping[str, Any]], conflict: Mapping[str, Any] | None) -> str:
    """Why this value is the customer's, in a few words."""
    if conflict and conflict["decided"]:
        return "you chose it"
    if conflict and conflict["chosen_system"]:
        return {"newest": "the newest of several changes", "prefer": "preferred among several changes"}.get(
            conflict["policy"], f"won a conflict ({conflict['policy']})"
        )
    if conflict and conflict["waiting"]:
        return "waits for your choice"
    having = [one for one in said if one["value"] == value]
    speaking = [one for one in said if one["value"] is not None and one["state"] == "value"]
    if value is None:
        return "emptied, or not agreed"
    if len(having) == len(speaking) and len(speaking) > 1:
        return "all tills agree" if len(having) == len(said) else "all tills that have it agree"
    return "only this till has it" if len(speaking) == 1 else "the newest, or preferred at first contact"


def _events(asked: Asked, customer_id: str) -> list[dict[str, Any]]:
    """What happened, newest first: versions read, links, writes, conflicts, decisions."""
    events = [
        *_versions(asked, customer_id),
        *data.rows(
            asked.con,
            "SELECT sent_at AS at, 'write' AS kind, system, record_id, run_id, operation, status, error, fields FROM writes"
            " WHERE customer_id = ?",
            [customer_id],
        ),
        *data.rows(
            asked.con,
            "SELECT \"at\", 'link' AS kind, system, record_id, run_id, from_customer, to_customer, cause FROM core.link_log"
            " WHERE from_customer = $id OR to_customer = $id",
            {"id": customer_id},
        ),
        *data.rows(
            asked.con,
            "SELECT \"at\", 'conflict' AS kind, field, chosen_system, policy, run_id FROM conflicts WHERE customer_id = ?",
            [customer_id],
        ),
        *data.rows(
            asked.con,
            """
            SELECT "at", 'decision' AS kind, d.kind AS decision, subject FROM core.decisions AS d
            WHERE json_extract_string(subject, '$.customer_id') = $id OR EXISTS (
                SELECT 1 FROM core.links AS l WHERE l.customer_id = $id AND (l.system, l.record_id) IN (
                    (json_extract_string(subject, '$.left[0]'), json_extract_string(subject, '$.left[1]')),
                    (json_extract_string(subject, '$.right[0]'), json_extract_string(subject, '$.right[1]')),
                    (json_extract_string(subject, '$.system'), json_extract_string(subject, '$.record_id'))
                )
            )
            """,
            {"id": customer_id},
        ),
    ]
    order = {"decision": 0, "conflict": 1, "write": 2, "link": 3, "read": 4}
    events.sort(key=lambda event: order[event["kind"]])
    events.sort(key=lambda event: event["at"] or "", reverse=True)
    return events


def _versions(asked: Asked, customer_id: str) -> Iterator[dict[str, Any]]:
    """Each version of each record as the fields that differ from the version before it."""
    before: dict[tuple[str, str], dict[str, Any]] = {}
    for row in data.rows(
        asked.con,
        "SELECT h.system, h.record_id, h.seen_at, h.run_id, h.payload FROM history AS h JOIN links AS l USING (system, record_id)"
        " WHERE l.customer_id = ? ORDER BY h.seen_at, h.run_id, h.content_hash",
        [customer_id],
    ):
        key, payload = (row["system"], row["record_id"]), row["payload"] or {}
        old = before.get(key)
        changed = {} if old is None else {
            name: [old.get(name), payload.get(name)]
            for name in sorted({*old, *payload}) if old.get(name) != payload.get(name)
        }  # fmt: skip
        before[key] = payload
        yield {
            "at": row["seen_at"], "kind": "read", "system": row["system"], "record_id": row["record_id"], "run_id": row["run_id"],
            "is_first": old is None, "changed": changed,
        }  # fmt: skip


VIEWS = (
    View("/customers", "customers.html", load),
    View("/customers/{customer_id}", "customer.html", load_customer),
)
