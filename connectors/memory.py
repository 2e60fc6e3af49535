"""A customer list in this process: the reference reading of `connectors.base`, for engine tests and for the docs.

The address is `memory:NAME`; `world(NAME)` is what staff at that till see and do, and decides what the system can do.
The payload is flat: `id`, `given`, `family`, `company`, `email`, `phone`, `vat`, `street`, `extra`, `postal_code`,
`city`, `state`, `country`, `birth_date`, `gender`, `is_business`, `marketing_consent`, `is_vip`, `is_favourite`,
`is_blocked`, `note` and the volatile `balance`; whatever else is put in is kept. Text may be "" or null, dates are ISO
text.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connectors.base import (
    Account,
    Capabilities,
    End,
    Finding,
    Gone,
    Key,
    Page,
    Payload,
    Record,
    Restart,
    Settings,
    TokenStore,
    Write,
    WriteResult,
)
from connectors.errors import Refused

ALL = Capabilities(
    changes="cursor",
    deletions="listed",
    stamps=True,
    reference=True,
    find_by=frozenset({"reference", "email", "phone", "vat_number"}),
    batch_size=10,
    concurrency=2,
    operations=frozenset({"create", "update", "delete", "restore"}),
    page_size=5,
    requests_per_minute=60_000,
    balances=("balance",),
)
"""A system that can do everything. `dataclasses.replace` makes poorer ones of it."""

Mishap = Literal["lost_before", "lost_after", "refused", "unsent"]
"""What may become of a write besides success: reply lost before or after it was carried out, a no, or never sent."""

_FIELDS: dict[Key, str] = {"email": "email", "phone": "phone", "vat_number": "vat"}


@dataclass(slots=True)
class _Row:
    record_id: str
    number: int
    payload: Payload
    created_at: datetime
    updated_at: datetime
    change: int
    deleted_at: datetime | None = None
    reference: str | None = None


@dataclass(slots=True)
class World:
    """One till. `mishap` decides per write what goes wrong; `between_pages` is called after each page of a walk."""

    name: str
    capabilities: Capabilities = ALL
    mishap: Callable[[Write], Mishap | None] = lambda write: None  # noqa: ARG005
    between_pages: Callable[[], None] = lambda: None
    writes: list[Write] = field(default_factory=list)
    """Every write that was asked for, in order."""
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    """The till's own clock; each change takes a second."""
    rows: dict[str, _Row] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    changes: int = 0

    def add(self, *, reference: str | None = None, **fields: Any) -> str:
        """Staff enter a customer; returns the record id."""
        with self.lock:
            number = next(self._numbers)
            record_id = str(1000 + number)
            stamp, change = self._tick()
            payload = {"id": record_id, **fields}
            self.rows[record_id] = _Row(record_id, number, payload, stamp, stamp, change, reference=reference)
            return record_id

    def edit(self, record_id: str, **fields: Any) -> None:
        with self.lock:
            row = self.rows[record_id]
            row.payload = {**row.payload, **fields}
            row.updated_at, row.change = self._tick()

    def delete(self, record_id: str) -> None:
        """Softly where deletions are listed, else for good."""
        with self.lock:
            if self.capabilities.deletions == "absence":
                del self.rows[record_id]
                self._tick()
            else:
                row = self.rows[record_id]
                row.updated_at, row.change = self._tick()
                row.deleted_at = row.updated_at

    def restore(self, record_id: str) -> None:
        with self.lock:
            row = self.rows[record_id]
            row.deleted_at = None
            row.updated_at, row.change = self._tick()

    def customers(self) -> dict[str, Payload]:
        """What the till holds now: record id → payload, without the deleted ones."""
        with self.lock:
            return {row.record_id: dict(row.payload) for row in self.rows.values() if row.deleted_at is None}

    def _tick(self) -> tuple[datetime, int]:
        self.now += timedelta(seconds=1)
        self.changes += 1
        return self.now, self.changes


_worlds: dict[str, World] = {}
_worlds_lock = threading.Lock()


def world(name: str, capabilities: Capabilities | None = None) -> World:
    """The world behind `memory:NAME`, made on first use. `capabilities` makes it anew, empty."""
    with _worlds_lock:
        if capabilities is not None:
            _worlds[name] = World(name, capabilities)
        return _worlds.setdefault(name, World(name))


