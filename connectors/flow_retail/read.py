"""Flow Retail's reading side: the list calls of one tenant, and look-ups.

Section numbers are those of the API reference. Whole walks are in `walk.py`.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Literal

import phonenumbers

from connectors.base import Gone, Key, Payload, Record, Reject
from connectors.errors import BadAnswer, Incomplete
from connectors.flow_retail.models import Listing, raw_text, read_listing, read_row
from connectors.http import Answer, Http
from connectors.wire import segment

Order = tuple[Literal["createdAt", "lastModifiedAt"], Literal["ASC", "DESC"]]
OLDEST_FIRST: Order = ("createdAt", "ASC")
"""For whole walks: new customers land at the end (4)."""
NEWEST_FIRST: Order = ("lastModifiedAt", "DESC")
"""For what changed (11)."""

Row = Record | Reject
Fetch = Callable[[int], Listing | None]


class NotSortedError(Exception):
    """The rows are not in the order that was asked for: the sort is ignored or refused (4)."""


class Customers:
    """The list calls of one tenant. Thread-safe."""

    def __init__(self, http: Http, tenant: str, page_size: int) -> None:
        self._http, self.page_size = http, page_size
        self.path = f"tenants/{segment(tenant)}"
        self._probing = threading.Lock()
        self._base: int | None = None
        self.unsortable: set[Order] = set()

    def page(self, number: int, order: Order | None, *, size: int | None = None, reference: str = "") -> Listing | None:
        """One page of the list, or None when it is refused (400, 404): beyond the end, or a sort that is not known."""
        params = self._params(number, order, size)
        if reference:
            params["customerExternalId"] = reference
        answer = self._http.send("GET", f"{self.path}/customers", params=params)
        return _listing(answer)

    def search(self, number: int, body: Mapping[str, Any], path: str = "customers/search") -> Listing | None:
        """One page of a search: paging in the query, filters in the body (5.3). A POST that only reads."""
        answer = self._http.send(
            "POST",
            f"{self.path}/{path}",
            params=self._params(number, OLDEST_FIRST, None),
            json=dict(body),
            replay=True,
        )
        return _listing(answer)

    def _params(self, number: int, order: Order | None, size: int | None) -> dict[str, Any]:
        params: dict[str, Any] = {"pageNumber": number, "pageSize": size or self.page_size}
        if order and order not in self.unsortable:
            params["sortBy"], params["sortDirection"] = order
        return params

    def base(self) -> int:
        """The number of the first page, 0 or 1 (4). Undecided while there are no customers: then 1, and asked again."""
        with self._probing:
            if self._base is None:
                self._base = self._probe()
            return 1 if self._base is None else self._base

    def _probe(self) -> int | None:
        one = self.page(1, OLDEST_FIRST, size=1)
        if one is None:
            # Page 1 exists on both readings, if only as an empty one: so it is the sort that is refused.
            self.unsortable.add(OLDEST_FIRST)
            one = self.page(1, None, size=1)
        zero = self.page(0, OLDEST_FIRST, size=1)
        if one is None and zero is None:
            raise BadAnswer(
                "The list of customers is refused",
                code="list_refused",
                endpoint=f"GET /{self.path}/customers",
                hint="Check tenant and base_url",
            )
        if zero is None or not zero.rows:
            return 1 if one and one.rows else None
        if one is None or not one.rows:
            return 0
        return 1 if row_key(one.rows[0]) == row_key(zero.rows[0]) else 0


def _listing(answer: Answer) -> Listing | None:
    return read_listing(answer) if answer.status < 300 else None


@dataclass(frozen=True, slots=True)
class Step:
    """One page that was read. `fresh`: the rows that this pager had not met before. `again`: a page read a
    second time.
    """

    number: int
    listing: Listing
    fresh: tuple[Row, ...]
    again: bool
    recent: frozenset[str]
    """The keys of this page, for resuming."""
    unrepaired: bool = False
    """The total fell so often that the page before was not read again."""


def pages(
    fetch: Fetch,
    base: int,
    *,
    order: Order | None = None,
    seen: set[str] | None = None,
    start: int | None = None,
    recent: frozenset[str] = frozenset(),
) -> Iterator[Step]:
    """Read pages until the last one.

    With `order`, every row is checked against it (NotSortedError), so that a repeated row can only be one of the last
    pages and memory stays flat; without it, `seen` holds all keys. When the total falls between two pages, a deletion
    has hidden a row at the boundary: the page before is read again (11.2). Raises Incomplete when pages repeat
    themselves without end.
    """
    last_pages: deque[frozenset[str]] = deque([recent], maxlen=3)
    number, total, idle, steps_back = base if start is None else start, None, 0, 0
    stamp: datetime | None = None
    again = False
    while True:
        listing = fetch(number)
        if listing is None and number == base and order:
            raise NotSortedError
        if listing is None or not listing.rows:
            return
        if order:
            stamp = _last_stamp(listing, order, stamp)
        known = seen if seen is not None else frozenset().union(*last_pages)
        fresh, keys = _fresh(listing, known)
        if seen is not None:
            seen.update(keys)
        last_pages.append(keys)
        size = listing.size
        reached = (number - base + 1) * size if size else None
        fell = 0 if again or total is None or listing.total is None or number == base else total - listing.total
        repairs = fell > 0 and steps_back < 20 + number
        total = listing.total
        yield Step(number, listing, fresh, again, keys, unrepaired=fell > 0 and not repairs)
        if repairs:
            number, again, stamp = max(base, number - ceil(fell / (size or 1))), True, None
            steps_back += 1
            continue
        at_end = reached is None or total is None or reached >= total
        if size and total is not None and at_end and len(listing.rows) < size:
            return
        if not fresh and not again:
            idle += 1
            repeats_first = number == base + 1 and total is None and len(listing.rows) >= (size or 2)
            if at_end and not repeats_first:
                return  # past the end, some servers give the last page again
            if repeats_first or idle == 3:
                raise Incomplete(
                    "The same page comes again and again, whatever its number",
                    code="repeated_page",
                    endpoint="GET /customers",
                    hint="Check base_url; a proxy may drop the page number",
                )
        else:
            idle = 0
        number, again = number + 1, False


def row_key(row: Row) -> str:
    """What tells rows apart; a row without an id is its own text."""
    return row.record_id or f"{{{row.raw}" if isinstance(row, Reject) else row.record_id


def _fresh(listing: Listing, known: set[str] | frozenset[str]) -> tuple[tuple[Row, ...], frozenset[str]]:
    fresh: list[Row] = []
    here: dict[str, Row] = {}
    for row in listing.rows:
        key = row_key(row)
        first = here.setdefault(key, row)
        if first is not row:
            if isinstance(row, Record) and row != first and key not in known:
                fresh.append(Reject(row.record_id, "duplicate_id", raw_text(row.payload)))
        elif key not in known:
            fresh.append(row)
    return tuple(fresh), frozenset(here)


def _last_stamp(listing: Listing, order: Order, before: datetime | None) -> datetime | None:
    """The stamp of the last row that has one. Raises NotSortedError when a row is out of order."""
    ascending = order[1] == "ASC"
    for row in listing.records:
        stamp = row.created_at if order[0] == "createdAt" else row.updated_at
        if stamp is None:
            continue
        if before is not None and (stamp < before if ascending else stamp > before):
            raise NotSortedError
        before = stamp
    return before


def get(http: Http, customers: Customers, record_id: str) -> Record | Gone:
    """A fresh read. 404, or 410 on the other reading, is gone (10)."""
    answer = http.send("GET", f"{customers.path}/customers/{segment(record_id)}")
    if answer.status in {404, 410}:
        return Gone()
    row = read_row(answer.data, answer.strict)
    if answer.status >= 300 or not isinstance(row, Record) or row.record_id != record_id:
        raise BadAnswer(
            "The answer is not the customer that was asked for",
            code="not_the_customer",
            endpoint=f"GET /{customers.path}/customers/{{id}}",
            status=answer.status,
            hint="Run again; if it stays, check base_url",
            vendor_text=answer.text,
        )
    return row


def find(customers: Customers, key: Key, value: str) -> list[Record]:
    """Customers whose field equals `value`. The server's filter may be ignored or mean "contains": every row is
    checked.
    """
    if key == "reference":
        fetch: Fetch = lambda number: customers.page(number, OLDEST_FIRST, reference=value)  # noqa: E731
        return [record for record in _records(fetch, customers) if record.reference == value]
    name, same, asked = _SEARCHES[key]
    for text in asked(value):
        # Without `exactMatch`: an exact comparison could be one of case or spelling, and "contains" finds
        # at least as much.
        body = {name: text}
        fetch = lambda number, body=body: customers.search(number, body)  # type: ignore[misc]  # noqa: E731
        found = [record for record in _records(fetch, customers) if same(record.payload.get(name), value)]
        if found:
            return found
    return []


def _records(fetch: Fetch, customers: Customers) -> Iterator[Record]:
    # An ignored filter returns everybody, and the one that is looked for may be on any page (trap 4).
    for step in pages(fetch, customers.base(), seen=set()):
        yield from (row for row in step.fresh if isinstance(row, Record))


def same_email(stored: Any, email: str) -> bool:
    return isinstance(stored, str) and _folded(stored).casefold() == email.casefold()


def same_phone(stored: Any, e164: str) -> bool:
    """Whether a number as the till spells it is `e164`: digits compared, with or without calling code and trunk
    zero.
    """
    if not isinstance(stored, str) or not stored:
        return False
    text = _folded(stored)
    digits = "".join(str(int(char)) for char in text if char.isdecimal())
    wanted = e164.lstrip("+")
    if text.startswith("+") or digits.startswith("00"):
        return digits.removeprefix("00") == wanted
    return digits == wanted or (len(wanted) > 7 and digits.lstrip("0") == national_number(e164))


def same_vat(stored: Any, vat: str) -> bool:
    """Compared in upper-case letters and digits; the country prefix and Norway's MVA may be missing."""
    if not isinstance(stored, str):
        return False
    text = _bare_vat(stored)
    return bool(text) and text in {_bare_vat(vat), _bare_vat(vat)[2:]}


def national_number(e164: str) -> str:
    """The number without its calling code, as digits; the whole when it cannot be split."""
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return e164.lstrip("+")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _bare_vat(text: str) -> str:
    bare = re.sub(r"[^0-9A-Z]", "", _folded(text).upper())
    return bare.removesuffix("MVA") if re.fullmatch(r"(NO)?\d{9}MVA", bare) else bare


def _without_prefix(vat: str) -> list[str]:
    return list(dict.fromkeys([_bare_vat(vat)[2:], vat]))


_SEARCHES: dict[str, tuple[str, Callable[[Any, str], bool], Callable[[str], list[str]]]] = {
    "email": ("email", same_email, lambda value: [value]),
    "phone": ("mobile", same_phone, lambda value: list(dict.fromkeys([national_number(value), value]))),
    "vat_number": ("vatNumber", same_vat, _without_prefix),
}
"""Key → field, comparison, and the texts to search for, shortest first: it is contained in more spellings."""


def plain(answer: Answer) -> Payload | None:
    """The JSON of an answer, or None when there is no such thing (404)."""
    if answer.status in {404, 410}:
        return None
    data: Payload = answer.data if isinstance(answer.data, dict) else {}
    return data
