"""The powers that tests have in Python, over HTTP for another process: `/_control/{system}/…`, JSON in and out.

A system's name cannot begin with an underscore, so no vendor's path can be mistaken for one of these.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connectors.simulators.faults import Fault
from connectors.simulators.foodics import FoodicsTill
from connectors.simulators.till import Till, decode, json

Action = Callable[[Till[Any], Request, Any], Any]


def control_routes(tills: Mapping[str, Till[Any]]) -> list[BaseRoute]:
    """The routes under `/_control` for these tills."""
    table: list[tuple[str, str, Action]] = [
        ("GET", "", _overview),
        ("GET", "/dials", lambda till, *_: asdict(till.dials)),
        ("PATCH", "/dials", _turn),
        ("POST", "/faults", _add_fault),
        ("DELETE", "/faults", lambda till, *_: till.faults.clear()),
        ("POST", "/drift", lambda till, _, body: till.drift(**body)),
        ("POST", "/clock", _set_clock),
        ("POST", "/tokens", _lose_tokens),
        ("POST", "/reset", lambda till, *_: till.reset()),
        ("GET", "/ledger", _ledger),
        ("DELETE", "/ledger", lambda till, *_: till.ledger.reset()),
        ("GET", "/customers", lambda till, *_: till.customers()),
        ("POST", "/customers", lambda till, _, body: {"id": till.add(**body)}),
        ("POST", "/load", lambda till, _, body: {"ids": till.load(body)}),
        ("GET", "/customers/{id}", lambda till, request, _: till.customer(request.path_params["id"])),
        ("PATCH", "/customers/{id}", lambda till, request, body: till.edit(request.path_params["id"], **body)),
        ("DELETE", "/customers/{id}", lambda till, request, _: till.delete(request.path_params["id"])),
        ("POST", "/customers/{id}/touch", lambda till, request, _: till.touch(request.path_params["id"])),
        ("POST", "/customers/{id}/restore", _restore),
    ]

    async def systems(request: Request) -> Response:  # noqa: ARG001
        return json({name: _overview(till, name) for name, till in tills.items()})

    routes: list[BaseRoute] = [Route("/", systems)]
    routes += [
        Route(f"/{{system}}{path}", _endpoint(tills, action), methods=[method]) for method, path, action in table
    ]
    return routes


def _endpoint(tills: Mapping[str, Till[Any]], action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def run(request: Request) -> Response:
        till = tills.get(request.path_params["system"])
        if till is None:
            return json({"error": "no such system"}, 404)
        try:
            body = decode(await request.body() or b"{}")
            with till.lock:
                answer = action(till, request, body)
        except KeyError as error:
            return json({"error": f"no such customer: {error}"}, 404)
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            return json({"error": str(error)}, 400)
        return json({} if answer is None else answer)

    return run


def _overview(till: Till[Any], *_: Any) -> Any:
    return {
        "vendor": till.vendor,
        "account": till.account,
        "customers": len(till),
        "credentials": till.credentials,
        "now": till.clock.now().isoformat(),
    }


def _turn(till: Till[Any], _: Request, body: Any) -> Any:
    till.turn(**body)
    return asdict(till.dials)


def _add_fault(till: Till[Any], _: Request, body: Any) -> None:
    """`{"latency_s": 0.2}`, `{"fault": {"kind": "reset"}, "on": {"n": 1, "path": "customers"}}`, or
    `{"chance": {"probability": 0.05, "seed": 1}}`."""
    if "latency_s" in body:
        till.faults.latency_s = float(body["latency_s"])
    if "fault" in body:
        till.faults.on(fault=msgspec.convert(body["fault"], Fault), **{"n": 1, **body.get("on", {})})
    if "chance" in body:
        chance = dict(body["chance"])
        if "mix" in chance:
            chance["mix"] = msgspec.convert(chance["mix"], list[Fault])
        till.faults.by_chance(**chance)


def _set_clock(till: Till[Any], _: Request, body: Any) -> Any:
    """`{"set": "2026-01-05T08:00:00Z"}`, `{"advance_s": 3600}`, `{"step_s": 0}`; tills often share one."""
    if "set" in body:
        till.clock.set(datetime.fromisoformat(body["set"]))
    if "step_s" in body:
        till.clock.step_s = float(body["step_s"])
    till.clock.advance(float(body.get("advance_s", 0)))
    return {"now": till.clock.now().isoformat()}


def _lose_tokens(till: Till[Any], _: Request, body: Any) -> None:
    """`{"lose": "access"}`: every access token expires; `{"lose": "all"}`: the merchant took the permission away."""
    if body.get("lose") not in ("access", "all"):
        raise ValueError("lose must be access or all")
    till.lose_tokens(refresh_too=body["lose"] == "all")


def _ledger(till: Till[Any], request: Request, _: Any) -> Any:
    """Counts, and the requests and changes after request `?since=n` (0: all that are kept)."""
    since = int(request.query_params.get("since", 0))
    return {
        "counts": dict(till.ledger.counts),
        "requests": [
            {**asdict(entry), "body": entry.body.decode("utf-8", "replace")}
            for entry in till.ledger.requests()
            if entry.n > since
        ],
        "changes": [asdict(change) for change in till.ledger.changes() if change.n > since],
    }


def _restore(till: Till[Any], request: Request, _: Any) -> None:
    if not isinstance(till, FoodicsTill):
        raise TypeError(f"{till.vendor} cannot restore")
    till.restore(request.path_params["id"])
