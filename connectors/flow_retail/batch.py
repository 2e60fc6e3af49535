"""Flow Retail's batch: the request made of writes, and what its answer says about each of them.

The shape of the answer is not documented (5.10 of the API reference), so every form that it may have is read, and
results are correlated by `customerUid` and `externalId`, never by position. What is not clearly said is not believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Operation, Payload, Record, Write
from connectors.flow_retail.models import body_of, raw_text, read_row, record_id

_LISTS = ("create", "update", "delete", "upsert")
_FLAT = ("items", "results", "data")
_ERRORS = ("error", "errors", "message", "errorCode")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server said about one item. `good` None: nothing that can be relied on."""

    operation: str | None
    uid: str | None
    reference: str | None
    good: bool | None
    status: int | None
    text: str
    record: Record | None


def batch_body(writes: Sequence[Write], empty: str | None) -> Payload:
    """The request: one list per operation that occurs."""
    body: Payload = {}
    for write in writes:
        body.setdefault(write.operation, []).append(item_body(write, empty))
    return body


def item_body(write: Write, empty: str | None) -> Payload:
    """One item: only what differs. `empty` is how a text is emptied; a create leaves empty fields out."""
    if write.operation == "create":
        fields = {path: value for path, value in write.fields.items() if value not in (None, "")}
        return body_of({**fields, "externalId": write.reference} if write.reference else fields)
    if write.operation == "delete":
        return {"customerUid": write.record_id}
    return {**update_body(write, empty), "customerUid": write.record_id}


def update_body(write: Write, empty: str | None) -> Payload:
    """The changed fields. An `externalId` that somebody else owns is never overwritten (trap 6)."""
    fields = {path: empty if value in (None, "") else value for path, value in write.fields.items()}
    owner = (write.present or {}).get("externalId")
    if "externalId" in fields and owner and owner != fields["externalId"]:
        del fields["externalId"]
    return body_of(fields)


def verdicts(data: Any, strict: bool = True) -> list[Verdict]:
    """Every result in a batch answer: lists per operation (form A), one flat list (B), only failures (C),
    nothing (D).
    """
    return [_verdict(operation, item, strict) for operation, item in _items(data)]


def _items(data: Any) -> Iterator[tuple[str | None, dict[str, Any]]]:
    if isinstance(data, list):
        lists: list[tuple[str | None, Any]] = [(None, data)]
    elif isinstance(data, dict):
        lists = [(name, data.get(name)) for name in _LISTS] + [(None, data.get(name)) for name in _FLAT]
    else:
        lists = []
    for operation, items in lists:
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                said = item.get("operation")
                yield operation or (said.lower() if isinstance(said, str) else None), item


def _verdict(operation: str | None, item: dict[str, Any], strict: bool) -> Verdict:
    status = _status(item.get("status"))
    failed = any(item.get(key) for key in _ERRORS)
    good = None
    if failed or (status is not None and status >= 300):
        good = False
    elif status is not None and 200 <= status < 300:
        good = True
    customer = next((item[key] for key in ("customer", "data") if isinstance(item.get(key), dict)), item)
    # A result that carries stamps is the stored customer itself.
    row = read_row(customer, strict) if "createdAt" in customer or "lastModifiedAt" in customer else None
    reference = item.get("externalId", customer.get("externalId"))
    return Verdict(
        operation,
        record_id(item.get("customerUid", customer.get("customerUid"))),
        reference if isinstance(reference, str) and reference else None,
        good,
        status,
        raw_text(item) if good is False else "",
        row if isinstance(row, Record) else None,
    )


def _status(value: Any) -> int | None:
    try:
        status = int(value)
    except (TypeError, ValueError):
        return None
    return status if 100 <= status < 600 else None


def correlated(writes: Sequence[Write], found: Sequence[Verdict]) -> dict[str, Verdict]:
    """Write key → its verdict. A write with contradicting verdicts has none, like one that is not mentioned."""
    by_uid = {write.record_id: write for write in writes if write.operation != "create"}
    by_reference = {write.reference: write for write in writes if write.operation == "create" and write.reference}
    matched: dict[str, list[Verdict]] = {}
    for verdict in found:
        write = None
        if verdict.operation != "create" and verdict.uid:
            write = by_uid.get(verdict.uid)
        if write is None and verdict.operation in {"create", None} and verdict.reference:
            write = by_reference.get(verdict.reference)
        if write is not None and verdict.operation in {write.operation, None}:
            matched.setdefault(write.key, []).append(verdict)
    return {key: group[0] for key, group in matched.items() if len({verdict.good for verdict in group}) == 1}


def reason_of(status: int | None) -> str:
    """The short code for a refusal."""
    return {403: "permission", 409: "conflict", 413: "too_large"}.get(status or 400, "validation")


def took(write: Write, payload: Mapping[str, Any]) -> bool:
    """Whether a stored customer holds everything that an update sent. Spelling that a server may change does not
    count.
    """
    return all(_loosely(_at(payload, path)) == _loosely(value) for path, value in write.fields.items())


def left_filled(write: Write, payload: Mapping[str, Any]) -> list[str]:
    """The paths that an update was to empty and that are not."""
    return [
        path for path, value in write.fields.items() if value in (None, "") and _at(payload, path) not in (None, "")
    ]


def _at(payload: Mapping[str, Any], path: str) -> Any:
    value: Any = payload
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _loosely(value: Any) -> Any:
    if value is None:
        return ""
    # Case, spaces and the punctuation of phone numbers: a server may tidy them (7).
    return "".join(char for char in value.casefold() if char not in " -()./") if isinstance(value, str) else value


def is_shell(payload: Mapping[str, Any]) -> bool:
    """Whether this is what a deletion may leave behind: a customer without name, company, e-mail and mobile (10)."""
    return not any(payload.get(key) for key in ("firstname", "lastname", "companyName", "email", "mobile"))


def rounds(writes: Sequence[Write]) -> Iterator[list[Write]]:
    """The writes in order, cut so that no customer occurs twice in one request: results could not be told apart."""
    group: list[Write] = []
    taken: set[tuple[Operation | None, str | None]] = set()
    for write in writes:
        name: tuple[Operation | None, str | None] = (
            ("create", write.reference) if write.operation == "create" else (None, write.record_id)
        )
        if name in taken:
            yield group
            group, taken = [], set()
        group.append(write)
        taken.add(name)
    if group:
        yield group
