"""The daemon, whole: schedules, failures and recovery, signals, changed configurations, alerts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators.faults import MIXED, Fault
from pipeline import daemon as module
from pipeline.alerts import Topic
from pipeline.daemon import Daemon
from pipeline.errors import Exit, UserError
from pipeline.run import Options, RunReport, SystemReport
from state import lock
from tests.engine import Workshop, workshop
from tests.receiver import receiver

NEVER = {"schedule": "every 24h"}
"""The first run comes by itself; the next ones when the test says so."""
PROGRAM = [sys.executable, "-c", "from pipeline.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "dumb"}


def until(there: Callable[[], Any], within_s: float = 60) -> Any:
    """What `there` gives as soon as it gives something."""
    end = time.monotonic() + within_s
    while not (found := there()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


@contextmanager
def running(w: Workshop) -> Iterator[Daemon]:
    started = Daemon(w.config)
    try:
        started.start()
        yield started
    finally:
        assert started.stop()


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Workshop]:
    systems = {name: dict(NEVER) for name in ("berlin", "oslo", "riyadh")}
    with workshop(tmp_path, systems=systems, daemon={"listen": "127.0.0.1:0"}) as w:
        w.shop.berlin.add(first_name="Ana", last_name="Berg", email="ana@example.com", phone_number="+4915112345678")
        yield w


def runs(w: Workshop) -> list[tuple[Any, ...]]:
    """(exit code, outcome) of the finished runs, oldest first."""
    try:
        return w.query("SELECT exit_code, outcome FROM runs WHERE finished_at IS NOT NULL ORDER BY started_at")
    except UserError:
        return []


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def emails(w: Workshop, system: str) -> set[str]:
    return {row["email"] for row in w.shop.tills[system].customers().values()}


def test_what_was_never_read_is_read_at_once_and_systems_due_together_run_as_one(work: Workshop) -> None:
    with running(work) as daemon:
        assert daemon._served is not None
        address = daemon._served.address
        status, text = get(f"{address}/readyz")
        assert (status, "nothing to read yet" in text) == (503, True)
        assert get(f"{address}/healthz") == (200, "ok\n")
        until(lambda: runs(work))
        assert runs(work) == [(0, "done")]
        assert emails(work, "oslo") == {"ana@example.com"}

        assert until(lambda: get(f"{address}/readyz") == (200, "ok\n"))
        assert lock.holder(work.config.store_path) is None  # between runs it holds nothing
        work.shop.berlin.edit(next(iter(work.shop.berlin.customers())), email="new@example.com")
        for system in ("oslo", "berlin", "riyadh"):
            daemon.due(system)
        until(lambda: len(runs(work)) == 2)
        assert emails(work, "oslo") == emails(work, "riyadh") == {"new@example.com"}
        metrics = get(f"{address}/metrics")[1]
        assert 'customer_sync_runs_total{outcome="done"} 2.0' in metrics
        assert 'customer_sync_writes_total{outcome="updated",system="oslo"} 1.0' in metrics
        assert "example.com" not in metrics


def test_a_system_that_refuses_us_is_told_once_left_alone_and_welcomed_back(work: Workshop) -> None:
    with receiver() as inbox:
        work.settings["alerts"] = [inbox.url]
        work.shop.oslo.faults.on(1, Fault("status", status=403), times=None)
        with running(work) as daemon:
            until(lambda: runs(work))
            assert runs(work) == [(5, "a system was left out")]
            assert emails(work, "riyadh") == {"ana@example.com"}  # the others go on
            assert inbox.wait_for(1) == ["customer-sync demo: oslo: refuses our credentials"]
            assert daemon._queue.failures() == {"oslo": 1}
            asked = len(work.shop.oslo.ledger.requests())
            daemon.due("oslo")
            daemon.due("berlin")
            until(lambda: len(runs(work)) == 2)
            assert len(work.shop.oslo.ledger.requests()) == asked  # its ticks do nothing meanwhile

            work.shop.oslo.faults.clear()
            daemon.reload()  # somebody mended the credentials: no need to wait
            until(lambda: emails(work, "oslo"))
            assert inbox.wait_for(2)[1:] == ["customer-sync demo: over: oslo: refuses our credentials"]
            assert daemon._queue.failures() == {}
    assert len(inbox.messages) == 2


def test_it_waits_while_somebody_else_holds_the_workspace(work: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_RETRY_S", 0.5)
    with lock.hold(work.config.store_path, "backfill"), running(work) as daemon:
        until(lambda: daemon._said_busy)
        assert daemon._queue.failures() == {}
        assert runs(work) == []
        daemon._stop.set()
    with running(work):
        until(lambda: runs(work))
        assert runs(work) == [(0, "done")]


def test_a_changed_file_is_taken_over_if_valid_and_refused_with_its_reason_if_not(
    work: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "run_sync", lambda config, options, *_: RunReport("r", "sync"))
    with running(work) as daemon:
        file, good = daemon.config.file, daemon.config.file.read_text("utf-8")
        daemon.tick()
        file.write_text(good.replace("every 24h", "every 24x"), encoding="utf-8")
        for _ in range(3):
            daemon.tick()
        assert "schedule" in daemon.config_problem
        assert daemon.config.systems["oslo"].schedule == "every 24h"
        assert "customer_sync_config_valid 0.0" in daemon._metrics.text().decode()
        file.write_text(good.replace("every 24h", "every 2h"), encoding="utf-8")
        for _ in range(3):
            daemon.tick()
        assert daemon.config_problem == ""
        assert daemon.config.systems["oslo"].schedule == "every 2h"
        assert daemon._schedule is not None
        assert max(daemon._schedule.next_times().values()).timestamp() - time.time() <= 2 * 3600
        mine = file.parent / "mappings"
        mine.mkdir()
        (mine / "foodics.yaml").write_text("nonsense: true\n", encoding="utf-8")
        for _ in range(3):
            daemon.tick()
        assert "foodics.yaml" in daemon.config_problem  # mapping files belong to it


def reports(*happened: RunReport | Exception) -> Callable[..., RunReport]:
    """In place of `run_sync`: one of these after the other."""
    left = list(happened)

    def run(_config: Any, options: Options, *_: Any) -> RunReport:
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        one.systems = [SystemReport(name, {}) for name in options.systems]
        return one

    return run


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (RunReport("1", "sync", Exit.SAFETY, problems=["berlin came back empty"]), "a safety limit stopped the run"),
        (UserError("The mapping files have problems:"), "the run failed"),
        (ValueError("ana@example.com"), "the run failed"),
    ],
)
def test_trouble_is_over_when_every_system_it_met_has_had_a_run_without_it(
    work: Workshop, monkeypatch: pytest.MonkeyPatch, first: RunReport | Exception, said: str
) -> None:
    """Systems with different schedules run apart: one of them being well says nothing about the others."""
    with receiver() as inbox:
        work.settings["alerts"] = [inbox.url]
        daemon = Daemon(work.config)
        done = [RunReport(str(n), "sync") for n in (2, 3, 4)]
        monkeypatch.setattr(module, "run_sync", reports(first, *done))
        daemon._run(("berlin", "oslo"))
        assert inbox.wait_for(1) == [f"customer-sync demo: {said}"]
        assert "ana@example.com" not in json.dumps(inbox.messages)
        daemon._run(("oslo",))
        daemon._run(("riyadh",))
        kind = "safety" if isinstance(first, RunReport) else "run"
        assert Topic(kind) in daemon._alerts.troubles()
        daemon._run(("berlin",))
        assert inbox.wait_for(2)[1:] == [f"customer-sync demo: over: {said}"]
        daemon.stop()


def test_a_system_that_refused_us_and_then_cannot_be_reached_is_not_well_again(work: Workshop) -> None:
    daemon = Daemon(work.config)
    for code, refused, expected in (
        ("permission", True, {Topic("refused", "oslo")}),
        ("unreachable", False, {Topic("refused", "oslo")}),
        ("needs_authorisation", True, {Topic("authorise", "oslo")}),
        ("unreachable", False, {Topic("authorise", "oslo")}),
        ("", False, set()),
        ("unreachable", False, set()),
    ):
        daemon._judge(SystemReport("oslo", {}, code, code, refused))
        assert daemon._alerts.troubles().keys() == expected
    assert daemon._queue.failures() == {"oslo": 1}
    daemon.stop()


def test_a_run_that_was_stopped_says_nothing_about_how_things_are(
    work: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = Daemon(work.config)
    daemon._judge(SystemReport("oslo", {}, "refused", "permission", refused=True))
    daemon._stop.set()
    monkeypatch.setattr(module, "run_sync", reports(RunReport("1", "sync", outcome="stopped on request")))
    daemon._run(("oslo",))
    assert daemon._alerts.troubles().keys() == {Topic("refused", "oslo")}
    daemon.stop()


def test_nothing_read_for_twice_the_interval_is_told(work: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as inbox:
        work.settings["alerts"] = [inbox.url]
        work.settings["systems"]["riyadh"]["paused"] = True
        work.backfill()
        daemon = Daemon(work.config)
        now = module.utc_now()
        daemon.tick()
        assert daemon._alerts.troubles() == {}
        monkeypatch.setattr(module, "utc_now", lambda: now + module.timedelta(hours=49))
        daemon._looked_at = float("-inf")
        daemon.tick()
        assert inbox.wait_for(1) == ["customer-sync demo: berlin: was not read for twice its interval (and 1 more)"]
        assert {topic.system for topic in daemon._alerts.troubles()} == {"berlin", "oslo"}
        assert [line.partition(":")[0] for line in daemon.not_ready()] == [
            "the scheduler has stopped",
            "berlin",
            "oslo",
        ]
        daemon.stop()


def test_what_became_due_while_it_was_down_runs_once_and_counts_as_missed(
    work: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.settings["systems"]["riyadh"]["schedule"] = "every 30d"
    work.settings["systems"]["riyadh"]["full_scan"] = "every 30d"
    work.backfill()
    now = module.utc_now()
    monkeypatch.setattr(module, "utc_now", lambda: now + module.timedelta(days=9))
    asked: list[tuple[str, ...]] = []

    def run(_config: Any, options: Options, *_: Any) -> RunReport:
        asked.append(options.systems)
        return RunReport("r", "sync")

    monkeypatch.setattr(module, "run_sync", run)
    daemon = Daemon(work.config)
    daemon._catch_up()
    names = daemon._queue.take(now + module.timedelta(days=9, seconds=5))
    assert names == ("berlin", "oslo")
    assert 'customer_sync_missed_runs_total{system="berlin"} 1.0' in daemon._metrics.text().decode()
    daemon.stop()


def test_tokens_of_systems_that_are_not_read_are_kept_alive(work: Workshop) -> None:
    """A refresh token that nobody uses for long may expire."""
    work.settings["systems"]["berlin"]["paused"] = True
    work.settings["systems"]["oslo"]["paused"] = True
    daemon = Daemon(work.config)
    daemon._keep_tokens()
    assert len(work.shop.berlin.ledger.requests()) >= 1
    assert work.shop.oslo.ledger.requests() == []  # a fixed token cannot be renewed
    work.shop.berlin.faults.on(1, Fault("status", status=403), times=None)
    daemon._keep_tokens()
    daemon.stop()


@contextmanager
def process(w: Workshop) -> Iterator[subprocess.Popen[str]]:
    command = [*PROGRAM, "--config", str(w.config.file), "daemon"]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def test_sigterm_ends_it_within_ten_seconds_and_sighup_reloads(work: Workshop) -> None:
    """Also with a till that does not answer: exit 0, and what was under way goes on in the next run."""
    work.settings["log"] = {"level": "info", "format": "json"}
    work.shop.berlin.faults.on(1, Fault("slow", latency_s=40), times=None)
    store = work.config.store_path  # asking for `config` writes the file, which the daemon would notice
    with process(work) as child:
        until(lambda: lock.holder(store))
        time.sleep(1)
        child.send_signal(signal.SIGHUP)
        time.sleep(1)
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        said, _ = child.communicate(timeout=15)
        assert child.returncode == 0
        assert time.monotonic() - began < 10
    events = [json.loads(line)["event"] for line in said.splitlines() if line.startswith("{")]
    assert events[0] == "daemon.started"
    assert "config.reloaded" in events
    assert "daemon.stopped" in events
    work.shop.berlin.faults.clear()
    assert work.sync().exit_code is Exit.DONE
    assert emails(work, "oslo") == {"ana@example.com"}


def test_an_address_in_use_is_said_at_once(work: Workshop) -> None:
    with running(work) as first:
        assert first._served is not None
        work.settings["daemon"] = {"listen": first._served.address.removeprefix("http://")}
        second = Daemon(work.config)
        with pytest.raises(UserError, match=r"daemon\.listen: .* cannot be used"):
            second.start()
        second.stop()


@pytest.mark.parametrize("times", [8, pytest.param(200, marks=pytest.mark.deep)])
def test_runs_with_faults_everywhere_leak_neither_handles_nor_threads_nor_noise(
    work: Workshop, times: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from pipeline import log

    log.configure(level="info", form="json")
    quick = [fault for fault in MIXED if fault.kind != "slow" and fault.retry_after is None]
    daemon = Daemon(work.config)
    names = tuple(work.config.systems)

    def used() -> tuple[int, int]:
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    seen = []
    for number in range(times):
        for till in work.shop.tills.values():
            till.faults.by_chance(0.1, seed=number, mix=quick)
        daemon._run(names)
        seen.append(used())
    daemon.stop()
    assert max(seen[times // 2 :]) <= max(seen[: times // 2]), seen
    noise = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert len(noise) <= times * 8
    assert {"run.finished"} <= {event["event"] for event in noise}
