"""Carries a request to a till and its answer back, and what goes wrong on the way, on real connections.

An ASGI application cannot reset a connection, so the server's protocol class is extended by one line that remembers
each connection's transport under its peer address.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from connectors.simulators.faults import Fault
from connectors.simulators.ledger import BODY_LIMIT, Entry, Kind
from connectors.simulators.till import VISIT, Till, Visit

Transports = dict[tuple[str, int], asyncio.Transport]

PAGE = b"<html><head><title>%s</title></head><body><h1>%s</h1><p>nginx</p></body></html>"


def remembering_protocol(transports: Transports) -> type[H11Protocol]:
    """uvicorn's protocol, noting in `transports` which transport serves which peer."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if self.client is not None:
                transports[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client is not None:
                transports.pop(self.client, None)
            super().connection_lost(exc)

    return Protocol


@dataclass(slots=True)
class Answer:
    """A whole HTTP answer, held back until it is known what becomes of it."""

    status: int
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


def till_app(till: Till[Any], transports: Transports) -> Callable[[Scope, Receive, Send], Any]:
    """The ASGI application of one till: its routes, with its faults and its ledger around them."""
    routes = till.routes
    router = Router(routes, redirect_slashes=False)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        shown = path.removeprefix(till.base_path)
        params = scope["query_string"].decode("latin-1")
        visit = Visit(till.ledger.arrive())
        fault = till.faults.pick(scope["method"], f"{shown}?{params}" if params else shown)
        answer: Answer | None = None
        if fault is None or fault.when == "after":
            answer = await _ask(router, scope, body, visit)
        elif fault.kind == "slow":
            await asyncio.sleep(fault.latency_s)
            answer = await _ask(router, scope, body, visit)
        till.ledger.record(
            Entry(
                n=visit.n,
                method=scope["method"],
                path=shown,
                params=params,
                kind=visit.kind if answer is not None else _kind(routes, scope),
                status=_seen_status(answer, fault),
                changed=visit.changed,
                fault=None if fault is None else fault.label,
                body=body[:BODY_LIMIT],
            )
        )
        if till.faults.latency_s:
            await asyncio.sleep(till.faults.latency_s)
        await _deliver(answer, fault, transports.get(tuple(scope["client"])), receive, send)

    return app


def _kind(routes: list[BaseRoute], scope: Scope) -> Kind:
    """What a request that the till never saw would have been."""
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL:
            kind: Kind = getattr(route.endpoint, "kind", "other")
            return kind
    return "other"


def _seen_status(answer: Answer | None, fault: Fault | None) -> int | None:
    """The status that reaches the caller, if one does."""
    match fault.kind if fault is not None else None:
        case "status":
            return fault.status if fault is not None else None
        case "reset" | "hang_up":
            return None
        case _:
            return 200 if answer is None or (fault and fault.kind in ("not_json", "empty")) else answer.status


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _ask(router: Router, scope: Scope, body: bytes, visit: Visit) -> Answer:
    """Let the till answer; nothing is sent yet."""
    answer = Answer(500)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    token = VISIT.set(visit)
    try:
        await router(scope, receive, send)
    finally:
        VISIT.reset(token)
    return answer


async def _deliver(
    answer: Answer | None, fault: Fault | None, transport: asyncio.Transport | None, receive: Receive, send: Send
) -> None:
    """Send the answer, or what the fault makes of it."""
    if fault is None or fault.kind == "slow":
        assert answer is not None
        if fault is not None and fault.when == "after":
            await asyncio.sleep(fault.latency_s)
        await _send(answer, send)
        return
    match fault.kind:
        case "status":
            title = str(fault.status).encode()
            headers = [(b"retry-after", fault.retry_after.encode())] if fault.retry_after is not None else []
            await _send(Answer(fault.status, [(b"content-type", b"text/html"), *headers], PAGE % (title, title)), send)
        case "not_json":
            await _send(Answer(200, [(b"content-type", b"text/html")], PAGE % (b"Welcome", b"Welcome")), send)
        case "empty":
            await _send(Answer(200, [(b"content-type", b"application/json")]), send)
        case "cut_json":
            whole = answer or Answer(200, [(b"content-type", b"application/json")], b'{"data": [{"id": "1')
            await _send(Answer(whole.status, whole.headers, whole.body[: max(len(whole.body) * 2 // 3, 1)]), send)
        case "truncated":
            whole = answer or Answer(200, [(b"content-type", b"application/json")], b'{"data": [{"id": "1", "n')
            body = whole.body or b"{}"
            await _send_start(whole, len(body), send)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await _break(transport, receive, reset=False)
        case "reset" | "hang_up":
            await _break(transport, receive, reset=fault.kind == "reset")


async def _send(answer: Answer, send: Send) -> None:
    await _send_start(answer, len(answer.body), send)
    await send({"type": "http.response.body", "body": answer.body})


async def _send_start(answer: Answer, length: int, send: Send) -> None:
    headers = [(name, value) for name, value in answer.headers if name.lower() != b"content-length"]
    if answer.status != 204:
        headers.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})


async def _break(transport: asyncio.Transport | None, receive: Receive, *, reset: bool) -> None:
    """Close the connection under the server's feet, and wait until the server knows (else it would answer 500)."""
    if transport is None:
        return
    if reset:
        # Linger for zero seconds: the peer gets RST, not FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
