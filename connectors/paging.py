"""Walking numbered pages of unspecified order: fetching ahead, what to fetch next, and whether everything was seen.

The proof of completeness is the one of the Inventorum reference, section 5: as many distinct ids as the latest `total`,
and `total` never shrank during the walk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from connectors.seen import Seen

T = TypeVar("T")

SPARE_PAGES = 5
"""How many pages beyond the expected last one are tried before the walk counts as endless."""


def fetch_ahead(fetch: Callable[[int], T], next_page: Callable[[], int | None], width: int) -> Generator[T, None, None]:
    """`fetch(n)` for the numbers that `next_page` names (None: no more for now), in that order, `width` at a time.

    `next_page` is asked again after each page was taken, so that it can go by what the pages said.
    """
    with ThreadPoolExecutor(width, thread_name_prefix="pages") as pool:
        under_way: deque[Future[T]] = deque()
        try:
            while True:
                while len(under_way) < width and (number := next_page()) is not None:
                    under_way.append(pool.submit(fetch, number))
                if not under_way:
                    return
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


@dataclass(slots=True)
class Tally:
    """What a walk has seen so far. `page_size` is that of the first answer: servers clamp what they are asked for."""

    total: int
    page_size: int
    seen: Seen = field(default_factory=Seen)
    nameless: int = 0
    """Rows without an id: they count towards the total, once."""
    highest: int = 0
    highest_by: float = float("inf")
    """When the earliest answer that said `highest` had come."""
    asked_at: float = float("-inf")
    shrunk: bool = False
    stable: bool = True
    """Whether the first page was the same each time, so that going through the pages once more is not a new draw."""
    _first_page: list[Any] | None = None

    @property
    def last_page(self) -> int:
        return max(1, -(-self.total // self.page_size))

    @property
    def missing(self) -> int:
        return max(0, self.total - len(self.seen) - self.nameless)

    def hear(self, total: int, *, asked_at: float, answered_at: float) -> None:
        """Take in the `total` of an answer. Answers overtake each other, so only one asked for after a higher one had
        come proves that records went away."""
        if total > self.highest:
            self.highest, self.highest_by = total, answered_at
        elif total == self.highest:
            self.highest_by = min(self.highest_by, answered_at)
        elif asked_at > self.highest_by:
            self.shrunk = True
        if asked_at >= self.asked_at:
            self.total, self.asked_at = total, asked_at

    def see_first_page(self, rows: list[Any]) -> None:
        if self._first_page is not None and rows != self._first_page:
            self.stable = False
        self._first_page = rows

    @property
    def doubtful(self) -> bool:
        """Whether the latest total is below an overlapping one: one more answer decides."""
        return self.total < self.highest


def both_ends(last_page: int) -> Iterator[int]:
    """1, last, 2, last - 1, …: what came in during a walk is most likely at one of the ends."""
    low, high = 1, last_page
    while low <= high:
        yield low
        if high != low:
            yield high
        low, high = low + 1, high - 1
