"""`connectors.auth` over `connectors.http`: rotation that survives threads, processes, crashes and lost replies."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.auth import Bearer, OAuth
from connectors.base import Settings, TokenStore
from connectors.errors import BadAnswer, Refused
from connectors.http import Http
from connectors.inventorum import Inventorum
from connectors.simulators import faults
from connectors.simulators.inventorum import InventorumTill
from connectors.simulators.server import Handle, serve
from tests.conformance.suite import MemoryTokens, quick  # noqa: F401 - a fixture
from tests.unit.scripted import Reply, Scripted, scripted

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def server() -> Iterator[Handle]:
    with serve({"berlin": InventorumTill("berlin")}) as handle:
        yield handle


@pytest.fixture
def till(server: Handle) -> InventorumTill:
    found = server.tills["berlin"]
    assert isinstance(found, InventorumTill)
    found.reset()
    return found


@pytest.fixture
def opened(server: Handle, till: InventorumTill) -> Iterator[Any]:
    """Makes connectors that share a token store, as several processes do."""
    made: list[Inventorum] = []

    def make(store: TokenStore, **auth: str) -> Inventorum:
        settings = Settings("berlin", server.url("berlin"), {**till.credentials, **auth}, 60_000)
        made.append(Inventorum(settings, store))
        return made[-1]

    yield make
    for connector in made:
        connector.close()


def refreshes(till: InventorumTill) -> int:
    return till.ledger.counts["auth"]


def test_an_expired_token_is_renewed_and_the_request_repeated(till: InventorumTill, opened: Any) -> None:
    store = MemoryTokens()
    till.lose_tokens()
    assert opened(store).account().identity
    assert refreshes(till) == 1
    assert store.saves[0]["access_token"] == "berlin-access-1"


def test_renewal_is_proactive_shortly_before_the_end(till: InventorumTill, opened: Any) -> None:
    store = MemoryTokens()
    till.turn(token_lifetime_s=1)
    till.lose_tokens()
    connector = opened(store)
    connector.account()
    store.kept["berlin"]["expires_at"] = store.kept["berlin"]["obtained_at"]
    connector.account()
    assert till.ledger.counts["status:401"] == 1


def test_the_new_pair_is_durable_before_it_is_used(till: InventorumTill, opened: Any) -> None:
    """A crash at the moment of saving must not have shown the new token to anybody yet."""

    class Dying(MemoryTokens):
        def save(self, system: str, configured: Mapping[str, str], tokens: Mapping[str, str]) -> None:
            raise KeyboardInterrupt

    till.lose_tokens()
    with pytest.raises(KeyboardInterrupt):
        opened(Dying()).account()
    assert [entry.path for entry in till.ledger.requests()] == ["/info/", "/auth/token/"]


def test_a_crash_after_saving_goes_on_with_the_new_pair(till: InventorumTill, opened: Any) -> None:
    class Dying(MemoryTokens):
        def save(self, system: str, configured: Mapping[str, str], tokens: Mapping[str, str]) -> None:
            super().save(system, configured, tokens)
            raise KeyboardInterrupt

    store = Dying()
    till.lose_tokens()
    with pytest.raises(KeyboardInterrupt):
        opened(store).account()
    store.save = MemoryTokens().save  # type: ignore[method-assign]
    assert opened(store).account().identity
    assert refreshes(till) == 1


def test_the_pair_before_is_kept_until_the_new_one_worked(till: InventorumTill, opened: Any) -> None:
    store = MemoryTokens()
    till.lose_tokens()
    opened(store).account()
    assert store.saves[0]["previous_refresh_token"] == till.credentials["refresh_token"]
    assert "previous_refresh_token" not in store.kept["berlin"]


def test_the_pair_before_is_tried_when_the_new_one_never_worked(till: InventorumTill, opened: Any) -> None:
    """The vendor handed out a pair and forgot it (a rollback of theirs)."""
    store = MemoryTokens()
    store.kept["berlin"] = {
        "access_token": "forgotten",
        "refresh_token": "forgotten-too",
        "previous_refresh_token": till.credentials["refresh_token"],
    }
    assert opened(store).account().identity
    assert refreshes(till) == 2


@pytest.mark.parametrize(
    "fault", [faults.LOST_REPLY, faults.SERVER_ERROR_AFTER, faults.TRUNCATED, faults.NOT_JSON_AFTER]
)
def test_a_lost_reply_to_a_renewal_is_asked_for_again(till: InventorumTill, opened: Any, fault: faults.Fault) -> None:
    till.turn(old_refresh_token="lives")
    till.lose_tokens()
    till.faults.on(1, fault, path="auth/token")
    assert opened(MemoryTokens()).account().identity


def test_a_rotation_lost_for_good_is_told_once_and_how_to_mend_it(till: InventorumTill, opened: Any) -> None:
    till.lose_tokens()
    till.faults.on(1, faults.LOST_REPLY, path="auth/token")
    connector = opened(MemoryTokens())
    for _ in range(4):
        with pytest.raises(Refused) as caught:
            connector.account()
        assert caught.value.code == "needs_authorisation"
        assert caught.value.hint == "customer-sync auth berlin"
    assert refreshes(till) == 2
    assert till.ledger.counts["status:401"] == 1


@pytest.mark.parametrize("status", [400, 401])
def test_a_revoked_token_is_not_asked_about_in_a_loop(till: InventorumTill, opened: Any, status: int) -> None:
    till.turn(refresh_refused_status=status)
    till.lose_tokens(refresh_too=True)
    connector = opened(MemoryTokens())
    for _ in range(3):
        with pytest.raises(Refused):
            connector.account()
    assert refreshes(till) == 1


def test_a_wrong_client_is_called_that(till: InventorumTill, opened: Any) -> None:
    till.lose_tokens()
    with pytest.raises(Refused) as caught:
        opened(MemoryTokens(), client_secret="wrong").account()
    assert caught.value.code == "client_refused"


def test_threads_renew_once(till: InventorumTill, opened: Any) -> None:
    till.lose_tokens()
    connector = opened(MemoryTokens())
    threads = [threading.Thread(target=connector.account) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refreshes(till) == 1
    assert till.ledger.counts["status:200"] == 9


PROCESS = """
import sys
from pathlib import Path
from connectors.base import Settings
from connectors.inventorum import Inventorum
from state.tokens import FileTokens
auth = dict(pair.split("=") for pair in sys.argv[3:])
print(Inventorum(Settings("berlin", sys.argv[2], auth, 60_000), FileTokens(Path(sys.argv[1]))).account().identity)
"""


def test_processes_renew_once(till: InventorumTill, server: Handle, tmp_path: Path) -> None:
    """One refresh between them; the others find the new pair when they get the lock."""
    till.lose_tokens()
    pairs = [f"{name}={value}" for name, value in till.credentials.items()]
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "store"), server.url("berlin"), *pairs]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert len({process.communicate(timeout=60)[0] for process in running}) == 1
    assert [process.returncode for process in running] == [0, 0]
    assert refreshes(till) == 1


def test_400_without_field_errors_may_mean_expired_once(till: InventorumTill, opened: Any) -> None:
    """One public client knows it so. It must not become a renewal per bad request."""
    till.turn(expired_status=400, error_body="empty")
    till.lose_tokens()
    connector = opened(MemoryTokens())
    assert connector.account().identity
    till.faults.on(1, faults.Fault("status", status=400), times=None)
    for _ in range(3):
        connector.account()
    assert refreshes(till) == 1


def test_400_with_field_errors_renews_nothing(till: InventorumTill, opened: Any) -> None:
    from connectors.base import Write

    (result,) = opened(MemoryTokens()).write([Write("k", "create", fields={"first_name": "Ana"})])
    assert (result.status, result.reason) == ("refused", "validation")
    assert refreshes(till) == 0


# The JSON form (Foodics)


def json_client(server: Scripted, store: MemoryTokens, **auth: str) -> Http:
    settings = Settings("riyadh", f"{server.url}/v5", {"client_id": "id", "client_secret": "secret", **auth})
    return Http(
        settings, requests_per_minute=60_000, auth=OAuth(settings, store, endpoint="/oauth/token", client="json")
    )


def test_the_json_form_asks_at_the_root_of_the_host() -> None:
    renewed = Reply(body=b'{"access_token": "new", "expires_in": 3600}')
    with scripted(Reply(401, b""), renewed, Reply()) as server:
        store = MemoryTokens()
        http = json_client(server, store, access_token="old", refresh_token="r1")
        http.send("GET", "whoami")
        http.close()
        assert server.requests == ["GET /api/v5/whoami", "POST /oauth/token", "GET /api/v5/whoami"]
        assert b'"grant_type":"refresh_token"' in server.bodies[1]
        assert server.heads[2]["authorization"] == "Bearer new"
        # No new refresh token came, so the old one goes on.
        assert store.kept["riyadh"]["refresh_token"] == "r1"


def test_without_a_refresh_token_401_is_final() -> None:
    with scripted(Reply(401, b"")) as server:
        http = json_client(server, MemoryTokens(), access_token="old")
        with pytest.raises(Refused) as caught:
            http.send("GET", "whoami")
        http.close()
        assert caught.value.code == "token_refused"
        assert len(server.requests) == 1


def test_a_renewal_without_a_token_in_it_is_a_bad_answer() -> None:
    with scripted(Reply(401, b""), Reply()) as server:
        http = json_client(server, MemoryTokens(), access_token="old", refresh_token="r1")
        with pytest.raises(BadAnswer):
            http.send("GET", "whoami")
        http.close()


@pytest.mark.parametrize("token", ["", "  ", "two words", "línea", "a\nb", "tok\x00en"])
def test_a_token_that_is_none_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(Refused) as caught:
        Bearer(Settings("oslo", "https://example.com", {"token": token}))
    assert not token.strip() or token not in str(caught.value)


def test_a_token_pasted_with_its_scheme_is_understood() -> None:
    assert Bearer(Settings("oslo", "https://example.com", {"token": " Bearer abc "})).headers() == {
        "Authorization": "Bearer abc"
    }
