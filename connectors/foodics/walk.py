"""Foodics's walks: by `updated_at` from stamp to stamp, live customers first, then deleted ones (sections 5, 10 and
11).

The keyset walk is immune to rows that move while it runs, because a row only ever moves to the end of the order. A
full walk therefore goes on past the newest stamp of its beginning until a page is not full: whoever was touched
meanwhile is there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectors.base import End, Gone, Page, Record, Reject, Restart
from connectors.errors import BadAnswer, Incomplete
from connectors.foodics.models import Listing, read_time, time_text
from connectors.foodics.read import PAGE_CAP, Customers, Row, row_key
from connectors.seen import Seen

EPOCH = datetime(1970, 1, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OVERLAP = timedelta(seconds=60)
"""How far behind the cursor an incremental walk reads: commits may become visible late (11)."""
PASSES = 5
"""How often a list is read by page numbers at most until two readings agree."""
DELETED_KEPT = 2000
"""How many ids of deleted customers a cursor remembers, to notice who was restored."""
BITS = (1 << 64) - 1
PROOF_ROWS = 10
"""How many deleted customers must show that deleting moves `updated_at` before it is relied on."""

Phase = Literal["live", "deleted"]
VersionKey = tuple[str, Any]
Walk = Generator[Page | Restart | End, None, None]
Fetch = Callable[[int, datetime | None], Listing | None]
"""(page number, updated after or None for everything) → page."""


class NotHonouredError(Exception):
    """The sort or a filter is ignored or refused, or pages end too early: the keyset walk cannot be used."""


@dataclass(slots=True)
class _Run:
    """What one walk knows of itself."""

    full: bool
    since: datetime
    bound: datetime | None = None
    """The newest stamp when the walk began: the next watermark. None where it could not be asked for."""
    newest: datetime | None = None
    """The newest stamp seen so far."""
    whole: bool = True
    """Whether the walk over the live ones saw everybody."""
    missing: set[str] = field(default_factory=set)
    """Who was deleted at the last walk and has not been seen in this one."""
    total: int | None = None
    longest: int = 0
    """The most rows that a page had: its size where the server does not say (no `meta`)."""

    def saved(self, phase: Phase, since: datetime) -> dict[str, Any]:
        return {
            "phase": phase,
            "since": time_text(since),
            "bound": self.bound and time_text(self.bound),
            "newest": self.newest and time_text(self.newest),
            "full": self.full,
            "whole": self.whole,
        }


def walk(
    customers: Customers,
    get: Callable[[str], Record | Gone],
    cursor: dict[str, Any] | None,
    *,
    full: bool,
    resume: dict[str, Any] | None,
) -> Walk:
    """Live customers since the cursor (or all), then deleted ones, then those who were restored."""
    watermark = read_time(cursor.get("watermark")) if cursor else None
    before: dict[str, Any] = (cursor.get("deleted") if cursor else None) or {}
    run = _Run(full or watermark is None, EPOCH)
    if watermark and not run.full:
        run.since = max(EPOCH, watermark - OVERLAP)
    run.missing = set(before.get("ids") or ())
    resumed_in: Phase | None = None
    if resume:
        resumed_in, run.full, run.whole = resume["phase"], resume["full"], resume["whole"]
        run.since = read_time(resume["since"]) or EPOCH
        run.bound, run.newest = read_time(resume["bound"]), read_time(resume["newest"])
    if resumed_in != "deleted":
        yield from _live(customers, run, resumed=resumed_in is not None)
    deleted = yield from _deleted(customers, run, before)
    if run.missing:
        yield from _restored(get, run)
    newest = run.bound or run.newest or (watermark if not run.full else None)
    end = {"watermark": newest and time_text(newest), "deleted": deleted}
    yield End(end if newest else None, full=run.full and run.whole, watermark=newest)


# Live customers


def _live(customers: Customers, run: _Run, *, resumed: bool) -> Walk:
    if not resumed and not _ask_bound(customers, run):
        return

    def fetch(number: int, after: datetime | None) -> Listing | None:
        if after is None:
            return customers.page(number)
        return customers.page(number, sort="updated_at", updated_after=time_text(after))

    yield from _read(fetch, run, "live", run.since)


def _ask_bound(customers: Customers, run: _Run) -> bool:
    """The newest stamp now, from the newest-first list. False when there are no customers.

    It only ends a walk where the list really was newest first; as the next watermark it is safe in any case, as no
    later change can be older.
    """
    top = customers.page(1, sort="-updated_at")
    if top is None:
        return True
    run.total, run.longest = top.total, len(top.rows)
    stamps = top.stamps
    if stamps == sorted(stamps, reverse=True):
        run.bound = max(stamps, default=None)
    return bool(top.rows)


def _read(fetch: Fetch, run: _Run, phase: Phase, since: datetime) -> Walk:
    """The keyset walk, or the numbered pages where that is not possible."""
    begun = False
    try:
        for page in _keyset(fetch, run, phase, since):
            yield page
            begun = True
    except NotHonouredError:
        if phase == "live":
            if begun:
                yield Restart("order_not_honoured")
            run.full = run.whole = True
            run.newest = None
        yield from _numbered(fetch, run, phase)


def _keyset(fetch: Fetch, run: _Run, phase: Phase, since: datetime) -> Iterator[Page]:
    """The walk of section 5: from the last stamp on, each time from page 1, unless one second fills more than a
    page.
    """
    number, extra, pages = 1, 0, 0
    seen: set[VersionKey] = set()
    met = Seen()
    crowd = _Crowd()
    while True:
        listing = fetch(number, since - SECOND)
        pages += 1
        if listing is None or _cut_off(listing, number):
            raise NotHonouredError
        stamps = listing.stamps
        fresh = _fresh(listing, seen)
        run.longest = max(run.longest, len(listing.rows))
        is_last = len(listing.rows) < (listing.size or run.longest or 1)
        if any(stamp < since - SECOND for stamp in stamps) or (
            stamps != sorted(stamps) and not (is_last and number == 1)
        ):
            raise NotHonouredError
        last = max(stamps, default=since)
        if phase == "live" and stamps:
            run.newest = max(run.newest or last, last)
        if number == 1:
            crowd.total = listing.total
        crowd.new += sum(row.updated_at is None or row.updated_at <= since for row in fresh if isinstance(row, Record))
        if fresh := _first_met(fresh, met):
            yield _page(fresh, run, phase, max(last, since) if number == 1 else since)
        leaves = is_last or last > since
        if number > 1 and leaves and not crowd.complete(fetch, since, seen):
            number = 1
            continue
        if is_last:
            return
        if phase == "live" and run.bound and last > run.bound:
            # The rest belongs to the next run. But a full walk looks for those who were touched before it came to them;
            # at a busy hour that end runs away (trap 3), and what is left is newer than the next watermark.
            extra += 1
            if not run.full or extra > 10 + pages // 2:
                run.whole = False
                return
        if not leaves:
            number += 1
            continue
        since, number, crowd = last, 1, _Crowd()
        seen = {key for key in seen if (read_time(key[1]) or since) >= since - SECOND}


def _first_met(rows: Sequence[Row], met: Seen) -> list[Row]:
    """The rows without the newer versions of customers that were touched after we had passed them: those belong to the
    next walk. By hashes, as a million ids would take ten times the memory.
    """
    return [
        row for row in rows if met.add(hash(row_key(row)[0] if isinstance(row, Record) else row_key(row)) & BITS or 1)
    ]


@dataclass(slots=True)
class _Crowd:
    """More than a page of rows in one second: rows may move inside it, so it is read until it is complete."""

    new: int = 0
    """Rows of the second that the present pass has brought."""
    total: int | None = None
    """How many rows there are from the second on."""
    passes: int = 0
    quiet: int = 0

    def complete(self, fetch: Fetch, second: datetime, seen: set[VersionKey]) -> bool:
        """Called after each pass over the second. Raises NotHonouredError when it does not become complete."""
        self.passes += 1
        self.quiet = 0 if self.new else self.quiet + 1
        self.new = 0
        if self.passes > 20:
            raise NotHonouredError
        if not self.quiet:
            return False
        expected = self._expected(fetch, second)
        if expected is None:
            return self.quiet >= 2
        return sum(read_time(key[1]) == second for key in seen) >= expected

    def _expected(self, fetch: Fetch, second: datetime) -> int | None:
        """How many rows the second has, from the totals before and after it; None where there are no totals."""
        after = fetch(1, second)
        if after is None or after.total is None or self.total is None:
            return None
        if second in after.stamps:  # the boundary is inclusive
            beyond = fetch(1, second + SECOND)
            return None if beyond is None or beyond.total is None else after.total - beyond.total
        return self.total - after.total


def _cut_off(listing: Listing, number: int) -> bool:
    """Whether an empty page is a cap rather than the end (5)."""
    if listing.rows or number == 1:
        return False
    if listing.total is None:
        return number == PAGE_CAP + 1
    return (number - 1) * (listing.size or 50) < listing.total


def _fresh(listing: Listing, seen: set[VersionKey]) -> list[Row]:
    fresh = []
    for row in listing.rows:
        key = row_key(row)
        if key not in seen:
            seen.add(key)
            fresh.append(row)
    return fresh


def _numbered(fetch: Fetch, run: _Run, phase: Phase) -> Walk:
    """Plain page numbers, the whole list again until two readings have the same customers."""
    seen = Seen()
    before: set[str] | None = None
    for _ in range(PASSES):
        met: set[str] = set()
        first: Listing | None = None
        total: int | None = None
        number = 1
        while True:
            listing = fetch(number, None)
            if listing is None and number == 1:
                if phase == "deleted":
                    return  # deleted customers cannot be asked for
                raise BadAnswer(
                    "The list of customers is refused",
                    code="list_refused",
                    endpoint="GET /customers",
                    hint="Check base_url",
                )
            if listing is None or not listing.rows:
                _check_cap(number, met, first, total)
                break
            if first is None:
                first = listing
                # Every stamp of the first page is at most as new as the moment when the reading began.
                if phase == "live" and run.bound is None and run.newest is None:
                    run.newest = max(listing.stamps, default=None)
            total = listing.total
            keys = {row_key(row)[0] for row in listing.rows}
            new = keys - met
            met |= keys
            if fresh := _first_met(listing.rows, seen):
                yield _page(fresh, run, phase, None)
            if not new or (listing.size and len(listing.rows) < listing.size):
                break
            number += 1
        if met == before and (total is None or len(met) >= total):
            return
        before = met
    raise Incomplete(
        f"The list of customers did not come out the same twice in {PASSES} readings",
        code="rows_moved",
        endpoint="GET /customers",
        hint="Run again when less is going on",
    )


def _check_cap(number: int, met: set[str], first: Listing | None, total: int | None) -> None:
    """Raise when the list ended at the cap instead of its end."""
    size = (first.size if first else None) or len(first.rows if first else ())
    full_pages = number == PAGE_CAP + 1 and len(met) >= PAGE_CAP * size
    if full_pages and (total is None or len(met) < total):
        raise Incomplete(
            f"Only {len(met)} customers can be read: the list ends after {PAGE_CAP} pages",
            code="page_cap",
            endpoint="GET /customers",
            hint="Ask the vendor to lift the cap or to make sorting by updated_at work",
        )


def _page(rows: list[Row], run: _Run, phase: Phase, since: datetime | None) -> Page:
    records = tuple(row for row in rows if isinstance(row, Record))
    if phase == "live":
        run.missing.difference_update(record.record_id for record in records if record.deleted_at is None)
    return Page(
        records,
        tuple(row for row in rows if isinstance(row, Reject)),
        run.saved(phase, since) if since else None,
        run.total,
    )


# Deleted customers


def _deleted(
    customers: Customers, run: _Run, before: dict[str, Any]
) -> Generator[Page | Restart | End, None, dict[str, Any]]:
    """Walk over the deleted ones; returns what the cursor keeps about them.

    Deleting need not move `updated_at` (6.5). Until enough deleted customers show that it does, all of them are read
    each time, and the cursor remembers who they were: whoever is no longer among them was restored or purged.
    """
    moves, mark = before.get("moves"), read_time(before.get("watermark"))
    since = max(EPOCH, mark - OVERLAP) if moves and mark and not run.full else EPOCH
    ids: set[str] = set()
    agree, contradicted = 0, False

    def fetch(number: int, after: datetime | None) -> Listing | None:
        if after is None:
            return customers.page(number, is_deleted="true")
        return customers.page(number, sort="updated_at", is_deleted="true", updated_after=time_text(after))

    for page in _read(fetch, run, "deleted", since):
        if not isinstance(page, Page) or any(not record.payload.get("deleted_at") for record in page.records):
            # The filter is ignored: these are the live ones again, and nothing is to be learnt about deletions.
            run.missing.clear()
            return before
        for record in page.records:
            ids.add(record.record_id)
            if record.updated_at:
                mark = max(mark or record.updated_at, record.updated_at)
                if record.deleted_at:
                    contradicted |= record.updated_at < record.deleted_at
                    agree += record.updated_at >= record.deleted_at
        # An unreadable `deleted_at` in this list is still a deletion.
        yield replace(
            page, records=tuple(replace(r, deleted_at=r.deleted_at or r.updated_at or EPOCH) for r in page.records)
        )
    run.missing -= ids
    moves = not contradicted and (bool(moves) or agree >= PROOF_ROWS)
    keeps = since == EPOCH and len(ids) <= DELETED_KEPT and not moves
    return {"watermark": mark and time_text(mark), "moves": moves, "ids": sorted(ids) if keeps else None}


def _restored(get: Callable[[str], Record | Gone], run: _Run) -> Iterator[Page]:
    """Those who are no longer among the deleted ones, looked at one by one: restored under the same id, or purged."""
    found = [get(record_id) for record_id in sorted(run.missing)]
    records = tuple(record for record in found if isinstance(record, Record))
    if records:
        yield Page(records, resume=None)
