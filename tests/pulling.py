"""Pulls alone, without what comes after them: `pull(w)` is the first arrow of a run, and `staged(w)` what it left in the store."""

from __future__ import annotations

from threading import Event
from typing import Any

from pipeline import accounts, stage
from pipeline.extract import Stopped, extract
from pipeline.normalise import normalise
from pipeline.progress import Silent
from pipeline.run import Options, _open_workspace
from pipeline.stage import Received
from pipeline.workspace import utc_now
from tests.engine import Workshop
from tests.quick import books


class Pulled(dict[str, Received]):
    """What each system brought. `problems`: its error code, where it was left out; `told`: what people are told about fields."""

    problems: dict[str, str]
    told: list[str]


def pull(w: Workshop, *systems: str, full: bool = False, stop: Event | None = None) -> Pulled:
    """extract → stage → normalise, of these systems or all."""
    result = Pulled()
    with _open_workspace(w.config, Options("sync", systems=systems), utc_now) as ws:
        accounts.verify(ws)
        try:
            result.update(extract(ws, full=full, progress=Silent(), stop=stop or Event()))
            normalise(ws)
        except Stopped:
            pass
        result.problems = {name: s.problem.code for name, s in ws.systems.items() if s.problem is not None}
        result.told = stage.new_fields(ws)
    return result


def staged(w: Workshop) -> list[tuple[Any, ...]]:
    """Every record as it is staged, without times."""
    return rows(
        w,
        "SELECT system, record_id, payload::VARCHAR, content_hash, source_updated_at, deleted_at IS NULL, missing_since IS NULL"
        " FROM core.records ORDER BY ALL",
    )


def cursors(w: Workshop) -> dict[str, str]:
    """Each system's cursor as text."""
    return dict(rows(w, "SELECT system, cursor::VARCHAR FROM core.systems"))


def rows(w: Workshop, sql: str) -> list[tuple[Any, ...]]:
    """Rows of the store itself."""
    return books(w.config.store_path, sql)
