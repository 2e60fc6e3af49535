"""Laws 1 and 2 for pulls: whatever goes wrong on the way, what is staged is what an undisturbed pull stages."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.simulators import faults
from tests.engine import Workshop
from tests.pulling import cursors, pull, rows, staged
from tests.quick import quickly
from tests.simulators import Shop, start

PEOPLE = 200
MIXED = tuple(replace(f, retry_after="0") if f.status in {429, 503} else f for f in faults.MIXED)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running, quickly():
        yield running


def _fill(shop: Shop) -> None:
    shop.reset()
    shop.berlin.load({"first_name": "Ana", "last_name": f"Muster{n}"} for n in range(PEOPLE))
    shop.oslo.load({"firstname": "Kari", "lastname": f"Prove{n}"} for n in range(PEOPLE))
    shop.riyadh.load({"name": f"Noura{n}", "phone": f"5{n:08}", "dial_code": 966} for n in range(PEOPLE))


def _workshop(folder: str, name: str, shop: Shop) -> Workshop:
    place = Path(folder) / name
    place.mkdir()
    systems = {
        "berlin": {"timeout_s": 300, "page_size": 10},
        "oslo": {"timeout_s": 300, "page_size": 10},
        "riyadh": {"timeout_s": 300, "page_size": 10},
    }
    return Workshop(place, shop, {"systems": systems})


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**20), share=st.sampled_from([0.05, 0.05, 0.2]))
def test_faults_do_not_change_what_is_staged(shop: Shop, seed: int, share: float) -> None:
    """5 % of all requests fail in mixed ways, before, during and after an incremental pull too."""
    _fill(shop)
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        calm, stormy = _workshop(folder, "calm", shop), _workshop(folder, "stormy", shop)
        for round_ in range(2):
            for till in shop.tills.values():
                till.faults.clear()
            pull(calm)
            for n, till in enumerate(shop.tills.values()):
                till.faults.by_chance(share, seed=seed + n + round_, mix=MIXED)
            for _ in range(4):  # a pull may fail as a whole, but never stage something else
                if not pull(stormy).problems:
                    break
            assert staged(stormy) == staged(calm)
            assert cursors(stormy) == cursors(calm)
            for till in shop.tills.values():
                till.faults.clear()
                till.touch(chance.choice(list(till.customers())))
                till.edit(chance.choice(list(till.customers())), email="changed@example.com")


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**20), every=st.integers(1, 6))
def test_rows_that_move_during_a_pull_are_not_lost(shop: Shop, seed: int, every: int) -> None:
    """Law 1: whoever is there before and after a pull, and the pull says it is complete, is staged as they were at some moment."""
    _fill(shop)
    before = {name: set(till.customers()) for name, till in shop.tills.items()}
    with tempfile.TemporaryDirectory() as folder:
        w = _workshop(folder, "w", shop)
        for n, till in enumerate(shop.tills.values()):
            till.drift(("insert", "delete", "touch")[(seed + n) % 3], after=every, every=every * 3)
        result = pull(w)
        for name, till in shop.tills.items():
            if name in result.problems:
                assert rows(w, f"SELECT * FROM core.records WHERE system = '{name}'") == []
                continue
            here = {r for (r,) in rows(w, f"SELECT record_id FROM core.records WHERE system = '{name}'")}
            assert before[name] & set(till.customers()) <= here
