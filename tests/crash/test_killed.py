"""Law 11, with real processes: `kill -9` at any moment, then the same command, ends as an undisturbed run does."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.simulators.sample import sample
from tests import laws
from tests.engine import Workshop
from tests.simulators import Shop, start

PROGRAM = [sys.executable, "-c", "from pipeline.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "dumb"}


def _fill(shop: Shop, people: int) -> None:
    shop.reset()
    for name, rows in sample().rows.items():
        shop.tills[name].load([*rows[:people], *rows[-8:]])


def _start(w: Workshop) -> subprocess.Popen[bytes]:
    command = [*PROGRAM, "--config", str(w.config.file), "backfill", "--yes", "--no-progress"]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _finish(w: Workshop) -> str:
    process = _start(w)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors.decode()
    return errors.decode()


def _end_state(shop: Shop) -> dict[str, list[tuple[str, ...]]]:
    """What the tills hold, without what differs by chance (ids, stamps, our references)."""
    chance = {"id", "account_scoped_id", "customerUid", "externalId", "createdAt", "lastModifiedAt", "created_at", "updated_at",
              "billing_address"}  # fmt: skip
    return {
        name: sorted(
            tuple(f"{k}={v}" for k, v in sorted(row.items()) if k not in chance) for row in till.customers().values()
        )
        for name, till in shop.tills.items()
    }


@pytest.mark.parametrize(("kills", "people"), [(6, 25), pytest.param(100, 60, marks=pytest.mark.deep)])
def test_killed_at_any_moment_then_run_again_ends_as_if_undisturbed(tmp_path: Path, kills: int, people: int) -> None:
    with start() as shop:
        _fill(shop, people)
        calm = tmp_path / "calm"
        calm.mkdir()
        began = time.monotonic()
        _finish(Workshop(calm, shop))
        lasts = time.monotonic() - began
        expected, creates = _end_state(shop), len(laws.creates_per_person(Workshop(calm, shop)))

        _fill(shop, people)
        place = tmp_path / "killed"
        place.mkdir()
        w = Workshop(place, shop)
        chance = random.Random(kills)
        moments = []
        for _ in range(kills):
            process = _start(w)
            moments.append(chance.uniform(0.2, lasts * 1.1))
            time.sleep(moments[-1])
            process.send_signal(signal.SIGKILL)
            process.communicate()
        _finish(w)

        assert _end_state(shop) == expected, moments
        doubled = {who: n for who, n in laws.creates_per_person(w).items() if n > 1}
        assert not doubled, moments
        assert len(laws.creates_per_person(w)) == creates, moments
        assert laws.quiet(w) == 0
