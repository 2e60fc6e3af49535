"""`auth SYSTEM`: new credentials are tried before they are kept, and another account's are not kept at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors import consent_of
from connectors.errors import Refused
from pipeline import cli
from pipeline.authorise import authorise
from pipeline.config import connector_settings
from pipeline.errors import Exit, UserError
from state.tokens import FileTokens
from tests.engine import Workshop, workshop
from tests.simulators import Shop, start


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def w(tmp_path: Path, running: Shop) -> Iterator[Workshop]:
    running.reset()
    with workshop(tmp_path, running) as w:
        yield w


def answers(*given: str) -> Callable[[str], str]:
    rest = list(given)
    return lambda question: rest.pop(0)


def auth(w: Workshop, system: str, *given: str, said: list[str] | None = None) -> str:
    said = [] if said is None else said
    return authorise(w.config, system, answers(*given), said.append, "http://localhost/")


def kept(w: Workshop, system: str) -> dict[str, Any]:
    file = w.config.store_path.with_name(w.config.store_path.name + ".tokens")
    entry: dict[str, Any] = json.loads(file.read_text())[system]["tokens"] if file.exists() else {}
    return entry


def with_token(w: Workshop, system: str, **auth: str) -> None:
    w.settings.setdefault("systems", {})[system] = {"auth": auth}


def test_a_fixed_token_is_kept_and_used_by_the_next_run(w: Workshop) -> None:
    right = w.shop.oslo.credentials["token"]
    with_token(w, "oslo", token="an-old-token")
    assert w.sync().exit_code == Exit.UNREACHABLE
    assert "oslo is authorised" in auth(w, "oslo", f" Bearer {right} ")
    assert kept(w, "oslo") == {"token": right}
    assert w.sync().exit_code == Exit.DONE
    with_token(w, "oslo", token="configured-later")
    assert w.sync().exit_code == Exit.UNREACHABLE, "a token configured later wins over the kept one"


@pytest.mark.parametrize("given", [("{refresh}", ""), ("", "{refresh}"), ("{access}", "{refresh}"), ("{access}", "")])
def test_a_token_pair_or_half_of_one(w: Workshop, given: Sequence[str]) -> None:
    pair = w.shop.berlin.tokens.issue(None)
    assert pair.refresh is not None
    with_token(w, "berlin", **{**w.shop.berlin.credentials, "access_token": "dead", "refresh_token": "dead"})
    assert w.sync().exit_code == Exit.UNREACHABLE
    auth(w, "berlin", *(text.format(access=pair.access, refresh=pair.refresh) for text in given))
    assert w.sync().exit_code == Exit.DONE


def test_credentials_that_do_not_work_are_not_kept(w: Workshop) -> None:
    with pytest.raises(Refused) as refused:
        auth(w, "oslo", "no-such-token")
    assert "no-such-token" not in str(refused.value)
    with pytest.raises(UserError, match="No token was given"):
        auth(w, "oslo", "")
    with pytest.raises(UserError, match="No system is called"):
        auth(w, "nowhere", "token")
    assert kept(w, "oslo") == {}
    assert w.sync().exit_code == Exit.DONE


def test_the_credentials_of_another_account_are_not_kept(w: Workshop) -> None:
    from connectors.simulators.inventorum import InventorumTill

    w.shop.berlin.add(first_name="Ana", last_name="Berg", email="ana@example.com")
    w.backfill()
    with start({"berlin": InventorumTill("another")}) as elsewhere:
        with_token(w, "berlin", **w.shop.berlin.credentials)
        w.settings["systems"]["berlin"]["base_url"] = elsewhere.url("berlin")
        with pytest.raises(UserError, match="another account"):
            auth(
                w,
                "berlin",
                elsewhere.tills["berlin"].credentials["access_token"],
                elsewhere.tills["berlin"].credentials["refresh_token"],
            )
    assert kept(w, "berlin") == {}


@pytest.mark.parametrize("form", ["address", "code"])
def test_foodics_by_the_consent_page(w: Workshop, form: str) -> None:
    client = w.shop.riyadh.oauth_credentials
    with_token(w, "riyadh", client_id=client["client_id"], client_secret=client["client_secret"], refresh_token="dead")
    assert w.sync().exit_code == Exit.UNREACHABLE
    said: list[str] = []

    def browser(_: str) -> str:
        url = next(line for line in said if line.startswith("http"))
        address = httpx.get(url, follow_redirects=False).headers["location"]
        assert isinstance(address, str)
        return address if form == "address" else address.partition("code=")[2].partition("&")[0]

    authorise(w.config, "riyadh", browser, said.append, "http://localhost/")
    assert w.sync().exit_code == Exit.DONE
    assert not any(client["client_secret"] in line for line in said)


def test_an_answer_to_another_question_is_refused(w: Workshop) -> None:
    client = w.shop.riyadh.oauth_credentials
    with_token(w, "riyadh", client_id=client["client_id"], client_secret=client["client_secret"], refresh_token="dead")
    with pytest.raises(UserError, match="another state"):
        auth(w, "riyadh", "http://localhost/?code=stolen&state=somebody-elses")


def test_the_token_comes_from_standard_input_and_is_never_printed(
    w: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import io

    right = w.shop.oslo.credentials["token"]
    with_token(w, "oslo", token="an-old-token")
    monkeypatch.setattr("sys.stdin", io.StringIO(right + "\n"))
    assert cli.run(["--config", str(w.config.file), "auth", "oslo"]) == 0
    out, err = capsys.readouterr()
    assert "oslo is authorised" in out
    assert right not in out + err
    assert FileTokens(w.config.store_path).load("oslo", connector_settings(w.config, "oslo").auth)["token"] == right


def test_only_foodics_asks_for_consent() -> None:
    assert [consent_of(name) is not None for name in ("inventorum", "flow_retail", "foodics")] == [False, False, True]
