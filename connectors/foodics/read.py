"""Foodics's reading side: list calls and look-ups. Section numbers are those of the API reference; walks are in
`walk.py`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import phonenumbers

from connectors.base import Gone, Key, Record, Reject
from connectors.errors import BadAnswer, Incomplete
from connectors.foodics.models import Listing, meaning, read_listing, read_object
from connectors.http import Http
from connectors.wire import segment

INCLUDES = "tags,addresses"
"""What is not asked for is absent, which means unknown, not empty (6.1)."""
PAGE_CAP = 10
"""Some resources show no rows beyond this page (5)."""

Row = Record | Reject


class Customers:
    """The list calls of one business."""

    def __init__(self, http: Http, page_size: int) -> None:
        self._http, self.page_size = http, page_size

    def page(self, number: int, *, sort: str | None = None, **filters: str) -> Listing | None:
        """One page, or None when it is refused (400, 404, 422): a sort or filter that is not known, or past a cap.

        Every address is built here; `links.next` may lack the filters or name another host (trap 4).
        """
        params: dict[str, Any] = {"page": number, "per_page": self.page_size, "include": INCLUDES}
        if sort:
            params["sort"] = sort
        params.update({f"filter[{name}]": value for name, value in filters.items()})
        answer = self._http.send("GET", "customers", params=params)
        return read_listing(answer) if answer.status < 300 else None


def row_key(row: Row) -> tuple[str, Any]:
    """What tells versions of rows apart: the id and the stamp as received, or the raw text."""
    if isinstance(row, Reject):
        return f"{{{row.record_id}", row.raw
    stamp = row.payload.get("updated_at")
    return row.record_id, stamp if isinstance(stamp, str) else None


def get(http: Http, record_id: str) -> Record | Gone:
    """A fresh read. A soft-deleted customer is a 404, or comes with `deleted_at` (6.2)."""
    answer = http.send("GET", f"customers/{segment(record_id)}", params={"include": INCLUDES})
    if answer.status in {404, 410}:
        return Gone()
    record = read_object(answer) if answer.status < 300 else None
    if record is None or record.record_id != record_id:
        raise BadAnswer(
            "The answer is not the customer that was asked for",
            code="not_the_customer",
            endpoint="GET /customers/{id}",
            status=answer.status,
            hint="Run again; if it stays, check base_url",
            vendor_text=answer.text,
        )
    return record


def find(customers: Customers, key: Key, value: str) -> list[Record]:
    """Customers with this phone (E.164) or e-mail, live ones first asked for; deleted ones when no live one is found.

    The filters may be ignored or mean "contains", so every row is checked (traps 6 and 7).
    """
    if key not in {"email", "phone"}:
        return []
    if key == "email":
        asked = [{"email": value}]
        same: Callable[[Record], bool] = lambda record: _same_email(record, value)  # noqa: E731
    else:
        try:
            code, number = split_phone(value)
        except ValueError:
            return []
        # A trunk zero may be stored either way (8).
        asked = [{"phone": text, "dial_code": code} for text in (number, f"0{number}")]
        same = lambda record: same_phone(record.payload, code, number)  # noqa: E731
    for deleted in ({}, {"is_deleted": "true"}):
        for filters in asked:
            rows, ignored = _matching(customers, {**filters, **deleted})
            found = [record for record in rows if same(record)]
            if found:
                return found
            if ignored:
                break  # that was everybody
    return []


def _matching(customers: Customers, filters: dict[str, str]) -> tuple[list[Record], bool]:
    """All rows of a filtered list, and whether the filter seems to be ignored."""
    rows: list[Record] = []
    ignored = False
    for listing in _pages(customers, filters):
        rows += listing.records
        text = filters.get("email") or filters["phone"]
        ignored = ignored or any(text.casefold() not in _searched(record, filters) for record in listing.records)
    return rows, ignored


def _searched(record: Record, filters: dict[str, str]) -> str:
    value = record.payload.get("email" if "email" in filters else "phone")
    return str(value).casefold()


def _pages(customers: Customers, filters: dict[str, str]) -> Iterator[Listing]:
    seen: set[str] = set()
    number = 1
    while True:
        listing = customers.page(number, **filters)
        if listing is None or not listing.rows:
            break
        new = {record.record_id for record in listing.records} - seen
        seen |= new
        yield listing
        if not new or (listing.size and len(listing.rows) < listing.size):
            return
        if listing.total is not None and len(seen) >= listing.total:
            return
        number += 1
    if number == PAGE_CAP + 1:
        raise Incomplete(
            f"The list ends after {PAGE_CAP} pages, so that a look-up cannot be sure",
            code="page_cap",
            endpoint="GET /customers",
            hint="Ask the vendor whether the filters of the customer list are switched off for this account",
        )


def split_phone(e164: str) -> tuple[str, str]:
    """Calling code and national part, as Foodics keeps them. Raises ValueError for what is no E.164 number."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException as exc:
        raise ValueError("not a phone number in E.164") from exc
    return str(number.country_code), phonenumbers.national_significant_number(number)


def same_phone(payload: dict[str, Any], code: str, number: str) -> bool:
    """Whether a record holds this number: dial code and digits, with or without trunk zero."""
    dial, phone = meaning(payload, "dial_code"), payload.get("phone")
    if not isinstance(phone, str) or dial is ... or dial is None:
        return False
    digits = "".join(str(int(char)) for char in phone if char.isdecimal())
    return str(dial) == code and digits.lstrip("0") == number.lstrip("0") and digits != ""


def _same_email(record: Record, email: str) -> bool:
    stored = record.payload.get("email")
    return isinstance(stored, str) and unicodedata.normalize("NFKC", stored).strip().casefold() == email.casefold()
