"""The dashboard's routes: every page with its JSON twin, the forms that leave decisions, and the files pages need.

Reads: the published snapshot, never the live store. Writes: decisions, to the inbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import duckdb
import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from pipeline.config import Config
from pipeline.errors import UserError
from pipeline.output import shown
from pipeline.query import open_snapshot
from pipeline.web import conflicts, customers, overview, rejects, reviews, runs, words
from pipeline.web.access import access
from pipeline.web.view import Action, Asked, Missing, View

HERE = Path(__file__).parent
VIEWS: tuple[View, ...] = (*runs.VIEWS, *customers.VIEWS, *reviews.VIEWS, *conflicts.VIEWS, *rejects.VIEWS)
ACTIONS: tuple[Action, ...] = (*reviews.ACTIONS, *conflicts.ACTIONS)


def page_routes(config: Config) -> list[BaseRoute]:
    """All of the dashboard, with its access rules around it; takes every path that no earlier route has."""
    pages = _Pages(config, _templates(config))
    routes: list[BaseRoute] = [
        Route("/overview.json", pages.overview),
        Route("/", pages.overview),
        Route("/login", pages.login, methods=["GET", "POST"]),
    ]
    for view in VIEWS:
        # The twin first: a path's last part would swallow the suffix.
        routes.append(Route(f"{view.path}.json", partial(pages.show, view, as_json=True)))
        routes.append(Route(view.path, partial(pages.show, view, as_json=False)))
    routes += [Route(action.path, partial(pages.act, action), methods=["POST"]) for action in ACTIONS]
    routes.append(Mount("/static", StaticFiles(directory=HERE / "static")))
    routes.append(Route("/{path:path}", pages.nowhere))
    return [Mount("", routes=routes, middleware=access(config))]


@dataclass(frozen=True, slots=True)
class _Pages:
    config: Config
    templates: Environment

    def overview(self, request: Request) -> Response:
        """The first page; the only one that has something to say before the first run."""
        found = overview.load(self.config, _now())
        if request.url.path.endswith(".json"):
            return JSONResponse(found)
        return self._page(request, "overview.html", found)

    def show(self, view: View, request: Request, *, as_json: bool) -> Response:
        """One page or its twin."""

        def answer(found: dict[str, Any], status: int) -> Response:
            if as_json:
                return JSONResponse(found, status)
            return self._page(request, view.template if status == 200 else "problem.html", found, status)

        try:
            with open_snapshot(self.config.store_path) as con:
                asked = Asked(self.config, con, _now(), request.path_params, request.query_params)
                return answer(view.load(asked), 200)
        except Missing as missing:
            return answer({"problem": str(missing)}, 404)
        except UserError as error:
            return answer({"problem": error.message}, 503)
        except duckdb.Error as error:
            # DuckDB's messages quote values; the kind of error is all that may leave (law 13).
            structlog.get_logger().error("page.failed", template=view.template, kind=type(error).__name__)
            return answer({"problem": "This page could not be read from the snapshot. Reload it in a moment."}, 500)

    def act(self, action: Action, request: Request) -> Response:
        """Leave a decision, then show the page it was taken on."""
        try:
            return RedirectResponse(action.act(self.config, request.path_params, request.state.form), 303)
        except Missing as missing:
            return self._page(request, "problem.html", {"problem": str(missing)}, 404)
        except UserError as error:
            return self._page(request, "problem.html", {"problem": str(error)}, 409)

    def login(self, request: Request) -> Response:
        """The password form; a right password never gets here (access.py)."""
        problem = getattr(request.state, "problem", "")
        return self._page(request, "login.html", {"problem": problem}, 401 if problem else 200)

    def nowhere(self, request: Request) -> Response:
        """Whatever is no page."""
        if request.url.path.endswith(".json"):
            return JSONResponse({"problem": "There is no such page."}, 404)
        return self._page(request, "problem.html", {"problem": "There is no such page."}, 404)

    def _page(self, request: Request, template: str, found: Mapping[str, Any], status: int = 200) -> Response:
        path = request.url.path
        now = _now()
        context = {
            **found,
            "workspace": self.config.workspace,
            "timezone": self.config.timezone,
            "path": path,
            "twin": ("/overview.json" if path == "/" else f"{path}.json")
            + (f"?{request.url.query}" if request.url.query else ""),
            "csrf": request.state.csrf,
            "has_password": request.state.has_password,
            "now": now,
            "when": partial(_when, timezone=self.config.timezone, now=now),
        }
        return HTMLResponse(self.templates.get_template(template).render(context), status)


def _templates(config: Config) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": _shown,
        "value": _value,
        "plain": words.plain,
        "meaning": words.meaning,
        "remedy": words.remedy,
        "part": lambda text: quote(str(text), safe=""),
        "state": lambda state: words.STATES.get(state, state),
        "number": lambda number: f"{number:,}".replace(",", "\u202f"),
        "pretty": lambda payload: _shown(json.dumps(payload, ensure_ascii=False, indent=2), keep_lines=True),
    }
    environment.globals |= {
        "link": lambda path, **query: path + "?" + urlencode({k: v for k, v in query.items() if v}),
        "duration": words.duration,
        "exit_codes": words.EXIT_CODES,
        "systems": tuple(config.systems),
    }
    return environment


def _shown(text: Any, *, keep_lines: bool = False) -> str:
    """Text whose direction and control marks are written out, so that nothing on a page is other than it looks."""
    if keep_lines:
        return "\n".join(shown(line) for line in str(text).split("\n"))
    return shown(str(text))


def _value(value: Any) -> Markup:
    """A customer's value for a page: escaped, isolated, read in its own direction; groups as their parts."""
    if value is None or value == "":
        return Markup('<span class="nothing">(empty)</span>')
    if isinstance(value, bool):
        return escape("yes" if value else "no")
    if isinstance(value, dict):
        value = value.get("full") or ", ".join(str(part) for part in value.values() if part)
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value)
    return Markup('<bdi dir="auto">{}</bdi>').format(_shown(value))


def _when(moment: str | None, *, timezone: str, now: datetime, exact: bool = False) -> Markup:
    """A time as people say it, the exact one on hovering and for programs."""
    if not moment:
        return Markup("never")
    text = words.local(moment, timezone, now)
    if not exact:
        text = words.distance(moment, now)
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(escape(moment), text)


def _now() -> datetime:
    return datetime.now(UTC)
