"""Law 11 for pulls, with real processes: `kill -9` at any moment, then the same command, stages what an undisturbed pull does."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine import Workshop
from tests.pulling import rows, staged
from tests.simulators import Shop, start

PULL = """
import sys
from pathlib import Path
from threading import Event
from pipeline import extract
from pipeline.config import load_config
from pipeline.progress import Silent
from pipeline.run import Options, _open_workspace
from pipeline.workspace import utc_now
extract.FLUSH_ROWS, extract.FLUSH_S = 60, 0.0  # many durable steps, so that a kill falls between and into them
with _open_workspace(load_config(Path(sys.argv[1])), Options("sync"), utc_now) as ws:
    extract.extract(ws, full=False, progress=Silent(), stop=Event())
    assert not [s.problem for s in ws.systems.values() if s.problem]
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running:
        for n, till in enumerate(running.tills.values()):
            key = ("last_name", "lastname", "name")[n]
            extra = {"phone": "500000000", "dial_code": 966} if key == "name" else {}
            till.turn(**({"duplicate_phone": "allow"} if key == "name" else {}))
            till.load([{key: f"Muster{i}", **extra} for i in range(240)])
        yield running


def _workshop(folder: Path, shop: Shop) -> Workshop:
    folder.mkdir()
    return Workshop(folder, shop, {"systems": {"oslo": {"page_size": 20}, "riyadh": {"page_size": 20}}})


def _start(w: Workshop) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PULL, str(w.config.file)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _finish(w: Workshop) -> None:
    process = _start(w)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()


def test_a_killed_pull_goes_on_from_its_last_durable_page(tmp_path: Path, shop: Shop) -> None:
    """Counted in the requests of the second process, where the vendor's order allows to go on."""
    w = _workshop(tmp_path / "w", shop)
    process = _start(w)
    oslo, riyadh = shop.oslo, shop.riyadh
    oslo.on_list(9, process.kill)
    process.communicate()
    before = oslo.ledger.counts["list"], riyadh.ledger.counts["list"]
    landed = dict(rows(w, "SELECT split_part(pull_id, ':', 2), count(*) FROM core.landing GROUP BY 1"))
    assert landed["oslo"] >= 60
    assert [row for row in staged(w) if row[0] == "oslo"] == []
    _finish(w)
    assert oslo.ledger.counts["list"] - before[0] <= (240 - landed["oslo"]) / 20 + 6
    assert riyadh.ledger.counts["list"] - before[1] <= (240 - landed.get("riyadh", 0)) / 20 + 6
    assert len(staged(w)) == 3 * 240


@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=pytest.mark.deep)])
def test_killed_at_any_moment_then_run_again_stages_the_same(tmp_path: Path, shop: Shop, kills: int) -> None:
    calm = _workshop(tmp_path / "calm", shop)
    began = time.monotonic()
    _finish(calm)
    lasts = time.monotonic() - began
    expected = staged(calm)
    assert len(expected) == 3 * 240
    chance = random.Random(kills)
    moments: list[float] = []
    for n in range(kills):
        w = _workshop(tmp_path / f"killed{n}", shop)
        for _ in range(2):
            process = _start(w)
            moments.append(chance.uniform(0.3, 1.1) * lasts)
            time.sleep(moments[-1])
            process.send_signal(signal.SIGKILL)
            process.communicate()
        _finish(w)
        assert staged(w) == expected, moments
        cursors = "SELECT system, watermark, full_scans > 0 FROM core.systems ORDER BY system"
        assert rows(w, cursors) == rows(calm, cursors), moments
        for table in ("landing", "landing_rejects", "pulls"):
            assert rows(w, f"SELECT count(*) FROM core.{table}") == [(0,)], moments
