"""The daemon's web application: liveness, readiness, metrics, and the dashboard's pages (pages.py).

Reads: the snapshot and what the daemon says about itself. Writes: nothing (decisions taken on a page go to the inbox).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.config import Config
from pipeline.web.access import access
from pipeline.web.pages import page_routes


@dataclass(frozen=True, slots=True)
class State:
    """What the application asks the daemon. The defaults suit an application that runs without one (tests of pages)."""

    is_alive: Callable[[], bool] = lambda: True
    """The scheduler and the runner are there and moving."""
    not_ready: Callable[[], Sequence[str]] = lambda: ()
    """Why the daemon does not do its work at the moment; empty when it does. Holds no customer data and no secret."""
    metrics: Callable[[], bytes] = lambda: b""
    """The metrics in Prometheus's text format."""


def make_app(config: Config, state: State) -> Starlette:
    """The application for one configuration; a reloaded one gets a new application."""
    return Starlette(routes=[*probe_routes(config, state), *page_routes(config)])


def probe_routes(config: Config, state: State) -> list[BaseRoute]:
    """For process supervisors, without a password, and for Prometheus, which shows it (`Authorization: Bearer`) where there is one."""

    def healthz(_request: Request) -> Response:
        return _answer([] if state.is_alive() else ["the scheduler has stopped"])

    def readyz(_request: Request) -> Response:
        return _answer(state.not_ready())

    def metrics(_request: Request) -> Response:
        return Response(state.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics, middleware=access(config)),
    ]


def _answer(problems: Sequence[str]) -> Response:
    text = "\n".join(problems) or "ok"
    return PlainTextResponse(f"{text}\n", 503 if problems else 200, headers={"Cache-Control": "no-store"})
