"""Law 13: no secret and no customer's data in a log, an error message, a metric or an alert, whatever goes wrong.

Customers with values that occur nowhere else are put into every till; commands run at debug level through every kind of
fault, and everything that was said is searched. What a user asked to see (`query`, `show`, a plan) is not.
"""

from __future__ import annotations

import json
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import yaml

from connectors.simulators import faults
from connectors.simulators.faults import Fault
from pipeline import cli, run
from pipeline.daemon import Daemon
from tests.engine import Workshop, workshop
from tests.receiver import receiver

CANARIES = (
    "Quillonde", "Brambleshaw", "quillonde.b", "Wumpelstilz", "Kanarienweg", "quuxblue", "15117654321", "1511 7654321", "512345678",
    "DE136695976", "136695976", "41234567", "Tirrelmund",
)  # fmt: skip
ASKED_FOR = {"plan", "preview"}
"""Their standard output is what the user wants to see; their standard error is not."""


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True)


@pytest.fixture
def w(tmp_path: Path) -> Iterator[Workshop]:
    with workshop(tmp_path, log={"level": "debug", "format": "json"}, daemon={"listen": "127.0.0.1:0"}) as w:
        w.shop.berlin.add(
            first_name="Quillonde", last_name="Brambleshaw", email="quillonde.b@example.com", phone_number="+49 1511 7654321",
            company="Wumpelstilz GmbH", note="prefers the quuxblue chair",
            billing_address={"address1": "Kanarienweg 77", "zipcode": "12345", "city": "Tirrelmund", "country": "DE"}, tax_number="DE136695976",
        )  # fmt: skip
        w.shop.oslo.add(
            firstname="Quillonde", lastname="Brambleshaw", email="quillonde.b@example.com", mobile="41234567"
        )
        w.shop.riyadh.add(
            name="Quillonde Brambleshaw", dial_code=966, phone="512345678", email="quillonde.b@example.com"
        )
        w.shop.riyadh.add(name="Tirrelmund Brambleshaw", dial_code=966, phone="512345678")
        yield w


def secrets(w: Workshop) -> set[str]:
    """Every credential of the configuration, and the tokens that replaced them."""
    document = yaml.safe_load(w.config.file.read_text("utf-8"))
    found = {str(value) for system in document["systems"].values() for value in system["auth"].values()}
    kept = w.config.store_path.with_name("customers.duckdb.tokens")
    if kept.exists():
        found |= {
            text
            for text in re.findall(r'"([^"]{12,})"', kept.read_text("utf-8"))
            if "token" not in text or len(text) > 25
        }
    return found


def leaks(said: str, w: Workshop) -> list[str]:
    plain = said.encode().decode("unicode_escape", "ignore") + said
    return [value for value in (*CANARIES, *secrets(w)) if value.lower() in plain.lower()]


def say(w: Workshop, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What one command says."""
    file = w.config.file
    capfd.readouterr()
    cli.run(["--config", str(file), *arguments])
    out, err = capfd.readouterr()
    return err if ASKED_FOR & set(arguments) else out + err


def trouble(w: Workshop, kind: str) -> None:
    """Make every till do this."""
    for till in w.shop.tills.values():
        till.faults.clear()
        if kind == "mixed":
            quick = [fault for fault in faults.MIXED if fault.retry_after is None]
            till.faults.by_chance(0.25, seed=3, mix=quick)
        elif kind == "refused":
            till.faults.on(1, Fault("status", status=403), times=None)
        elif kind == "unauthorised":
            till.faults.on(1, Fault("status", status=401), times=None)
        elif kind == "write refused":
            till.faults.on(1, Fault("status", status=422), method="POST|PUT|PATCH", path="customer", times=None)
        elif kind == "odd answers":
            till.faults.on(1, Fault("status", status=418), times=None)


def test_nothing_that_is_said_holds_a_customer_or_a_secret(w: Workshop, capfd: pytest.CaptureFixture[str]) -> None:
    w.config  # noqa: B018  writes the file
    plan = str(w.folder / "plan.json")
    told = {}
    for kind in ("refused", "unauthorised", "odd answers", "write refused", "mixed"):
        trouble(w, kind)
        for command in (["check"], ["sync", "--yes", "--no-progress"]):
            told[f"{command[0]}, {kind}"] = say(w, capfd, *command)
    trouble(w, "none")
    for arguments in (
        ["backfill", "--yes"], ["sync", "--json"], ["status"], ["status", "--json"], ["mappings", "check"], ["plan", "--out", plan],
        ["apply", plan], ["reconcile"], ["mappings", "preview", "berlin"], ["undo", "no-such-run"], ["show", "nobody@example.org"],
        ["why", "berlin:1", "oslo:2"], ["review", "merge", "no-such-review"], ["unlink", "berlin:no-such-record"], ["auth", "nowhere"],
    ):  # fmt: skip
        told[" ".join(arguments[:2])] = say(w, capfd, *arguments)
    assert {name: found for name, said in told.items() if (found := leaks(said, w))} == {}
    assert sum(map(len, told.values())) > 2_000  # something was said
    assert emails(w) == {"quillonde.b@example.com"}  # and something was synced


def emails(w: Workshop) -> set[str]:
    return {row["email"] for row in w.shop.oslo.customers().values()}


def test_a_bug_that_quotes_a_customer_does_not_say_so(
    w: Workshop, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library's own message may hold a value (`could not convert 'Quillonde'`): command, daemon, alert and page keep it back."""

    def broken(*_: object) -> None:
        try:
            raise ValueError(f"could not convert {CANARIES[:2]}")
        except ValueError as error:
            raise RuntimeError(f"row: {CANARIES}") from error

    monkeypatch.setattr(run, "match", broken)
    with receiver() as inbox:
        w.settings["alerts"] = [inbox.url]
        said = say(w, capfd, "sync", "--yes")
        assert "ValueError" in said
        assert "broken" in said  # where it was
        daemon = Daemon(w.config)
        address = daemon.start()
        daemon._run(("berlin", "oslo", "riyadh"))
        assert inbox.wait_for(1) == ["customer-sync demo: the run failed"]
        pages = []
        for path in (
            "/healthz",
            "/readyz",
            "/metrics",
            "/customers/nobody",
            "/nonsense",
            "/customers/../../etc",
            "/runs/%00",
        ):
            try:
                with urllib.request.urlopen(address + path, timeout=10) as answer:
                    pages.append(answer.read().decode())
            except urllib.error.HTTPError as error:
                with error:
                    pages.append(error.read().decode())
        daemon.stop()
    out, err = capfd.readouterr()
    assert "run.failed" in err + out
    everything = said + out + err + json.dumps(inbox.messages) + "".join(pages)
    assert leaks(everything, w) == []
    assert "hook-secret" not in everything
