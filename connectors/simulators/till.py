"""What all simulated tills share: customers as encoded JSON, staff's edits, ledger, dials, how a request is let in.

A `Till` is one account at one vendor. Its Python methods are what staff do at the counter (no validation: staff can
leave a name empty); its routes are the vendor's API. Both may be used at once, from any thread.
"""

from __future__ import annotations

import random
import threading
import time
import zlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from connectors.simulators.clock import Clock
from connectors.simulators.dials import Dials
from connectors.simulators.faults import Faults
from connectors.simulators.ledger import Change, Kind, Ledger, Operation

D = TypeVar("D", bound=Dials)
Payload = dict[str, Any]

CHUNK = 10_000

encode = msgspec.json.encode
decode = msgspec.json.decode


@dataclass(slots=True)
class Visit:
    """One API request under way: what the ledger will say about it."""

    n: int
    kind: Kind = "other"
    changed: bool = False


VISIT: ContextVar[Visit | None] = ContextVar("VISIT", default=None)
"""The API request that this code runs for, or None: staff at the counter."""


@dataclass(slots=True)
class _Hook:
    left: int
    every: int
    action: Callable[[], object]


class Till(ABC, Generic[D]):
    """One account at one vendor. `account` makes its ids and identity; two tills of one vendor need different ones."""

    vendor: ClassVar[str]
    base_path: ClassVar[str]

    def __init__(self, account: str, dials: D, *, clock: Clock | None = None, seed: int = 0) -> None:
        self.account, self.seed = account, seed
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.ledger, self.faults = Ledger(), Faults()
        self._first_dials = dials
        self.reset()

    def reset(self) -> None:
        """A new, empty till: no customers, no history, the dials it was made with, everything working."""
        with self.lock:
            self.dials = self._first_dials
            self.ledger.reset()
            self.faults.clear()
            # Not for secrets: ids and orders that are the same for the same seed.
            self.random = random.Random(f"{self.account}|{self.seed}")  # noqa: S311
            self._hooks: list[_Hook] = []
            self._passed: deque[float] = deque()
            self._rows: dict[str, bytes] = {}
            self._spoiled: dict[str, bytes] = {}
            self._serial = 0
            self._empty()

    @property
    @abstractmethod
    def credentials(self) -> dict[str, str]:
        """The demo credentials, as the `auth` of a configuration names them."""

    @property
    @abstractmethod
    def routes(self) -> list[BaseRoute]:
        """The vendor's API, paths relative to the till's prefix (so with `base_path`)."""

    @abstractmethod
    def lose_tokens(self, *, refresh_too: bool = False) -> None:
        """The access tokens handed out so far stop working; with `refresh_too` the permission was withdrawn."""

    @abstractmethod
    def _empty(self) -> None:
        """Forget what only this vendor keeps (indexes, tokens)."""

    @abstractmethod
    def _index(self, record_id: str, row: Payload | None, old: Payload | None) -> None:
        """Bring the vendor's orders and indexes up to date: `row` replaced `old` (None: no such row)."""

    @abstractmethod
    def _admit(self, request: Request, scope: str) -> Response | None:
        """The vendor's refusal when the caller's token or permission does not suffice for `scope`, else None."""

    @abstractmethod
    def refusal(self, status: int) -> Response:
        """The vendor's answer for a request it cannot take (401, 404, 429, unreadable body)."""

    # Dials

    def turn(self, **changes: Any) -> None:
        """Set some dials, from the next request on. Raises ValueError for a name or a value that is not one."""
        known = {f.name: getattr(self.dials, f.name) for f in fields(self.dials)}
        if unknown := sorted(set(changes) - set(known)):
            raise ValueError(f"{self.vendor} has no dial {', '.join(unknown)}; there are {', '.join(known)}")
        try:
            dials = msgspec.convert({**known, **changes}, type(self.dials))
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
        with self.lock:
            self.dials = dials

    # Customers

    def customers(self) -> dict[str, Payload]:
        """What the till holds now: record id → payload in the vendor's default form (soft-deleted ones left out)."""
        with self.lock:
            return {record_id: decode(self._rows[record_id]) for record_id in self._live_ids()}

    def customer(self, record_id: str) -> Payload:
        """One customer, also a soft-deleted one. Raises KeyError."""
        with self.lock:
            payload: Payload = decode(self._rows[record_id])
            return payload

    def _live_ids(self) -> Iterable[str]:
        return self._rows

    def __len__(self) -> int:
        with self.lock:
            return sum(1 for _ in self._live_ids())

    def add(self, **fields: Any) -> str:
        """Staff enter a new customer, in the vendor's own field names; returns the record id."""
        with self.lock:
            return self._create(self._checked(fields))

    def edit(self, record_id: str, **fields: Any) -> None:
        """Staff change some fields. Raises KeyError for an unknown customer, ValueError for an unknown field."""
        with self.lock:
            self._change(record_id, self._checked(fields))

    def delete(self, record_id: str) -> None:
        """Staff delete a customer. Raises KeyError for an unknown one."""
        with self.lock:
            if record_id not in self._rows:
                raise KeyError(record_id)
            self._remove(record_id)

    def touch(self, record_id: str) -> None:
        """Something that is no personal data changes (an order, a balance): stamps move where the vendor has stamps."""
        self.edit(record_id)

    def load(self, rows: Iterable[Mapping[str, Any]], *, spacing_s: float = 60.0) -> list[str]:
        """Put many customers in at once, as if entered `spacing_s` apart, the last one now; returns their ids.

        Rows may set the stamps themselves. Not in the ledger; the clock does not move.
        """
        with self.lock:
            rows = list(rows)
            at = self.clock.now() - timedelta(seconds=spacing_s * max(len(rows) - 1, 0))
            ids: list[str] = []
            for start in range(0, len(rows), CHUNK):  # so that a million decoded rows are never held at once
                made = []
                for row in rows[start : start + CHUNK]:
                    made.append(self._new_row(self._checked(row), at))
                    at += timedelta(seconds=spacing_s)
                self._rows.update((record_id, encode(row)) for record_id, row in made)
                self._index_many(made)
                ids.extend(record_id for record_id, _ in made)
            return ids

    def spoil(self, record_id: str, raw: str | bytes | Mapping[str, Any] | None) -> None:
        """From now on serve `raw` wherever the API would serve this customer (None: the truth again)."""
        with self.lock:
            if raw is None:
                self._spoiled.pop(record_id, None)
            else:
                self._spoiled[record_id] = (
                    raw if isinstance(raw, bytes) else raw.encode() if isinstance(raw, str) else encode(raw)
                )

    def on_list(self, after: int, action: Callable[[], object], *, every: int = 0) -> None:
        """Run `action` after `after` more answered list requests, then after each `every` more (0: never again)."""
        with self.lock:
            self._hooks.append(_Hook(after, every, action))

    # What vendors make of it

    @abstractmethod
    def _checked(self, fields: Mapping[str, Any]) -> Payload:
        """Staff input, with ValueError for a field that this vendor does not have."""

    @abstractmethod
    def _new_row(self, fields: Payload, at: datetime) -> tuple[str, Payload]:
        """A new record id and the complete row for it."""

    @abstractmethod
    def _merged(self, record_id: str, row: Payload, fields: Payload) -> Payload:
        """The row after a change of `fields`, stamps included."""

    def _index_many(self, made: list[tuple[str, Payload]]) -> None:
        for record_id, row in made:
            self._index(record_id, row, None)

    def _create(self, fields: Payload) -> str:
        record_id, row = self._new_row(fields, self.clock.tick())
        self._store("create", record_id, row)
        return record_id

    def _change(self, record_id: str, fields: Payload, operation: Operation = "update") -> Payload:
        row = self._merged(record_id, decode(self._rows[record_id]), fields)
        self._store(operation, record_id, row)
        return row

    def _remove(self, record_id: str) -> None:
        self._store("delete", record_id, None)

    def _store(self, operation: Operation, record_id: str, row: Payload | None) -> None:
        """The one place where a customer changes: row, indexes, ledger."""
        old = decode(self._rows[record_id]) if record_id in self._rows else None
        self._index(record_id, row, old)
        if row is None:
            del self._rows[record_id]
        else:
            self._rows[record_id] = encode(row)
        visit = VISIT.get()
        if visit is not None:
            visit.changed = True
            self.ledger.note(Change(visit.n, operation, record_id, row))

    def _next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def _number(self, salt: str, modulus: int) -> int:
        """A number that belongs to this account, the same on every machine."""
        return zlib.crc32(f"{self.account}|{salt}".encode()) % modulus

    # Requests

    def _endpoint(
        self, handler: Callable[[Request, Any], Response], kind: Kind, scope: str
    ) -> Callable[[Request], Awaitable[Response]]:
        """A Starlette endpoint: rate limit, token and permission, body; then the handler, alone in the till."""

        async def run(request: Request) -> Response:
            body = await request.body()
            visit = VISIT.get() or Visit(0)
            visit.kind = kind
            with self.lock:
                refused = self._over_limit() or self._admit(request, scope)
                if refused is not None:
                    return refused
                try:
                    document = self._parse(request, body)
                except (ValueError, msgspec.MsgspecError):
                    return self.refusal(400)
                response = handler(request, document)
                self._add_limit_headers(response)
                if kind == "list":
                    self._run_hooks()
                return response

        run.kind = kind  # type: ignore[attr-defined]
        return run

    def _parse(self, request: Request, body: bytes) -> Any:  # noqa: ARG002 - Inventorum's override looks at it
        return decode(body) if body else {}

    def _add_limit_headers(self, response: Response) -> None:
        """Nothing, unless the vendor tells its callers how much is left."""

    def _used(self) -> int:
        """How many requests were let in during the present window."""
        horizon = time.monotonic() - self.dials.rate_window_s
        while self._passed and self._passed[0] <= horizon:
            self._passed.popleft()
        return len(self._passed)

    def _over_limit(self) -> Response | None:
        """429 when the rate limit is on and used up (a sliding window of real time; refused requests do not count)."""
        if self.dials.rate_limit is None:
            return None
        if self._used() >= self.dials.rate_limit:
            response = self.refusal(429)
            if self.dials.retry_after is not None:
                response.headers["Retry-After"] = self.dials.retry_after
            self._add_limit_headers(response)
            return response
        self._passed.append(time.monotonic())
        return None

    def _run_hooks(self) -> None:
        token = VISIT.set(None)  # what a hook does is staff's doing, not this request's
        try:
            for hook in list(self._hooks):
                hook.left -= 1
                if hook.left <= 0:
                    hook.action()
                    if hook.every:
                        hook.left = hook.every
                    else:
                        self._hooks.remove(hook)
        finally:
            VISIT.reset(token)

    def drift(self, action: str, *, after: int, every: int = 0) -> None:
        """Rows change during a walk: `insert`, `delete` or `touch` one, chosen by the seed; see `on_list`."""
        actions: dict[str, Callable[[], object]] = {
            "insert": lambda: self.add(**self._anybody()),
            "delete": lambda: self._on_anyone(self.delete),
            "touch": lambda: self._on_anyone(self.touch),
        }
        self.on_list(after, actions[action], every=every)

    def _on_anyone(self, action: Callable[[str], None]) -> None:
        if ids := list(self._live_ids()):
            action(self.random.choice(ids))

    @abstractmethod
    def _anybody(self) -> Payload:
        """Some new customer, for drift."""


def html(status: int, title: str) -> Response:
    """A page as a proxy or a crashed framework would show it."""
    return Response(
        f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>", status, media_type="text/html"
    )


def json(payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; `payload` may hold `msgspec.Raw` parts that are already encoded."""
    return Response(encode(payload), status, headers=dict(headers) if headers else None, media_type="application/json")
