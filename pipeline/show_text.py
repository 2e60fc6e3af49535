"""What `show` and `why` print for people. No control or direction mark of a value reaches the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mappings.canonical import UNITS
from pipeline.output import shown, text_table

WIDEST = 44
"""Values side by side are cut after so many characters; `--json` has them whole."""

Row = Mapping[str, Any]


def customer(found: Row) -> str:
    """One customer: values side by side, then where they came from, then everything that happened."""
    lines = [
        f"Customer {found['customer_id']}" + (f", since {_day(found['created_at'])}" if found["created_at"] else "")
    ]
    if found["also_known_as"]:
        lines.append(f"merged into it: {', '.join(found['also_known_as'])}")
    lines += ["", *_side_by_side(found)]
    sections = {
        "Where the values come from": _origins(found),
        "How the records are read": _readings(found),
        "Records": _records(found),
        "Not kept the same": (_kept_out(row) for row in found["not_kept"]),
        "Conflicts": (_conflict(row) for row in found["conflicts"]),
        "Possible matches": (_review(row) for row in found["reviews"]),
"Rejects": (_reject(row) for row in found["rejects"]),
        "Decisions": (_decision(row) for row in found["decisions"]),
        "Links": (_link(row) for row in found["links"]),
        "Reads": (line for row in found["reads"] for line in _read(row)),
        "Writes": (line for row in found["writes"] for line in _write(row)),
    }  # fmt: skip
    for title, content in sections.items():
        body = [f"  {shown(line)}" for line in content]
        lines += ["", title, *body] if body else []
    return "\n".join(lines)


def pair(found: Row) -> str:
    """The reasons of `why`, the outcome first."""
    outcome, *reasons = found["reasons"]
    return "\n".join([shown(outcome), *(f"  {shown(reason)}" for reason in reasons)])


def _side_by_side(found: Row) -> Iterator[str]:
    records = [record for record in found["records"] if record["deleted_at"] is None]
    head = [
        "",
        "customer",
        *(f"{r['system']}:{r['record_id']}" + ("" if r["is_primary"] else " (second)") for r in records),
    ]
    rows = []
    for unit in UNITS:
        value = found["values"].get(unit, {}).get("value")
        readings = [record["units"].get(unit) for record in records]
        if value is not None or any(
            reading and (reading["value"] is not None or reading["problem"]) for reading in readings
        ):
            rows.append([unit, _cut(_words(value)), *(_held(reading, value) for reading in readings)])
    yield text_table([shown(name) for name in head], rows, right=set()).rstrip("\n")


def _held(reading: Row | None, merged: Any) -> str:
    """One cell: what the record says, marked where that is not the customer's value. Empty: the system has no such field."""
    if reading is None:
        return ""
    words = "not understood" if reading["state"] == "unclear" else _words(reading["value"])
    words += " (by default)" if reading["state"] == "default" else ""
    differs = f" [{reading['agreed_to_differ']}]" if reading["agreed_to_differ"] else ""
    return _cut(words) + (differs if reading["value"] != merged else "")


def _origins(found: Row) -> Iterator[str]:
    for unit, value in found["values"].items():
        origin = f"{value['system']}:{value['record_id']}" if value["system"] else "a decision"
        yield f"{unit}: from {origin}" + (f", since {_time(value['since'])}" if value["since"] else "")


def _readings(found: Row) -> Iterator[str]:
    for record in found["records"]:
        for unit, reading in record["units"].items():
            why = [text for text in (reading["rule"], reading["evidence"], reading["problem"]) if text]
            raw = {path: value for path, value in reading["from"].items() if value not in (None, "")}
            if why and raw:
                typed = ", ".join(f"{path} = {value}" for path, value in raw.items())
                yield f"{record['system']}:{record['record_id']} {unit}: {typed} -> {_words(reading['value'])} ({'; '.join(why)})"


