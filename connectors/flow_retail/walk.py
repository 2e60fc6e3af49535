"""Flow Retail's walks: everything oldest first, or what changed newest first (sections 4 and 11 of the API reference).

A whole walk is proved complete: as many customers were seen as there were when it began, in an order that was checked
row by row. Where that cannot be shown (no totals, sort ignored), it is repeated until two passes agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from connectors.base import End, Page, Record, Reject, Restart
from connectors.errors import Incomplete
from connectors.flow_retail.models import read_time
from connectors.flow_retail.read import (
    NEWEST_FIRST,
    OLDEST_FIRST,
    Customers,
    NotSortedError,
    Row,
    Step,
    pages,
    row_key,
)

OVERLAP = timedelta(minutes=5)
"""How far behind the cursor an incremental walk reads: commits may become visible late (11.1)."""
PASSES = 6
"""How often a whole walk is begun at most until it is proved."""

Walk = Iterator[Page | Restart | End]


def walk(customers: Customers, cursor: dict[str, Any] | None, *, full: bool, resume: dict[str, Any] | None) -> Walk:
    """What changed since `cursor`, or everything."""
    since = read_time(cursor.get("watermark")) if cursor else None
    if cursor and since and not full and not resume:
        begun = False
        try:
            for item in _changes(customers, since, bool(cursor.get("sorted"))):
                yield item
                begun = True
            return
        except NotSortedError:
            if begun:
                yield Restart("order_not_honoured")
    yield from _everything(customers, resume)


def _changes(customers: Customers, since: datetime, sorted_before: bool) -> Walk:
    """Newest first until older than `since` and the overlap. Raises NotSortedError when the order does not hold."""
    until = since - OVERLAP
    base = customers.base()
    newest, proved = since, sorted_before
    for step in pages(lambda number: customers.page(number, NEWEST_FIRST), base, order=NEWEST_FIRST):
        records = step.listing.records
        if step.number == base and not step.again:
            proved = proved or _proves_order(customers, step)
            newest = max((record.updated_at for record in records if record.updated_at), default=since)
        if step.fresh:
            yield _page(step.fresh)
        oldest = next((record.updated_at for record in reversed(records) if record.updated_at), None)
        if oldest and oldest < until:
            break
    yield End({"watermark": newest.isoformat(), "sorted": proved}, full=False, watermark=newest)


def _proves_order(customers: Customers, step: Step) -> bool:
    """Whether the first page shows that `lastModifiedAt` was really sorted by.

    A server that ignores the sort and lists the newest customers first looks right as long as nobody was edited. Then
    the other direction is asked for: it must begin with somebody else. Raises NotSortedError when it does not.
    """
    created = [record.created_at for record in step.listing.records if record.created_at]
    if created != sorted(created, reverse=True):
        return True
    total, records = step.listing.total, step.listing.records
    if len(records) < 2 or (total is not None and len(records) >= total):
        return False
    last = customers.page(customers.base(), ("lastModifiedAt", "ASC"), size=1)
    if last is None or (last.rows and row_key(last.rows[0]) == row_key(step.listing.rows[0])):
        raise NotSortedError
    return True


@dataclass(slots=True)
class _Tally:
    """What one pass over everything has seen, and whether a row can have slipped through.

    Rows move up only when one is deleted, which shows as a falling total, and then the pager reads the page before
    again. What could hide a deletion is a customer who is created between the same two requests. So: when no more
    customers arrived than the total was seen to rise by, nothing was hidden.
    """

    start: Start
    total: int | None
    count: int = 0
    digest: int = 0
    arrived: int = 0
    risen: int = 0
    fallen: int = 0
    gaps: bool = False
    """A total was missing, or fell without being repaired."""
    page: int | None = None
    last: datetime | None = None
    recent: frozenset[str] = field(default_factory=frozenset)

    def add(self, step: Step) -> None:
        for row in step.fresh:
            if isinstance(row, Reject) and row.reason == "duplicate_id":
                continue
            self.count += 1
            self.digest ^= int.from_bytes(
                blake2b(row_key(row).encode("utf-8", "replace"), digest_size=7).digest(), "big"
            )
            if isinstance(row, Record) and row.created_at:
                self.arrived += self.start.newest is not None and row.created_at > self.start.newest
                self.last = row.created_at if self.last is None else max(self.last, row.created_at)
        total = step.listing.total
        if total is None or self.total is None:
            self.gaps = True
        else:
            self.risen += max(0, total - self.total)
            self.fallen += max(0, self.total - total)
        self.gaps |= step.unrepaired
        self.total, self.page, self.recent = total, step.number, step.recent

    def proved(self) -> bool:
        """Whether nobody can be missing. Needs an order that was checked."""
        if self.gaps or self.total is None or self.start.newest is None:
            return False
        # A total that does not add up is an estimate, and says nothing about who came and went.
        return self.arrived <= self.risen and self.total <= self.count <= self.total + self.fallen

    def saved(self) -> dict[str, Any]:
        return {
            "page": self.page,
            "last": self.last and self.last.isoformat(),
            "recent": sorted(self.recent),
            "count": self.count,
            "digest": self.digest,
            "total": self.total,
            "watermark": self.start.watermark and self.start.watermark.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Start:
    """When a walk began. `watermark` is the newest `lastModifiedAt` then: where the next incremental walk starts from.

    `newest` is the same, or of the moment when an interrupted walk was taken up again.
    """

    watermark: datetime | None
    newest: datetime | None


def _begin(customers: Customers, resume: dict[str, Any] | None) -> _Tally:
    top = customers.page(customers.base(), NEWEST_FIRST, size=1)
    newest = top.records[0].updated_at if top and top.records else None
    total = top.total if top else None
    if not resume:
        return _Tally(Start(newest, newest), total)
    # What happened between the two processes does not count: `_anchor` goes by the rows themselves.
    return _Tally(
        Start(read_time(resume["watermark"]), newest),
        total,
        count=resume["count"],
        digest=resume["digest"],
        fallen=max(0, (resume["total"] or 0) - (total or 0)),
        page=resume["page"],
        last=read_time(resume["last"]),
        recent=frozenset(resume["recent"]),
    )


def _everything(customers: Customers, resume: dict[str, Any] | None) -> Walk:
    tally = _begin(customers, resume)
    ordered = OLDEST_FIRST not in customers.unsortable
    agreed: tuple[int, int] | None = None
    seen: set[str] = set()
    for _ in range(PASSES):
        try:
            yield from _one_pass(customers, tally, None if ordered else seen)
        except NotSortedError:
            ordered, agreed = False, None
            yield Restart("order_not_honoured")
        else:
            if (ordered and tally.proved()) or agreed == (tally.count, tally.digest):
                watermark = tally.start.watermark
                cursor = {"watermark": watermark.isoformat(), "sorted": False} if watermark else None
                yield End(cursor, full=True, watermark=watermark)
                return
            agreed = (tally.count, tally.digest)
            if ordered:
                yield Restart("rows_moved")
        tally = _Tally(_begin(customers, None).start if ordered else tally.start, tally.total)
    raise Incomplete(
        f"The list of customers did not come out the same twice in {PASSES} readings",
        code="rows_moved",
        endpoint=f"GET /{customers.path}/customers",
        hint="Run again when less is going on",
    )


def _one_pass(customers: Customers, tally: _Tally, seen: set[str] | None) -> Iterator[Page | Restart | End]:
    """Read everything once. With `seen`, the keys of earlier passes, no order is relied on."""
    resumed_after = tally.last if tally.page is not None else None
    steps = pages(
        lambda number: customers.page(number, OLDEST_FIRST),
        customers.base(),
        order=OLDEST_FIRST if seen is None else None,
        seen=None if seen is None else set(),
        start=_anchor(customers, tally),
        recent=tally.recent,
    )
    for step in steps:
        fresh = step.fresh
        if resumed_after:
            fresh = tuple(row for row in fresh if not _before(row, resumed_after))
        tally.add(replace(step, fresh=fresh))
        if seen is not None:
            fresh = tuple(row for row in fresh if row_key(row) not in seen)
            seen.update(map(row_key, fresh))
        if fresh:
            yield _page(fresh, resume=tally.saved() if seen is None else None, total=step.listing.total)


def _anchor(customers: Customers, tally: _Tally) -> int | None:
    """Where to go on. Deletions since then have moved rows to earlier pages, so: back to a page that begins with a row
    that is not newer than the last one seen."""
    if tally.page is None or tally.last is None:
        return None
    for number in range(tally.page, customers.base(), -1):
        listing = customers.page(number, OLDEST_FIRST)
        stamps = [record.created_at for record in listing.records if record.created_at] if listing else []
        if stamps and stamps[0] <= tally.last:
            return number
    return None


def _before(row: Row, last: datetime) -> bool:
    """Whether the row was read before the walk was interrupted: strictly older than the last one, in an order by
    age.
    """
    return isinstance(row, Record) and row.created_at is not None and row.created_at < last


def _page(rows: tuple[Row, ...], *, resume: dict[str, Any] | None = None, total: int | None = None) -> Page:
    records = tuple(row for row in rows if isinstance(row, Record))
    return Page(records, tuple(row for row in rows if isinstance(row, Reject)), resume, total)
