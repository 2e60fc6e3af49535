"""The command line from outside: exit codes, what goes to which stream, and what is never done by mistake."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from connectors.base import Capabilities
from pipeline import cli
from pipeline.check import pace_warnings
from pipeline.cli.terms import stoppable
from pipeline.config import SystemConfig
from state import inbox, lock
from tests.engine import Workshop, workshop

ROOT = Path(__file__).parents[2]
COMMANDS = [
    ["demo"], ["init"], ["check"], ["backfill"], ["sync"], ["plan"], ["apply"], ["status"], ["query"], ["simulate"],
    ["mappings", "check"], ["mappings", "preview"], ["review", "list"], ["review", "merge"], ["review", "apart"],
    ["unlink"], ["ignore"], ["show"], ["why"], ["undo"], ["reconcile"], ["auth"], ["daemon"],
]  # fmt: skip

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True)


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Workshop]:
    """Three tills with one customer each; the same person at berlin and oslo."""
    with workshop(tmp_path) as w:
        w.shop.berlin.add(first_name="Ana", last_name="Berg", email="ana@example.com", phone_number="+4915112345678")
        w.shop.oslo.add(firstname="Ana", lastname="Berg", email="ana@example.com")
        w.shop.riyadh.add(name="Sara Haddad", dial_code=966, phone="512345678", email="sara@example.com")
        assert w.config.file.exists()
        yield w


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; returns exit code, standard output, standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def on(w: Workshop) -> tuple[str, Path]:
    return "--config", w.folder / "config.yaml"


def requests(w: Workshop) -> int:
    return sum(len(till.ledger.requests()) for till in w.shop.handle.tills.values())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(run: Run, command: list[str]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert f"Example:\n    customer-sync {'--config' if command == ['check'] else ' '.join(command)}" in out


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    """`--help` has to answer within 0.3 s, so it must not import what only runs need."""
    heavy = (
        "{'duckdb', 'pyarrow', 'httpx', 'pydantic', 'rich.console', 'yaml', 'structlog', 'phonenumbers', 'starlette'}"
    )
    code = f"import sys; from pipeline import cli; code = cli.run(['--help']); sys.exit(code or len({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    listed = set(re.findall(r"^  (\w+)  ", done.stdout.partition("Commands:")[2], re.MULTILINE))
    assert listed == {command[0] for command in COMMANDS}


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["sync", "--nonsense"], ["query"], ["sync", "--max-deletes", "many"], ["sync", "--max-deletes", "-1"],
     ["query", "SELECT 1", "--format", "xml"], ["query", "SELECT 1", "--format", "parquet"],
     ["query", "SELECT 1", "--json", "--format", "csv"], ["--config", "/nowhere/config.yaml", "status"]],
)  # fmt: skip
def test_usage_errors_exit_2(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err
    assert "Traceback" not in err


def test_a_bad_configuration_lists_everything_and_contacts_nobody(run: Run, w: Workshop) -> None:
    file = w.folder / "config.yaml"
    file.write_text(file.read_text().replace("connector: foodics", "connector: foodix") + "regoin: DE\n")
    code, out, err = run(*on(w), "sync")
    assert (code, out) == (2, "")
    assert "unknown connector 'foodix'; did you mean 'foodics'?" in err
    assert "regoin: unknown key; did you mean 'region'?" in err
    assert requests(w) == 0


def test_init_writes_two_files_and_never_overwrites(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert run("init", folder)[0] == 0
    assert sorted(file.name for file in folder.iterdir()) == [".env.example", "config.yaml"]
    (folder / ".env.example").unlink()
    (folder / "config.yaml").write_text("mine")
    code, _, err = run("init", folder)
    assert code == 2
    assert f"{folder / 'config.yaml'} exists already" in err
    assert (folder / "config.yaml").read_text() == "mine"
    assert not (folder / ".env.example").exists()


def test_a_backfill_then_the_reading_commands(run: Run, w: Workshop) -> None:
    """One workspace through its usual day: first run, a look at it, a quiet second run."""
    code, out, err = run(*on(w), "status", "--json")
    assert (code, json.loads(out)["last_run"]) == (0, None)

    code, out, err = run(*on(w), "backfill", "--json")
    assert code == 0, err
    done = json.loads(out)
    assert (done["command"], done["exit_code"]) == ("backfill", 0)
    by_system = {row["system"]: row for row in done["systems"]}
    assert {name: row["records_read"] for name, row in by_system.items()} == {"berlin": 1, "oslo": 1, "riyadh": 1}
    assert {name: row["created"] for name, row in by_system.items()} == {"berlin": 1, "oslo": 1, "riyadh": 1}

    code, out, _ = run(*on(w), "query", "SELECT full_name, systems FROM customers ORDER BY 1", "--json")
    assert (code, json.loads(out)) == (0, [
        {"full_name": "Ana Berg", "systems": ["berlin", "oslo", "riyadh"]},
        {"full_name": "Sara Haddad", "systems": ["berlin", "oslo", "riyadh"]},
    ])  # fmt: skip

    status = json.loads(run(*on(w), "status", "--json")[1])
    assert status["last_run"]["run_id"] == done["run_id"]
    assert status["last_run"]["created"] == 3
    assert [(s["system"], s["records"], s["stale"]) for s in status["systems"]] == [
        ("berlin", 2, False), ("oslo", 2, False), ("riyadh", 2, False),
    ]  # fmt: skip
    assert "Ana" not in run(*on(w), "status")[1]

    code, out, _ = run(*on(w), "sync", "--no-progress")
    assert code == 0
    assert "all systems agree" in out


def test_a_dry_run_and_a_plan_write_nothing_and_the_plan_can_be_applied(run: Run, w: Workshop) -> None:
    plan, report = w.folder / "plan.json", w.folder / "plan.html"
    code, out, _ = run(*on(w), "backfill", "--dry-run", "--json")
    assert code == 0
    assert len(json.loads(out)["plan"]) == json.loads(out)["planned"] > 0
    code, out, _ = run(*on(w), "plan", "--out", plan, "--report", report)
    assert code == 0
    assert "Sara Haddad" in report.read_text()
    assert not [entry for till in w.shop.handle.tills.values() for entry in till.ledger.writes()]
    assert run(*on(w), "apply", plan)[0] == 0
    rows = json.loads(run(*on(w), "query", "SELECT count(*) AS n FROM customers WHERE records = 3", "--json")[1])
    assert rows == [{"n": 2}]


def test_a_plan_that_is_none_is_refused_before_anybody_is_asked(run: Run, w: Workshop) -> None:
    (w.folder / "plan.json").write_text("{}")
    assert run(*on(w), "apply", w.folder / "plan.json")[0] == 2
    assert requests(w) == 0


@pytest.mark.parametrize(
    "name", ["var/customers.snapshot.duckdb", "var/customers.duckdb.tokens", "config.yaml", "var", "no/where"]
)
def test_output_never_lands_on_the_workspace_itself(run: Run, w: Workshop, name: str) -> None:
    run(*on(w), "plan")
    code, _, err = run(*on(w), "query", "SELECT 1 AS a", "--format", "csv", "--out", w.folder / name)
    assert code == 2
    assert str(w.folder / name) in err
    assert json.loads(run(*on(w), "query", "SELECT 1 AS a", "--json")[1]) == [{"a": 1}]


def test_an_unreachable_till_is_named_and_the_others_are_done(run: Run, w: Workshop) -> None:
    w.settings["systems"] = {"riyadh": {"auth": {"token": "not-the-token"}}}
    assert w.config.file.exists()
    code, out, err = run(*on(w), "backfill", "--no-progress")
    assert code == 5
    assert "riyadh" in err
    assert "not-the-token" not in out + err
    rows = json.loads(run(*on(w), "query", "SELECT system, records FROM cursors WHERE records > 0", "--json")[1])
    assert sorted(row["system"] for row in rows) == ["berlin", "oslo"]


def test_a_held_workspace_exits_6_and_names_its_holder(run: Run, w: Workshop) -> None:
    with lock.hold(w.config.store_path, "daemon"):
        code, out, err = run(*on(w), "sync")
        assert (code, out) == (6, "")
        assert f"`daemon` (process {os.getpid()}" in err
        assert json.loads(run(*on(w), "status", "--json")[1])["running"]["command"] == "daemon"
    assert requests(w) == 0


def test_an_unknown_system_exits_2(run: Run, w: Workshop) -> None:
    code, _, err = run(*on(w), "sync", "--system", "paris")
    assert code == 2
    assert "paris" in err
    assert requests(w) == 0


def test_check_asks_every_till_and_changes_nothing(run: Run, w: Workshop) -> None:
    code, out, _ = run(*on(w), "check", "--json")
    assert code == 0, out
    found = json.loads(out)["findings"]
    assert {line["system"] for line in found} == {"", "berlin", "oslo", "riyadh"}
    assert not [line for line in found if line["level"] == "error"]
    warned = " ".join(line["what"] for line in found if line["level"] == "warning")
    assert "a secret in the file itself" in warned
    assert not [change for till in w.shop.tills.values() for change in till.ledger.changes()]


def test_check_warns_about_what_will_not_work(run: Run, w: Workshop) -> None:
    """Each of these lets a run start and then disappoints."""
    w.settings["systems"] = {"berlin": {"deletes": "propagate"}}
    w.config.file.chmod(0o644)
    _, out, _ = run(*on(w), "check")
    assert "deletes is propagate, but safety.max_deletes is 0" in out
    assert "config.yaml holds secrets or customers and others can read it" in out


def test_check_names_two_systems_on_one_account(run: Run, w: Workshop) -> None:
    """One till under two addresses looks like two in the file; the till knows better."""
    document = yaml.safe_load(w.config.file.read_text())
    riyadh = document["systems"]["riyadh"]
    document["systems"]["jeddah"] = riyadh | {"base_url": riyadh["base_url"].replace("127.0.0.1", "localhost")}
    (w.folder / "config.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    code, out, _ = run(*on(w), "check")
    assert code == 2
    assert re.search(r"error\s+jeddah: is the same account as riyadh", out)


@pytest.mark.parametrize(
    ("changes", "schedule", "warned"),
    [
        ("full", "*/10 * * * *", ["schedule: 270,000 customers need 15 minutes, but it is due every 10 minutes"]),
        ("full", "*/15 * * * *", []),
        ("full", "every 10m", ["schedule: 270,000 customers need 15 minutes, but it is due every 10 minutes"]),
        ("cursor", "*/10 * * * *", []),
    ],
)
def test_check_says_when_a_schedule_cannot_be_met(changes: Any, schedule: str, warned: list[str]) -> None:
    """Only a full walk costs what the number of customers says; 270,000 in pages of 30 at 600 a minute take 15 minutes."""
    capabilities = Capabilities(
        changes=changes, deletions="absence", stamps=False, reference=False, find_by=frozenset(), batch_size=1,
        concurrency=1, operations=frozenset({"update"}), page_size=30, requests_per_minute=600,
    )  # fmt: skip
    system = SystemConfig(connector="inventorum", schedule=schedule)
    assert [finding.what for finding in pace_warnings(system, capabilities, 270_000)] == warned


def test_check_says_whose_credentials_are_refused(run: Run, w: Workshop) -> None:
    w.settings["systems"] = {"riyadh": {"auth": {"token": "wrong"}}}
    assert w.config.file.exists()
    code, out, _ = run(*on(w), "check")
    assert code == 5
    assert re.search(r"error\s+riyadh: ", out)
    assert re.search(r"ok\s+berlin: ", out)


def test_a_broken_mapping_exits_2_and_contacts_nobody(run: Run, w: Workshop) -> None:
    (w.folder / "mappings").mkdir()
    (w.folder / "mappings" / "foodics.yaml").write_text("nonsense: [\n")
    for command in ("check", "sync"):
        assert run(*on(w), command)[0] == 2
    code, out, err = run(*on(w), "mappings", "check")
    assert (code, out) == (2, "")
    assert "foodics.yaml" in err
    assert requests(w) == 0


def test_mappings_check_and_preview(run: Run, w: Workshop) -> None:
    code, out, err = run(*on(w), "mappings", "check", "--json")
    assert code == 0, err
    assert set(json.loads(out)["mappings"]) >= {"inventorum", "flow_retail", "foodics"}
    run(*on(w), "plan")
    code, out, _ = run(*on(w), "mappings", "preview", "riyadh", "--json")
    assert code == 0
    found = json.loads(out)
    (record,) = found["shown"]
    assert (found["records"], found["not_understood"], found["reads_differently"]) == (1, [], {})
    assert record["payload"]["name"] == "Sara Haddad"
    assert record["units"]["phone"]["value"] == "+966512345678"
    assert "Sara Haddad" in run(*on(w), "mappings", "preview", "riyadh")[1]
    assert run(*on(w), "mappings", "preview", "paris")[0] == 2
    assert run(*on(w), "mappings", "preview", "riyadh", "--record", "nobody")[0] == 2


def test_decisions_wait_in_the_inbox_also_while_a_run_goes_on(run: Run, w: Workshop) -> None:
    run(*on(w), "plan")
    store = w.config.store_path
    record = json.loads(run(*on(w), "query", "SELECT record_id FROM records WHERE system = 'oslo'", "--json")[1])[0][
        "record_id"
    ]
    with lock.hold(store, "backfill"):
        assert run(*on(w), "unlink", f"oslo:{record}")[0] == 0
        assert run(*on(w), "ignore", "ANA@example.com")[0] == 0
        assert run(*on(w), "ignore", "+49 151 12345678")[0] == 0
    kinds = [(decision.kind, sorted(decision.subject)) for decision in inbox.pending(store)]
    assert kinds == [("unlink", ["record_id", "system"]), ("ignore", ["customer_id"]), ("ignore", ["customer_id"])]
    assert json.loads(run(*on(w), "status", "--json")[1])["waiting"]["decisions_for_next_run"] == 3


@pytest.mark.parametrize(
    "command",
    [["unlink", "oslo:nobody"], ["unlink", "nonsense"], ["ignore", "nobody@example.com"], ["review", "merge", "r1"]],
)
def test_a_decision_about_nothing_exits_2(run: Run, w: Workshop, command: list[str]) -> None:
    run(*on(w), "plan")
    code, out, err = run(*on(w), *command)
    assert (code, out) == (2, "")
    assert err
    assert inbox.pending(w.config.store_path) == []


def test_reviews_are_listed_and_decided(run: Run, w: Workshop) -> None:
    """One e-mail, two clearly different people in two tills: somebody has to say."""
    w.shop.riyadh.add(name="Omar Said", dial_code=966, phone="555555123", email="ana@example.com")
    run(*on(w), "plan")
    code, out, _ = run(*on(w), "review", "list", "--json")
    assert code == 0
    found = json.loads(out)
    assert {side["name"] for review in found for side in (review["left"], review["right"])} >= {"Ana Berg", "Omar Said"}
    code, out, _ = run(*on(w), "review", "apart", found[0]["review_id"][:8])
    assert code == 0
    (decision,) = inbox.pending(w.config.store_path)
    assert (decision.kind, decision.subject["review_id"]) == ("apart", found[0]["review_id"])
    assert json.loads(run(*on(w), "review", "list", "--json")[1])[0]["decided"] == "apart"
    assert "waits for the next run" in run(*on(w), "review", "list")[1]


def test_a_bug_exits_1_with_a_traceback_that_quotes_nobody(
    run: Run, w: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("ana@example.com")

    monkeypatch.setattr("pipeline.status.gather", broken)
    code, out, err = run(*on(w), "status")
    assert (code, out) == (1, "")
    assert "KeyError" in err
    assert "ana@example.com" not in err


def test_ctrl_c_asks_the_run_to_stop(capsys: pytest.CaptureFixture[str]) -> None:
    with stoppable() as stop:
        assert not stop.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
    assert "once more to stop at once" in capsys.readouterr().err


def test_ctrl_c_twice_ends_the_process_at_once() -> None:
    code = """
import signal, sys
from pipeline.cli.terms import stoppable
from pipeline.config import SystemConfig
with stoppable():
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    sys.exit(0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 128 + signal.SIGINT
