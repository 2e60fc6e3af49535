"""The program from outside, by the public contract alone: command lines, exit codes, files, and what the tills saw."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators.faults import Fault
from tests.engine import Workshop
from tests.simulators import Shop, start

PROGRAM = [sys.executable, "-c", "from pipeline.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "dumb"}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as the one JSON document that `--json` promises."""
        return json.loads(self.out)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running:
        yield running


@pytest.fixture
def w(shop: Shop, tmp_path: Path) -> Workshop:
    """Two customers at berlin; one of them also at oslo."""
    shop.reset()
    shop.berlin.add(first_name="Ana", last_name="Berg", email="ana@example.com", phone_number="+4915112345001")
    shop.berlin.add(first_name="Bo", last_name="Lund", email="bo@example.com", phone_number="+4915112345002")
    shop.oslo.add(firstname="Ana", lastname="Berg", email="ana@example.com")
    return Workshop(tmp_path, shop)


def begin(w: Workshop, *arguments: str) -> subprocess.Popen[str]:
    command = [*PROGRAM, "--config", str(w.config.file), *arguments]
    return subprocess.Popen(
        command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )


def end(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=120)
    return Ended(process.returncode, out, err)


def run(w: Workshop, *arguments: str) -> Ended:
    return end(begin(w, *arguments))


def emails(shop: Shop, till: str) -> list[str]:
    return sorted(row["email"] for row in shop.tills[till].customers().values())


BOTH = ["ana@example.com", "bo@example.com"]


def test_a_backfill_makes_all_tills_agree_and_a_sync_then_writes_nothing(w: Workshop) -> None:
    first = run(w, "backfill", "--json", "--no-progress")
    assert first.code == 0, first.err
    assert [(s["system"], s["created"]) for s in first.document["systems"]] == [
        ("berlin", 0),
        ("oslo", 1),
        ("riyadh", 2),
    ]
    assert {name: emails(w.shop, name) for name in w.shop.tills} == dict.fromkeys(("berlin", "oslo", "riyadh"), BOTH)
    writes = w.shop.writes()
    second = run(w, "sync", "--json")
    assert (second.code, second.document["planned"], w.shop.writes()) == (0, 0, writes)


def test_a_dry_run_writes_nothing_and_forgets_nothing(w: Workshop) -> None:
    dry = run(w, "sync", "--dry-run", "--json")
    assert (dry.code, w.shop.writes()) == (0, 0)
    assert sorted(change["operation"] for change in dry.document["plan"]) == ["create", "create", "create", "update"]
    assert run(w, "sync").code == 0
    assert len(w.shop.riyadh.ledger.creates()) == 2
    oslo = next(key for key, row in w.shop.oslo.customers().items() if row["email"] == "ana@example.com")
    w.shop.oslo.edit(oslo, email="new@example.com")
    for _ in range(2):
        again = run(w, "sync", "--dry-run", "--json")
        assert sorted(change["system"] for change in again.document["plan"]) == ["berlin", "riyadh"]
    assert run(w, "sync").code == 0
    assert emails(w.shop, "riyadh") == ["bo@example.com", "new@example.com"]


def test_a_saved_plan_is_applied_exactly(w: Workshop, tmp_path: Path) -> None:
    plan, report = tmp_path / "plan.json", tmp_path / "plan.html"
    assert run(w, "plan", "--out", str(plan), "--report", str(report)).code == 0
    assert w.shop.writes() == 0
    assert "<html" in report.read_text("utf-8")
    assert run(w, "apply", str(plan)).code == 0
    assert emails(w.shop, "riyadh") == BOTH
    writes = w.shop.writes()
    assert run(w, "sync").code == 0
    assert w.shop.writes() == writes


