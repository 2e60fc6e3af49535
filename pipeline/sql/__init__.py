"""One file per set-based step, runnable in the DuckDB shell. Parameters are bound by name (`$system`)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def query(name: str) -> str:
    """The text of `pipeline/sql/<name>.sql`."""
    return (files(__package__) / f"{name}.sql").read_text(encoding="utf-8")
