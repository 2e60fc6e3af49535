"""Foodics's answers: what is relied on, how a row becomes a record, and how values compare.

Section numbers are those of the API reference. Only envelopes are pydantic models; rows come by the thousand and are
checked by hand for the few keys that the connector itself needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ValidationError

from connectors.base import Record, Reject
from connectors.errors import BadAnswer
from connectors.http import Answer
from connectors.wire import is_sound

_ID = re.compile(r"[^\s/?#\x00-\x1f\x7f]{1,200}")
_HYPHENS = re.compile(r"(\d{4}-\d\d-\d\d[ T]\d\d)-(\d\d)-(\d\d)")
BOOLEANS = frozenset({"is_blacklisted", "is_loyalty_enabled", "is_house_account_enabled"})


def _count(value: Any) -> int | None:
    """A number that may come as text; anything else, or a negative one, counts as not sent."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if number >= 0 else None


Count = Annotated[int | None, BeforeValidator(_count)]

DOCUMENTED = frozenset({
    "addresses", "birth_date", "created_at", "deleted_at", "dial_code", "email", "gender", "house_account_balance",
    "house_account_limit", "id", "is_blacklisted", "is_house_account_enabled", "is_loyalty_enabled",
    "last_order_at", "loyalty_balance", "name", "notes", "order_count", "phone", "tags", "updated_at",
})  # fmt: skip
"""The keys of a customer (7)."""


class Meta(BaseModel):
    """The server's own arithmetic (5)."""

    per_page: Count = None
    total: Count = None


class Envelope(BaseModel):
    """A list of customers (5). `links` is never followed: it may lack the filters, or name another host (trap 4)."""

    data: list[Any]
    meta: Meta | None = None


class Business(BaseModel):
    reference: str | int | None = None
    id: str | int | None = None
    name: str | None = None


class Identity(BaseModel):
    """Whose token this is (2). Every part of it is optional for us."""

    business: Business | None = None
    scopes: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. `size`: rows per page as the server says, None when it does not."""

    rows: tuple[Record | Reject, ...]
    size: int | None
    total: int | None

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(row for row in self.rows if isinstance(row, Record))

    @property
    def stamps(self) -> list[datetime]:
        return [record.updated_at for record in self.records if record.updated_at]


def read_listing(answer: Answer) -> Listing:
    """The page in an answer. Raises BadAnswer when it is not a list of customers."""
    try:
        envelope = Envelope.model_validate(answer.data)
    except ValidationError as exc:
        raise BadAnswer(
            "The answer is not a list of customers",
            code="not_a_list",
            endpoint="GET /customers",
            status=answer.status,
            hint="Check base_url",
            vendor_text=answer.text,
        ) from exc
    meta = envelope.meta or Meta()
    return Listing(tuple(read_row(item, answer.strict) for item in envelope.data), meta.per_page or None, meta.total)


def read_object(answer: Answer) -> Record | None:
    """The customer in `{"data": {…}}` (or bare), or None when there is none."""
    data = answer.data
    if isinstance(data, dict) and isinstance(data.get("data"), dict):
        data = data["data"]
    row = read_row(data, answer.strict)
    return row if isinstance(row, Record) else None


def read_row(item: Any, strict: bool = True) -> Record | Reject:
    """One customer as a record. Dates that cannot be read are None; unknown keys stay in the payload."""
    if not isinstance(item, dict):
        return Reject(None, "not_an_object", raw_text(item))
    found = record_id(item.get("id"))
    if found is None:
        return Reject(None, "no_id" if item.get("id") in (None, "") else "bad_id", raw_text(item))
    if not strict and not is_sound(item):
        return Reject(found, "broken_text", raw_text(item))
    return Record(
        found,
        item,
        created_at=read_time(item.get("created_at")),
        updated_at=read_time(item.get("updated_at")),
        deleted_at=read_time(item.get("deleted_at")),
    )


def record_id(value: Any) -> str | None:
    """An id as text, or None for one that cannot be an id or could not be put into an address."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _ID.fullmatch(value) or value in {".", ".."} or not is_sound(value):
        return None
    return value


def read_time(value: Any) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS` in UTC (7, Time); hyphens for colons, `T`, zones and fractions are taken too. None:
    no time.
    """
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(_HYPHENS.sub(r"\1:\2:\3", value.strip()))
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def time_text(time: datetime) -> str:
    """A time as filters want it."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def raw_text(item: Any) -> str:
    """The row as JSON in ASCII, so that broken text can be stored too."""
    return json.dumps(item, ensure_ascii=True, separators=(",", ":"))


def read_flag(value: Any) -> bool | None:
    """A boolean however it is written (7): true, 1, "1", "true"."""
    if isinstance(value, bool):
        return value
    return {"1": True, "0": False, "true": True, "false": False}.get(str(value).strip().lower())


def read_day(value: Any) -> date | None:
    """A birth date that the API would take back."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def meaning(payload: Mapping[str, Any], path: str) -> Any:
    """A field's value for comparisons: 1 is true, "966" is 966, "" and null are nothing; a missing field is `...`."""
    value: Any = payload
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ...
        value = value[part]
    if path in BOOLEANS:
        return read_flag(value)
    if path == "tags" and isinstance(value, list):
        return sorted(str(tag.get("id")) if isinstance(tag, dict) else str(tag) for tag in value)
    if path in {"dial_code", "gender", "phone"} and isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value).strip().lstrip("+" if path == "dial_code" else "")
        return text or None
    return None if value == "" else value
