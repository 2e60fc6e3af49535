"""What a till was asked and what became of it: the witness that tests question about writes and double creates."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["read", "list", "write", "auth", "other"]
Operation = Literal["create", "update", "delete", "restore"]

KEPT = 100_000
"""Entries and changes kept in detail; counters go on beyond that."""
BODY_LIMIT = 100_000
"""Bytes of a request body kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `path` is relative to the base URL (`/customers/7/`). `changed`: customers were really changed.

    `status` is what reached the caller, None when nothing did; `fault` says what went wrong on the way, if anything.
    """

    n: int
    method: str
    path: str
    params: str
    kind: Kind
    status: int | None
    changed: bool
    fault: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """One change made to a customer through the API, by request `n`; `payload` is the record after it (None: gone)."""

    n: int
    operation: Operation
    record_id: str
    payload: dict[str, Any] | None


class Ledger:
    """All requests since the last reset, in the order they arrived."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything; the numbering starts again."""
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._changes: deque[Change] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        """Requests by kind (`write`, `list`), `status:429`, `fault:reset:after`; changes by `change:create`."""
        self.arrived = 0

    def arrive(self) -> int:
        """The number of a request that has just come in."""
        self.arrived += 1
        return self.arrived

    def record(self, entry: Entry) -> None:
        """Keep one finished request."""
        self._entries.append(entry)
        self.counts[entry.kind] += 1
        self.counts[f"status:{entry.status}"] += 1
        if entry.fault:
            self.counts[f"fault:{entry.fault}"] += 1

    def note(self, change: Change) -> None:
        """Keep one change made through the API."""
        self._changes.append(change)
        self.counts[f"change:{change.operation}"] += 1

    def requests(self) -> list[Entry]:
        """Every request that is kept, in the order of answering."""
        return list(self._entries)

    def writes(self) -> list[Entry]:
        """Requests that ask for a change of customers, whether or not it happened (searches and refreshes are none)."""
        return [entry for entry in list(self._entries) if entry.kind == "write"]

    def reads(self) -> list[Entry]:
        """Requests that read customers: lists, searches and single ones."""
        return [entry for entry in list(self._entries) if entry.kind in ("read", "list")]

    def changes(self, operation: Operation | None = None) -> list[Change]:
        """Changes really made through the API, oldest first."""
        return [change for change in list(self._changes) if operation in (None, change.operation)]

    def creates(self) -> list[Change]:
        """Customers really created through the API."""
        return self.changes("create")