def test_a_plan_under_which_the_world_moved_is_refused_or_applied_without_what_moved(
    w: Workshop, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    assert run(w, "backfill").code == 0
    for record_id, row in w.shop.oslo.customers().items():
        w.shop.oslo.edit(record_id, email=row["email"].replace("@", ".new@"))
    assert run(w, "plan", "--out", str(plan)).code == 0
    ana = next(key for key, row in w.shop.berlin.customers().items() if row["first_name"] == "Ana")
    w.shop.berlin.edit(ana, email="ana.elsewhere@example.com")
    writes = w.shop.writes()
    refused = run(w, "apply", str(plan))
    assert (refused.code, w.shop.writes()) == (4, writes)
    assert "berlin" in refused.err
    assert "--skip-stale" in refused.err
    rest = run(w, "apply", str(plan), "--skip-stale", "--json")
    assert rest.code == 3
    assert rest.document["dropped"]
    assert "bo.new@example.com" in emails(w.shop, "berlin")
    assert "bo.new@example.com" in emails(w.shop, "riyadh")
    assert "ana.elsewhere@example.com" in emails(w.shop, "berlin")


def test_one_that_is_no_plan_of_this_workspace_is_a_usage_error(w: Workshop, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("{}", encoding="utf-8")
    assert run(w, "apply", str(other)).code == 2
    assert w.shop.writes() == 0


def test_wrong_configuration_and_unknown_systems_contact_nobody(w: Workshop) -> None:
    assert run(w, "sync", "--system", "bergen").code == 2
    text = w.config.file.read_text("utf-8").replace("requests_per_minute", "requests_per_minut", 1)
    broken = w.folder / "broken.yaml"
    broken.write_text(text.replace("region: DE", "region: Germany", 1), encoding="utf-8")
    command = [*PROGRAM, "--config", str(broken), "sync"]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "requests_per_minute" in ended.stderr
    assert "Germany" in ended.stderr
    assert "broken.yaml" in ended.stderr
    assert all(till.ledger.arrived == 0 for till in w.shop.tills.values())


def test_a_refused_write_is_a_reject_and_exit_3_once(w: Workshop) -> None:
    w.shop.oslo.turn(unique_fields=("email",))
    w.shop.oslo.add(companyName="Somebody AS", customerType="COMPANY", email="bo@example.com")
    w.settings["match"] = {"on": ["mobile"]}
    first = run(w, "backfill")
    assert first.code == 3, first.err
    found = run(w, "query", "SELECT system, stage FROM rejects", "--format", "json")
    assert {"system": "oslo", "stage": "write"} in found.document
    writes = w.shop.writes()
    assert run(w, "sync").code == 0
    assert w.shop.writes() == writes, "the same write was sent again"


def test_a_safety_limit_stops_before_the_first_write(w: Workshop) -> None:
    w.settings["systems"] = {name: {"deletes": "propagate"} for name in ("berlin", "oslo")}
    assert run(w, "backfill").code == 0
    ana = next(key for key, row in w.shop.riyadh.customers().items() if row["email"] == "ana@example.com")
    w.shop.riyadh.delete(ana)
    writes = w.shop.writes()
    stopped = run(w, "sync")
    assert (stopped.code, w.shop.writes()) == (4, writes)
    assert "--max-deletes 1" in stopped.err
    assert run(w, "sync", "--dry-run").code == 4
    assert run(w, "sync", "--max-deletes", "1").code == 0
    assert emails(w.shop, "berlin") == emails(w.shop, "oslo") == ["bo@example.com"]


def test_an_unreachable_system_does_not_keep_the_others(w: Workshop) -> None:
    w.shop.riyadh.faults.on(1, Fault("status", status=404), times=None)
    w.settings["systems"] = {"riyadh": {"base_url": "http://127.0.0.1:9/v5"}}
    ended = run(w, "backfill")
    assert ended.code == 5
    assert "riyadh" in ended.err
    assert emails(w.shop, "oslo") == BOTH
    assert len(w.shop.riyadh) == 0


def test_a_refused_token_is_named_and_the_others_are_done(w: Workshop) -> None:
    w.shop.oslo.lose_tokens()
    ended = run(w, "backfill")
    assert ended.code == 5
    assert "oslo" in ended.err
    assert emails(w.shop, "riyadh") == BOTH
    assert w.shop.oslo.ledger.creates() == []


def test_while_a_run_holds_the_workspace_a_second_one_goes_and_questions_are_answered(w: Workshop) -> None:
    assert run(w, "backfill").code == 0
    w.shop.oslo.faults.latency_s = 1.5
    holding = begin(w, "backfill", "--no-progress")
    try:
        asked = w.shop.oslo.ledger.arrived
        give_up = time.monotonic() + 60
        while w.shop.oslo.ledger.arrived == asked and time.monotonic() < give_up:
            time.sleep(0.05)
        w.shop.oslo.faults.latency_s = 6
        second = run(w, "sync")
        assert second.code == 6, second.err
        assert "backfill" in second.err
        assert holding.poll() is None
        answer = run(w, "query", "SELECT count(*) AS n FROM customers", "--json")
        assert (answer.code, answer.document) == (0, [{"n": 2}])
    finally:
        w.shop.oslo.faults.clear()
        holding.send_signal(signal.SIGTERM)
        assert end(holding).code in (0, 5)
    assert run(w, "sync").code == 0


def test_json_is_one_document_and_nothing_else(w: Workshop) -> None:
    for command in (["plan"], ["sync"], ["status"], ["query", "SELECT * FROM runs"], ["review", "list"], ["check"]):
        ended = run(w, *command, "--json")
        assert ended.code == 0, (command, ended.err)
        assert ended.document is not None
