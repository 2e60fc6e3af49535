"""What a page is: a path, a template, and a function from a question to JSON types. Its JSON twin is the same without template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    import duckdb

    from pipeline.config import Config

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the configuration, the snapshot, the parts of the path and of the query string."""

    config: Config
    con: duckdb.DuckDBPyConnection
    now: datetime
    path: Mapping[str, str]
    query: Mapping[str, str]

    @property
    def page(self) -> int:
        """Which page of a list, from 1."""
        text = self.query.get("page", "1")
        return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1

    @property
    def offset(self) -> int:
        """How many rows come before this page."""
        return (self.page - 1) * PAGE_ROWS

    def chosen(self, *names: str) -> dict[str, str]:
        """These filters of the query string, where they say something."""
        return {name: self.query[name] for name in names if self.query.get(name)}


@dataclass(frozen=True, slots=True)
class View:
    """One page. `load` raises Missing for what does not exist."""

    path: str
    template: str
    load: Callable[[Asked], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Action:
    """One form's target. `act` leaves a decision in the inbox and returns the page to show then."""

    path: str
    act: Callable[[Config, Mapping[str, str], Mapping[str, str]], str]


class Missing(Exception):
    """There is no such customer, run or review. The message names the kind of thing, never what was asked for."""


def pager(asked: Asked, total: int, filters: Mapping[str, str]) -> dict[str, Any]:
    """Where a list stands, and the query strings of its neighbours (None: there is none)."""
    pages = max(1, -(-total // PAGE_ROWS))

    def link(page: int) -> str | None:
        return "?" + urlencode({**filters, "page": page}) if 1 <= page <= pages and page != asked.page else None

    return {
        "page": asked.page,
        "pages": pages,
        "total": total,
        "previous": link(asked.page - 1),
        "next": link(asked.page + 1),
    }
