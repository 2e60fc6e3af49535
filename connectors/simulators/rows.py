"""Orders over many rows that stay sorted while rows come and go, so that a page is a slice whatever its number."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

Key = tuple[str | int, int]
"""What a row is sorted by, and a serial number that settles ties."""


class SortedRows:
    """Record ids in the order of their keys. One row per id."""

    def __init__(self) -> None:
        self._order: list[tuple[Key, str]] = []
        self._keys: dict[str, Key] = {}

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, record_id: str) -> bool:
        return record_id in self._keys

    def load(self, rows: Iterable[tuple[str, Key]]) -> None:
        """Put many rows in at once; their ids must be new."""
        sorted_so_far, last = True, self._order[-1][0] if self._order else None
        for record_id, key in rows:
            self._keys[record_id] = key
            self._order.append((key, record_id))
            sorted_so_far = sorted_so_far and (last is None or last < key)
            last = key
        if not sorted_so_far:
            self._order.sort()

    def put(self, record_id: str, key: Key) -> None:
        """Insert a row, or move it to where its key says."""
        self.drop(record_id)
        self._keys[record_id] = key
        if not self._order or self._order[-1][0] < key:
            self._order.append((key, record_id))
        else:
            insort(self._order, (key, record_id))

    def drop(self, record_id: str) -> None:
        """Take a row out, if it is there."""
        key = self._keys.pop(record_id, None)
        if key is not None:
            del self._order[bisect_left(self._order, (key, record_id))]

    def slice(self, start: int, stop: int, *, descending: bool = False) -> list[str]:
        """The ids at positions `start` to `stop` (exclusive) of the order, or of its reverse."""
        if descending:
            n = len(self._order)
            chosen = self._order[max(n - stop, 0) : max(n - start, 0)][::-1]
        else:
            chosen = self._order[max(start, 0) : max(stop, 0)]
        return [record_id for _, record_id in chosen]

    def position(self, value: str | int, *, after: bool) -> int:
        """Where rows with the sort value `value` begin, or (`after`) end."""
        if after:
            return bisect_right(self._order, value, key=lambda entry: entry[0][0])
        return bisect_left(self._order, value, key=lambda entry: entry[0][0])

    def ids(self) -> list[str]:
        """All ids, in order."""
        return [record_id for _, record_id in self._order]


class Holders:
    """Who holds which value. Tuples, because nearly every value has one holder and a set takes four times the room."""

    def __init__(self) -> None:
        self._ids: dict[str, tuple[str, ...]] = {}

    def of(self, value: str) -> tuple[str, ...]:
        """The record ids that hold `value`, in the order they came to hold it."""
        return self._ids.get(value, ())

    def add(self, value: str, record_id: str) -> None:
        """Note one more holder."""
        self._ids[value] = (*self.of(value), record_id)

    def drop(self, value: str, record_id: str) -> None:
        """Forget one holder."""
        left = tuple(other for other in self.of(value) if other != record_id)
        if left:
            self._ids[value] = left
        else:
            self._ids.pop(value, None)
