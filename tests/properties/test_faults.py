"""Trouble on any request of a whole run: afterwards, with everything working again, the same command ends as if nothing had been."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators.faults import MIXED, Fault
from pipeline.errors import Exit
from tests.crash.test_commits import backfill, small_world, until_quiet
from tests.endings import creates, end_state
from tests.quick import quickly
from tests.simulators import Shop, start

SLOW = Fault("slow", latency_s=0.3)
SOME_SEEDS = [1, 2, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(3, 200))]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running, quickly():
        yield running


@pytest.fixture(scope="module")
def calm(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """End state and creates of a story without trouble."""
    w = small_world(tmp_path_factory.mktemp("calm") / "place", shop)
    until_quiet(w)
    return end_state(shop), creates(shop)


@pytest.mark.parametrize("seed", SOME_SEEDS)
def test_trouble_by_chance_on_all_sides_changes_nothing_in_the_end(
    seed: int, shop: Shop, calm: tuple[Any, Any], tmp_path: Path
) -> None:
    w = small_world(tmp_path / "place", shop)
    for _ in range(3):
        for name, till in shop.tills.items():
            till.faults.by_chance(0.35, seed=seed + len(name), mix=(*MIXED, SLOW))
        assert backfill(w).exit_code in (Exit.DONE, Exit.REJECTED, Exit.UNREACHABLE)
    for till in shop.tills.values():
        till.faults.clear()
    until_quiet(w)
    assert (end_state(shop), creates(shop)) == calm


@pytest.mark.parametrize(
    "fault",
    [fault if n in (2, 7) else pytest.param(fault, marks=pytest.mark.deep) for n, fault in enumerate(MIXED)],
    ids=lambda fault: fault.label,
)
def test_the_same_trouble_with_every_write_changes_nothing_in_the_end(
    fault: Fault, shop: Shop, calm: tuple[Any, Any], tmp_path: Path
) -> None:
    """Each write of each till meets it once: what was carried out is found again, what was not is sent again."""
    w = small_world(tmp_path / "place", shop)
    for till in shop.tills.values():
        till.faults.on(1, fault, method="POST|PUT|DELETE", path=r"/customers(?!.*search)", times=8)
    backfill(w)
    for till in shop.tills.values():
        till.faults.clear()
    until_quiet(w)
    assert (end_state(shop), creates(shop)) == calm
