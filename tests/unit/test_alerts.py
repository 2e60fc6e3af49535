"""People are told once when something begins and once when it is over, whatever restarts and failing services do."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.alerts import Alerts, Service, Topic, services
from pipeline.config import Config
from pipeline.errors import UserError
from tests.receiver import Inbox, receiver

REFUSED = Topic("refused", "oslo")


def configured(*urls: str) -> Config:
    return Config.model_construct(alerts=[SecretStr(url) for url in urls])


def open_alerts(inbox: Inbox, folder: Path, retry_s: float = 60.0) -> Alerts:
    return Alerts("acme", folder / "customers.duckdb", services(configured(inbox.url)), retry_s=retry_s)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with receiver() as running:
        yield running


def test_told_once_when_it_begins_and_once_when_it_is_over(inbox: Inbox, tmp_path: Path) -> None:
    alerts = open_alerts(inbox, tmp_path)
    alerts.judge(REFUSED, "")
    for _ in range(3):
        alerts.judge(REFUSED, "oslo does not accept the token")
    assert inbox.wait_for(1) == ["customer-sync acme: oslo: refuses our credentials"]
    assert inbox.messages[0]["message"] == "oslo: refuses our credentials: oslo does not accept the token"
    assert inbox.messages[0]["type"] == "failure"
    assert alerts.troubles() == {REFUSED: "oslo does not accept the token"}
    for _ in range(3):
        alerts.judge(REFUSED, "")
    assert inbox.wait_for(2)[1:] == ["customer-sync acme: over: oslo: refuses our credentials"]
    assert inbox.messages[1]["type"] == "success"
    alerts.judge(REFUSED, "again")
    assert len(inbox.wait_for(3)) == 3
    alerts.close()
    assert len(inbox.messages) == 3


def test_a_restart_neither_repeats_an_alert_nor_forgets_that_it_was_told(inbox: Inbox, tmp_path: Path) -> None:
    alerts = open_alerts(inbox, tmp_path)
    alerts.judge(REFUSED, "no")
    inbox.wait_for(1)
    alerts.close()
    again = open_alerts(inbox, tmp_path)
    again.judge(Topic("safety"), "")
    again.judge(REFUSED, "still no")
    again.close()
    assert len(inbox.titles()) == 1
    last = open_alerts(inbox, tmp_path)
    last.judge(REFUSED, "")
    last.close()
    assert inbox.titles()[1:] == ["customer-sync acme: over: oslo: refuses our credentials"]
    assert (tmp_path / "customers.duckdb.alerts.json").stat().st_mode & 0o777 == 0o600


def test_what_nobody_took_is_told_later_and_what_passed_meanwhile_is_not(inbox: Inbox, tmp_path: Path) -> None:
    inbox.status = 503
    alerts = open_alerts(inbox, tmp_path, retry_s=0.1)
    alerts.judge(REFUSED, "no")
    alerts.judge(Topic("stale", "berlin"), "late")
    alerts.judge(Topic("stale", "berlin"), "")
    until = time.monotonic() + 5
    while inbox.tries < 2 and time.monotonic() < until:
        time.sleep(0.02)
    assert inbox.tries >= 2
    inbox.status = 200
    assert inbox.wait_for(1) == ["customer-sync acme: oslo: refuses our credentials"]
    alerts.close()
    assert len(inbox.messages) == 1


def test_one_service_that_is_down_does_not_keep_the_others_from_being_told_once(inbox: Inbox, tmp_path: Path) -> None:
    with receiver() as dead:
        dead.status = 500
        receivers = services(configured(dead.url, inbox.url))
        alerts = Alerts("acme", tmp_path / "s", receivers, retry_s=0.05)
        alerts.judge(REFUSED, "no")
        inbox.wait_for(1)
        alerts.close()
    assert len(inbox.messages) == 1
    assert dead.tries >= 1


def test_systems_that_are_gone_are_forgotten_without_a_word(inbox: Inbox, tmp_path: Path) -> None:
    alerts = open_alerts(inbox, tmp_path)
    alerts.judge(REFUSED, "no")
    inbox.wait_for(1)
    alerts.replace(services(configured(inbox.url)), ["berlin"])
    alerts.judge(REFUSED, "")
    alerts.close()
    assert len(inbox.messages) == 1
    assert alerts.troubles() == {}


def test_a_service_with_a_bug_is_no_reason_to_stop() -> None:
    class Broken:
        def notify(self, **_: object) -> bool:
            raise RuntimeError("ana@example.com")

    from apprise import NotifyType

    assert not Service("alerts[0]", Broken()).send("t", "b", NotifyType.INFO)  # type: ignore[arg-type]


def test_addresses_that_apprise_does_not_understand_are_named_by_their_place() -> None:
    """The address itself holds a secret."""
    with pytest.raises(UserError) as found:
        services(configured("json://127.0.0.1", "nonsense://hook-secret@x"))
    assert "alerts[1]" in str(found.value)
    assert "alerts[0]" not in str(found.value)
    assert "hook-secret" not in str(found.value)


def test_configured_alerts_without_apprise_say_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UserError, match=r"customer-sync\[alerts\]"):
        services(configured("json://127.0.0.1"))
    assert services(configured()) == []


def test_nothing_of_a_failed_delivery_but_its_place_is_logged(
    inbox: Inbox, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An alert's address is a secret; Apprise's own log lines would quote it."""
    from pipeline import log

    log.configure(level="debug")
    inbox.status = 500
    alerts = open_alerts(inbox, tmp_path)
    alerts.judge(REFUSED, "oslo does not accept the token")
    alerts.close()
    said = "".join(capfd.readouterr())
    assert "alert.not_delivered" in said
    assert "alerts[0]" in said
    assert "hook-secret" not in said
    assert "127.0.0.1" not in said
