"""Walking Inventorum's pages: fetched ahead, in no particular order, and proved complete (reference, section 5)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from connectors.base import End, Page, Record, Reject, Restart
from connectors.errors import BadAnswer, Incomplete
from connectors.http import Http
from connectors.inventorum.models import Envelope, raw, record_of
from connectors.paging import SPARE_PAGES, Tally, both_ends, fetch_ahead

CUSTOMERS, FAVOURITES = "customers/", "customers/favourites/"
WALKS = 4
"""How often a walk is begun before rows that move under it count as a failure."""
CYCLES, FRUITLESS = 30, 3
"""How often the pages are gone through again for rows that are still missing, and how often in vain."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One list page as answered. `asked_at` and `answered_at` are monotonic seconds."""

    number: int
    total: int | None
    rows: list[Any]
    strict: bool
    asked_at: float
    answered_at: float


class Walker:
    """The list of one account, `page_size` rows a page and `width` pages at a time."""

    def __init__(self, http: Http, system: str, *, page_size: int, width: int) -> None:
        self._http, self._system, self._page_size, self._width = http, system, page_size, width

    def walk(self) -> Iterator[Page | Restart | End]:
        """Everything, from the beginning: there is no order to go by."""
        for _ in range(WALKS):
            tally = Tally(0, self._page_size)
            yield from self._walk_once(CUSTOMERS, tally)
            if not tally.shrunk and not tally.missing:
                yield End(None, full=True)
                return
            if not tally.shrunk and tally.stable:
                raise Incomplete(
                    f"{self._system} says {tally.total} customers, but lists {tally.missing} fewer, twice over",
                    code="total_not_reached",
                    endpoint="GET /customers/",
                    hint="Nothing was taken as deleted; if this repeats, ask the vendor",
                )
            yield Restart("records went away during the walk" if tally.shrunk else "records kept moving")
        raise Incomplete(
            f"The customers of {self._system} changed during {WALKS} walks in a row",
            code="rows_moved",
            endpoint="GET /customers/",
            hint="Nothing was taken as deleted; run again when the till is quieter",
        )

    def favourites(self) -> Iterator[Record]:
        """The customers marked as favourites; each once, without proof that they are all."""
        for item in self._pages(FAVOURITES, Tally(0, self._page_size)):
            yield from item.records

    def page(self, path: str, number: int) -> Answered:
        """One page; empty beyond the end, whichever way the vendor says that."""
        asked_at = time.monotonic()
        answer = self._http.send(
            "GET",
            path,
            params={"limit": self._page_size, "page": number},
            returned=frozenset({404}) if number > 1 else frozenset(),
        )
        answered_at = time.monotonic()
        if answer.status == 404:
            return Answered(number, None, [], True, asked_at, answered_at)
        try:
            envelope = Envelope.model_validate(answer.data)
        except ValidationError as exc:
            raise BadAnswer(
                f"{self._system} answered with something else than a page of customers",
                code="bad_envelope",
                endpoint=f"GET /{path}",
                status=answer.status,
                hint="Check base_url",
                vendor_text=answer.text,
            ) from exc
        return Answered(number, envelope.total, envelope.data, answer.strict, asked_at, answered_at)

    def _walk_once(self, path: str, tally: Tally) -> Iterator[Page]:
        """All pages, and again for what they missed, as long as that helps; whether it did, the tally says."""
        yield from self._pages(path, tally)
        fruitless = 0
        for _ in range(CYCLES):
            if tally.shrunk or not (tally.missing or tally.doubtful):
                return
            before = len(tally.seen)
            yield from self._again(path, tally)
            fruitless = 0 if len(tally.seen) > before else fruitless + 1
            if tally.missing and (fruitless == FRUITLESS or (fruitless and tally.stable)):
                return

    def _pages(self, path: str, tally: Tally) -> Iterator[Page]:
        """Pages from the first to the one that `total` makes the last, and on while there are rows still missing."""
        first = self.page(path, 1)
        if len(first.rows) and first.total is not None and first.total > len(first.rows):
            tally.page_size = min(self._page_size, len(first.rows))  # clamped to less than was asked for (trap 1)
        yield self._taken(first, tally)
        number = 1

        def following() -> int | None:
            nonlocal number
            if tally.shrunk or number >= tally.last_page:
                return None
            number += 1
            return number

        with closing(fetch_ahead(lambda n: self.page(path, n), following, self._width)) as pages:
            for answered in pages:
                yield self._taken(answered, tally)
                if not answered.rows:
                    break
                if answered.number == 4 and len(tally.seen) <= tally.page_size < tally.missing:
                    raise BadAnswer(
                        f"{self._system} gives the same customers on every page",
                        code="pages_repeat",
                        endpoint=f"GET /{path}",
                    )
        spare = SPARE_PAGES
        while tally.missing and spare and not tally.shrunk:
            number, spare = number + 1, spare - 1
            answered = self.page(path, number)
            yield self._taken(answered, tally)
            if not answered.rows:
                break

    def _again(self, path: str, tally: Tally) -> Iterator[Page]:
        """The pages once more, for what is still missing: rows that came or moved while others were read."""
        numbers = both_ends(tally.last_page)

        def following() -> int | None:
            return next(numbers, None) if (tally.missing or tally.doubtful) and not tally.shrunk else None

        # The first alone: mostly it is all that is needed.
        number = following()
        if number is not None:
            yield self._taken(self.page(path, number), tally, again=True)
        with closing(fetch_ahead(lambda n: self.page(path, n), following, min(4, self._width))) as pages:
            for answered in pages:
                yield self._taken(answered, tally, again=True)

    def _taken(self, answered: Answered, tally: Tally, *, again: bool = False) -> Page:
        """The rows of a page that were not seen before in this walk."""
        if answered.total is not None:
            tally.hear(answered.total, asked_at=answered.asked_at, answered_at=answered.answered_at)
        if answered.number == 1:
            tally.see_first_page(answered.rows)
        records: list[Record] = []
        rejects: list[Reject] = []
        here: dict[str, Any] = {}
        for row in answered.rows:
            taken = record_of(row, strict=answered.strict)
            record_id = taken.record_id
            if record_id is None:
                if not again:
                    tally.nameless += 1
                    rejects.append(taken)  # type: ignore[arg-type]
                continue
            if record_id in here:
                if row != here[record_id]:
                    rejects.append(Reject(record_id, "duplicate_id", raw(row)))
                continue
            here[record_id] = row
            if not tally.seen.add(int(record_id)):
                continue  # rows move between pages (trap 3)
            if isinstance(taken, Record):
                records.append(taken)
            else:
                rejects.append(taken)
        return Page(tuple(records), tuple(rejects), total=tally.total)