def _records(found: Row) -> Iterator[str]:
    for r in found["records"]:
        matched = f", matched on {', '.join(r['matched_on'])}" if r["matched_on"] else ""
        state = (
            f"gone since {_time(r['deleted_at'])}"
            if r["deleted_at"]
            else f"last changed {_time(r['source_updated_at'] or r['seen_at'])}"
        )
        yield f"{r['system']}:{r['record_id']}: first seen {_time(r['first_seen_at'])}{matched}, {state}"


def _kept_out(row: Row) -> str:
    return (
        f"{row['system']}: {row['reason']}"
        + (f" ({row['detail']})" if row["detail"] else "")
        + f", since {_time(row['since'])}"
    )


def _conflict(row: Row) -> str:
    said = ", ".join(f"{c['system']}:{c['record_id']} says {_words(c['value'])}" for c in row["candidates"] or [])
    return f"{_time(row['at'])}  {row['field']}: {said}; {row['policy']} chose {row['chosen_system'] or 'nobody: it waits for a person'}"


def _review(row: Row) -> str:
    records = f"{row['left_system']}:{row['left_record_id']} and {row['right_system']}:{row['right_record_id']}"
    state = (
        f"decided: {row['decision']}"
        if row["decision"]
        else f"customer-sync review merge {row['review_id']} (or apart)"
    )
    return f"{records}: agree in {', '.join(row['agree'] or [])}; differ in {', '.join(row['differ'] or [])}; {state}"


def _reject(row: Row) -> str:
    return f"{_time(row['since'])}  {row['system']}:{row['record_id'] or '?'} {row['stage']}: {row['reason']} {row['said'] or ''}"


def _decision(row: Row) -> str:
    subject = row["subject"]
    about = [":".join(subject[side]) for side in ("left", "right") if side in subject]
    about += [subject[name] for name in ("system", "record_id", "unit") if name in subject]
    about += [_words(subject["value"])] if "value" in subject else []
    state = "" if row["taken_in_by"] else " (waits for the next run)"
    return f"{_time(row['at'])}  {row['kind']}: {', '.join(str(part) for part in about) or 'this customer'}{state}"


def _link(row: Row) -> str:
    way = f"{row['from_customer']} -> {row['to_customer']}" if row["from_customer"] else f"-> {row['to_customer']}"
    return f"{_time(row['at'])}  {row['system']}:{row['record_id']} {row['cause']}: {way}  (run {row['run_id']})"


def _read(row: Row) -> Iterator[str]:
    what = (
        "first version" if row["first"] else "new version" if row["changed"] else "new version, nothing of ours in it"
    )
    yield f"{_time(row['seen_at'])}  {row['system']}:{row['record_id']} {what}  (run {row['run_id']})"
    if not row["first"]:
        yield from (
            f"      {unit}: {_words(before)} -> {_words(after)}" for unit, (before, after) in row["changed"].items()
        )


def _write(row: Row) -> Iterator[str]:
    trouble = ", ".join(
        str(part) for part in (row["reason"], row["http_status"], row["error"]) if part and row["status"] != "done"
    )
    record = f"{row['system']}:{row['record_id']}" if row["record_id"] else row["system"]
    yield (
        f"{_time(row['sent_at'])}  {row['operation']} {record}: {row['status']}"
        + (f" ({trouble})" if trouble else "")
        + f"  (run {row['run_id']})"
    )
    yield from (
        f"      {column}: {_words(before)} -> {_words(after)}" for column, (before, after) in row["fields"].items()
    )


def _words(value: Any) -> str:
    if value is None:
        return "(empty)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        if "full" in value:
            return str(value["full"])
        return ", ".join(str(part) for part in value.values() if part) or "(empty)"
    return str(value)


def _cut(text: str) -> str:
    text = shown(text)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def _time(text: str | None) -> str:
    """ISO text to the minute; the zone is UTC throughout."""
    return text[:16].replace("T", " ") if text else "?"


def _day(text: str) -> str:
    return text[:10]