class Memory:
    """One world, as the engine sees it."""

    volatile = frozenset({"balance"})
    documented = frozenset({
        "balance", "birth_date", "city", "company", "country", "email", "extra", "family", "gender", "given", "id",
        "is_blocked", "is_business", "is_vip", "marketing_consent", "note", "phone", "postal_code", "state", "street",
        "vat",
    })  # fmt: skip

    def __init__(self, settings: Settings, tokens: TokenStore) -> None:  # noqa: ARG002
        scheme, _, name = settings.base_url.partition(":")
        if scheme != "memory" or not name:
            raise Refused(f"The base_url of {settings.system} is not memory:NAME", code="bad_address")
        self._world = world(name)
        self._page_size = settings.page_size or self.capabilities.page_size

    @property
    def capabilities(self) -> Capabilities:
        return self._world.capabilities

    def account(self) -> Account:
        return Account(self._world.name, f"memory:{self._world.name}")

    def check(self, *, need_write: bool, need_delete: bool) -> list[Finding]:
        needed = {"create", "update"} if need_write else set()
        needed |= {"delete"} if need_delete else set()
        missing = sorted(needed - self.capabilities.operations)
        if missing:
            return [Finding("error", f"this system cannot {', '.join(missing)}", "Make it read-only")]
        return [Finding("ok", f"reading works: {len(self._world.customers())} customers")]

    def walk(
        self, cursor: dict[str, Any] | None, *, full: bool, resume: dict[str, Any] | None = None
    ) -> Iterator[Page | Restart | End]:
        """Everything in the order of creation, or what changed since the cursor in the order of changes.

        Both go on from `resume`. The new cursor is from before the first page: what changes meanwhile comes again.
        """
        can = self.capabilities
        whole = full or cursor is None or can.changes == "full"
        with self._world.lock:
            start = self._world.changes
        state = resume or {"whole": whole, "after": 0 if whole or cursor is None else cursor["after"], "start": start}
        seen: set[str] = set()
        while batch := self._batch(state["whole"], state["after"]):
            last = batch[-1]
            state = {**state, "after": last.number if state["whole"] else last.change}
            records = tuple(self._record(row) for row in batch if row.record_id not in seen)
            seen.update(row.record_id for row in batch)
            yield Page(records, resume=dict(state), total=len(self._world.rows))
            self._world.between_pages()
        watermark = self._world.now if can.stamps else None
        yield End({"after": state["start"]} if can.changes == "cursor" else None, state["whole"], watermark)

    def get(self, record_id: str) -> Record | Gone:
        with self._world.lock:
            row = self._world.rows.get(record_id)
            return self._record(row) if row else Gone()

    def find(self, key: Key, value: str) -> list[Record]:
        if key not in self.capabilities.find_by:
            return []
        with self._world.lock:
            rows = list(self._world.rows.values())
        if key == "reference":
            return [self._record(row) for row in rows if row.reference == value]
        return [self._record(row) for row in rows if row.payload.get(_FIELDS[key]) == value]

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        if len(writes) > self.capabilities.batch_size:
            raise ValueError(f"{len(writes)} writes in one call, {self.capabilities.batch_size} at most")
        return [self._written(write) for write in writes]

    def close(self) -> None:
        return None

    def _batch(self, whole: bool, after: int) -> list[_Row]:
        with self._world.lock:
            rows = sorted(self._world.rows.values(), key=lambda row: row.number if whole else row.change)
        return [row for row in rows if (row.number if whole else row.change) > after][: self._page_size]

    def _record(self, row: _Row) -> Record:
        can = self.capabilities
        return Record(
            row.record_id,
            dict(row.payload),
            row.created_at if can.stamps else None,
            row.updated_at if can.stamps else None,
            row.deleted_at,
            row.reference,
        )

    def _written(self, write: Write) -> WriteResult:
        self._world.writes.append(write)
        mishap = self._world.mishap(write)
        if mishap == "lost_before":
            return WriteResult(write.key, "unknown", reason="timeout")
        if mishap in {"refused", "unsent"}:
            return WriteResult(write.key, mishap, reason="validation" if mishap == "refused" else "unreachable")
        with self._world.lock:
            result = self._carried_out(write)
        return WriteResult(write.key, "unknown", reason="timeout") if mishap == "lost_after" else result

    def _carried_out(self, write: Write) -> WriteResult:
        can, fields = self.capabilities, dict(write.fields)
        if write.operation not in can.operations:
            return WriteResult(write.key, "refused", reason="unsupported")
        if write.operation == "create":
            record_id = self._world.add(**fields)
            row = self._world.rows[record_id]
            row.reference = write.reference if can.reference else None
            return self._done(write, row)
        found = self._world.rows.get(write.record_id or "")
        if found is None or (found.deleted_at is not None and write.operation == "update"):
            return WriteResult(write.key, "gone")
        if write.present is not None and _moved(write.present, found.payload, write.watched):
            return WriteResult(write.key, "moved", self._record(found))
        match write.operation:
            case "update":
                self._world.edit(found.record_id, **fields)
            case "delete" if found.deleted_at is None:
                self._world.delete(found.record_id)
            case "restore":
                self._world.restore(found.record_id)
        return self._done(write, found)

    def _done(self, write: Write, row: _Row) -> WriteResult:
        return WriteResult(write.key, "done", self._record(row) if row.record_id in self._world.rows else None)


def _moved(present: Mapping[str, Any], fresh: Mapping[str, Any], watched: frozenset[str]) -> bool:
    return any((present.get(path) or None) != (fresh.get(path) or None) for path in watched)
