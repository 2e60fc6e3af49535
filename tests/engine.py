"""Whole runs against the simulated tills, in this process: `with workshop(folder) as w: w.sync()`.

w.shop      the tills (tests/simulators.py): what staff do, dials, faults, ledgers
w.run(...)  one run; its report is returned, and the snapshot is published as always
w.query()   rows from the published snapshot
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.config import Config, load_config
from pipeline.demo import rows_of, write_config
from pipeline.progress import Silent
from pipeline.run import Options, RunReport, run_sync
from tests.simulators import Shop, start


@dataclass
class Workshop:
    """One workspace on running tills."""

    folder: Path
    shop: Shop
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """The configuration as it is now; `settings` is laid over the usual one (top-level keys; systems one by one)."""
        systems: Mapping[str, Any] = self.settings.get("systems", {})
        path = write_config(self.folder, self.shop.handle, **systems)
        document = yaml.safe_load(path.read_text("utf-8"))
        document.update({key: value for key, value in self.settings.items() if key != "systems"})
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return load_config(path)

    def run(self, command: str = "sync", **options: Any) -> RunReport:
        """One run with these `Options`."""
        return run_sync(self.config, Options(command=command, **options), Silent())

    def backfill(self, **options: Any) -> RunReport:
        """`customer-sync backfill`."""
        return self.run("backfill", full=True, **options)

    def sync(self, **options: Any) -> RunReport:
        """`customer-sync sync`."""
        return self.run("sync", **options)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows from the snapshot."""
        return rows_of(self.config.store_path, sql)[1]


@contextmanager
def workshop(folder: Path, shop: Shop | None = None, **settings: Any) -> Iterator[Workshop]:
    """A workspace in `folder` on `shop`, or on tills of its own."""
    if shop is not None:
        yield Workshop(folder, shop, dict(settings))
        return
    with start() as running:
        yield Workshop(folder, running, dict(settings))
