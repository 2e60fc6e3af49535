"""Flow Retail's answers: what is relied on, and how a row becomes a record.

Section numbers are those of the API reference. Only the envelope and the sub-resources are pydantic models; rows come
by the million and are checked by hand for the few keys that the connector itself needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from connectors.base import Payload, Record, Reject
from connectors.errors import BadAnswer
from connectors.http import Answer
from connectors.wire import is_sound

_ID = re.compile(r"[^\s/?#\x00-\x1f\x7f]{1,200}")


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
    "accountManager", "address", "addresses", "city", "companyName", "consents", "contacts", "countryCode",
    "createdAt", "credit", "customerGroupUids", "customerType", "customerUid", "defaultStoreUid", "displayName",
    "ehf", "email", "extensions", "externalId", "firstname", "internalNote", "lastModifiedAt", "lastname",
    "ledgerNumber", "loyaltyId", "mobile", "origin", "paymentTerms", "postalCode", "pricelistUid", "vatNumber",
})  # fmt: skip
"""The keys of a customer (6.1, and what full answers go on with)."""


class Paging(BaseModel):
    """The server's own arithmetic (4): the page size may be clamped, the total missing or an estimate."""

    size: Count = Field(None, alias="pageSize")
    total: Count = Field(None, alias="totalCount")


class Envelope(BaseModel):
    """A list of customers (4)."""

    items: list[Any]
    paging: Paging | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. `size` is the page size the server really used, None when it did not say."""

    rows: tuple[Record | Reject, ...]
    size: int | None
    total: int | None

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(row for row in self.rows if isinstance(row, Record))


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
            hint="Check base_url and tenant",
            vendor_text=answer.text,
        ) from exc
    paging = envelope.paging or Paging()
    return Listing(tuple(read_rows(envelope.items, answer.strict)), paging.size or None, paging.total)


def read_rows(items: Iterable[Any], strict: bool) -> Iterable[Record | Reject]:
    """Every row as a record, or as a reject with the reason. `strict` False: each row is checked for broken text."""
    for item in items:
        yield read_row(item, strict)


def read_row(item: Any, strict: bool = True) -> Record | Reject:
    """One customer as a record. Dates that cannot be read are None; unknown keys stay in the payload."""
    if not isinstance(item, dict):
        return Reject(None, "not_an_object", raw_text(item))
    uid = record_id(item.get("customerUid"))
    if uid is None:
        return Reject(None, "no_id" if item.get("customerUid") in (None, "") else "bad_id", raw_text(item))
    if not strict and not is_sound(item):
        return Reject(uid, "broken_text", raw_text(item))
    reference = item.get("externalId")
    return Record(
        uid,
        item,
        created_at=read_time(item.get("createdAt")),
        updated_at=read_time(item.get("lastModifiedAt")),
        reference=reference if isinstance(reference, str) and reference else None,
    )


def record_id(value: Any) -> str | None:
    """An id as text, or None for one that cannot be an id or could not be put into an address."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not _ID.fullmatch(value) or value in {".", ".."} or not is_sound(value):
        return None
    return value


def read_time(value: Any) -> datetime | None:
    """RFC 3339 with 0–9 fraction digits and any offset (9); without an offset it is UTC. None for what is no time."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def raw_text(item: Any) -> str:
    """The row as JSON in ASCII, so that broken text can be stored too."""
    return json.dumps(item, ensure_ascii=True, separators=(",", ":"))


def body_of(fields: Payload) -> Payload:
    """Dotted paths as nested objects: {"ehf.enabled": true} is {"ehf": {"enabled": true}}."""
    body: Payload = {}
    for path, value in fields.items():
        *parents, last = path.split(".")
        place = body
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return body
