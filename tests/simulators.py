"""The three simulated tills, running, for any test: `with start() as shop:` or the fixture `shop`.

from tests.simulators import shop  # noqa: F401 - a fixture

def test_something(shop: Shop) -> None:
    ana = shop.berlin.add(first_name="Ana", last_name="Schmidt", email="ana@example.com")
    ...
    assert shop.oslo.ledger.creates() == []
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest

from connectors.simulators.clock import Clock
from connectors.simulators.flow_retail import FlowRetailTill
from connectors.simulators.foodics import FoodicsTill
from connectors.simulators.inventorum import InventorumTill
from connectors.simulators.server import Handle, default_tills, serve
from connectors.simulators.till import Till


@dataclass(frozen=True)
class Shop:
    """Running tills, empty at first, on one clock that only moves when something changes."""

    handle: Handle
    clock: Clock

    @property
    def tills(self) -> dict[str, Till[Any]]:
        return self.handle.tills

    @property
    def berlin(self) -> InventorumTill:
        return cast(InventorumTill, self.tills["berlin"])

    @property
    def oslo(self) -> FlowRetailTill:
        return cast(FlowRetailTill, self.tills["oslo"])

    @property
    def riyadh(self) -> FoodicsTill:
        return cast(FoodicsTill, self.tills["riyadh"])

    def url(self, name: str) -> str:
        """The `base_url` of one system."""
        return self.handle.url(name)

    def writes(self) -> int:
        """Write requests so far, over all tills."""
        return sum(len(till.ledger.writes()) for till in self.tills.values())

    def reset(self) -> None:
        """Empty tills, empty ledgers, default dials, no faults, the clock at its start; cheaper than a new server."""
        self.clock.reset()
        for till in self.tills.values():
            till.reset()


@contextmanager
def start(systems: Mapping[str, Till[Any]] | None = None, *, seed: int = 0) -> Iterator[Shop]:
    """Serve `systems` (None: berlin, oslo and riyadh), which should share one clock."""
    tills = dict(systems) if systems is not None else default_tills(seed=seed)
    with serve(tills) as handle:
        yield Shop(handle, next(iter(tills.values())).clock)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with start() as running:
        yield running
