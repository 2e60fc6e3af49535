"""What Inventorum's answers look like, and how much of it is relied on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict, StrictInt

from connectors.base import Record, Reject
from connectors.http import Answer
from connectors.wire import is_sound, segment

DOCUMENTED = frozenset({
    "account_scoped_id", "billing_address", "birthday", "channel", "company", "country_code", "customer_note",
    "email", "email_marketing_agreed", "first_name", "group", "id", "is_b2b", "is_confirmed", "is_favourite",
    "is_vip", "last_name", "middle_name", "note", "phone_number", "phone_numbers", "shipping_address", "tax_number",
    "title", "total_sales",
})  # fmt: skip
"""The keys of a customer (7.1)."""


class Envelope(BaseModel):
    model_config = ConfigDict(extra="allow")

    total: StrictInt
    data: list[Any]


_Text = str | int | float | bool | None
"""A text member of a row: numbers are for the mapping to judge, objects and lists are for nobody."""


class _Address(msgspec.Struct):
    address1: _Text = None
    address2: _Text = None
    zipcode: _Text = None
    city: _Text = None
    state: _Text = None
    country: _Text = None
    first_name: _Text = None
    last_name: _Text = None
    company: _Text = None
    title: _Text = None


class _Row(msgspec.Struct):
    """The fields relied on, as leniently as they can be relied on. (msgspec: rows are checked by the million.)"""

    id: int | str
    first_name: _Text = None
    last_name: _Text = None
    company: _Text = None
    title: _Text = None
    email: _Text = None
    phone_number: _Text = None
    phone_numbers: list[dict[str, Any]] | None = None
    birthday: _Text = None
    note: _Text = None
    tax_number: _Text = None
    billing_address: _Address | None = None
    shipping_address: list[_Address] | None = None


def one(record_id: str) -> str:
    """The path of one customer."""
    return f"customers/{segment(record_id)}/"


def record_of(row: Any, *, strict: bool) -> Record | Reject:
    """One row, or why it could not be understood."""
    if not isinstance(row, dict):
        return Reject(None, "not_an_object", raw(row))
    record_id = id_of(row)
    if record_id is None:
        return Reject(None, "missing_id" if row.get("id") is None else "bad_id", raw(row))
    try:
        msgspec.convert(row, _Row)
    except msgspec.ValidationError as exc:
        where = re.search(r"`\$\.([\w.]+)", str(exc))
        return Reject(record_id, f"wrong_type:{where[1]}" if where else "wrong_type", raw(row))
    if not strict and not is_sound(row):
        return Reject(record_id, "broken_text", raw(row))
    return Record(record_id, row)


def id_of(row: Mapping[str, Any]) -> str | None:
    value = row.get("id")
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return str(value)
    if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]{0,18}", value):
        return value
    return None


def raw(row: Any) -> str:
    return json.dumps(row)


def only(answer: Answer, record_id: str | None) -> Record | None:
    """The customer in an answer, in any of the three shapes (6.4), and only the one asked for (trap 6)."""
    data = answer.data
    shapes = [data]
    if isinstance(data, dict):
        inner = data.get("data")
        shapes += inner if isinstance(inner, list) else [inner]
    for shape in shapes:
        if isinstance(shape, dict):
            taken = record_of(shape, strict=answer.strict)
            if isinstance(taken, Record) and (taken.record_id == record_id or record_id is None):
                return taken
    return None
