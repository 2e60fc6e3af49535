"""Who may look at the dashboard, and who may decide something on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from pipeline.config import Config, load_config
from pipeline.errors import UserError
from pipeline.web.access import FREE_TRIES, LONGEST_WAIT_S, SESSION_S, Gate, access
from tests.unit.dashboard import asking, written_config

PASSWORD = "correct horse"


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[httpx.Client]:
    with asking(load_config(written_config(tmp_path, filled=False))) as client:
        yield client


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[httpx.Client]:
    with asking(
        load_config(written_config(tmp_path, filled=False, listen="0.0.0.0:8080", password=PASSWORD))
    ) as client:
        yield client


def token(client: httpx.Client, page: str = "/login") -> str:
    """The CSRF token of this visitor's forms."""
    return client.get(page).text.partition('name="csrf" value="')[2].partition('"')[0]


def log_in(client: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    return client.post("/login", data={"password": password, "csrf": token(client)})


def test_every_answer_forbids_foreign_and_inline_code(open_house: httpx.Client) -> None:
    for path in ("/", "/overview.json", "/customers", "/nowhere", "/static/style.css", "/login"):
        headers = open_house.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), path
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store"), path


@pytest.mark.parametrize(
    "host", ["evil.example.com", "127.0.0.1.evil.example.com:8080", "", "localhost.evil.example.com", "[", "10.0.0.7"]
)
def test_on_loopback_only_loopback_names_are_answered(open_house: httpx.Client, host: str) -> None:
    """Against DNS rebinding: a foreign page whose name was turned to 127.0.0.1 still sends its own name."""
    answer = open_house.get("/customers.json", headers={"host": host})
    assert (answer.status_code, "localhost only" in answer.text) == (421, True)


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080"])
def test_loopback_by_any_of_its_names(open_house: httpx.Client, host: str) -> None:
    assert open_house.get("/", headers={"host": host}).status_code == 200


def test_an_open_address_without_a_password_is_refused(tmp_path: Path) -> None:
    config = load_config(written_config(tmp_path, filled=False))
    daemon = config.daemon.model_copy(update={"listen": "0.0.0.0:8080"})
    with pytest.raises(UserError, match=r"daemon\.listen"):
        access(config.model_copy(update={"daemon": daemon}))


@pytest.mark.parametrize("path", ["/", "/customers", "/customers.json", "/overview.json", "/runs/x", "/nowhere"])
def test_without_the_password_nothing_is_shown(locked: httpx.Client, path: str) -> None:
    answer = locked.get(path)
    assert answer.status_code == (401 if path.endswith(".json") else 303)
    assert answer.headers.get("location") == (None if path.endswith(".json") else "/login")


def test_a_part_of_a_page_sends_the_whole_browser_to_the_password(locked: httpx.Client) -> None:
    assert locked.get("/customers", headers={"hx-request": "true"}).headers["hx-redirect"] == "/login"


def test_the_password_opens_a_session_which_leaving_ends(locked: httpx.Client) -> None:
    before = dict(locked.cookies)
    wrong = log_in(locked, "wrong")
    assert (wrong.status_code, "not the password" in wrong.text) == (401, True)
    planted = dict(locked.cookies)
    right = log_in(locked)
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert before != planted != dict(locked.cookies), "a session never keeps the cookie it had before"
    assert locked.get("/").status_code == 200
    assert locked.post("/logout", data={"csrf": token(locked, "/")}).status_code == 303
    assert locked.get("/").status_code == 303


def test_a_program_shows_the_password_with_each_request(locked: httpx.Client) -> None:
    assert locked.get("/overview.json", headers={"authorization": f"Bearer {PASSWORD}"}).status_code == 200
    assert locked.get("/overview.json", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert locked.get("/overview.json").status_code == 401, "no session comes of it"


def test_wrong_passwords_make_an_address_wait(locked: httpx.Client) -> None:
    for _ in range(FREE_TRIES):
        assert log_in(locked, "wrong").status_code == 401
    waiting = log_in(locked)
    assert (waiting.status_code, int(waiting.headers["retry-after"]) >= 1) == (429, True)


def test_the_wait_doubles_to_a_quarter_of_an_hour_and_is_forgiven() -> None:
    now = [0.0]
    gate = Gate(PASSWORD, lambda: now[0])
    waits = []
    for _ in range(FREE_TRIES + 12):
        assert not gate.knows("wrong", "10.0.0.1")
        waits.append(gate.wait_s("10.0.0.1"))
    assert waits[:FREE_TRIES] == [0.0] * (FREE_TRIES - 1) + [1.0]
    assert waits[FREE_TRIES : FREE_TRIES + 3] == [2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST_WAIT_S
    assert gate.wait_s("10.0.0.2") == 0.0
    now[0] += LONGEST_WAIT_S
    assert gate.wait_s("10.0.0.1") == 0.0
    assert gate.knows(PASSWORD, "10.0.0.1")
    assert not gate.knows("wrong", "10.0.0.1")
    assert gate.wait_s("10.0.0.1") == 0.0


def test_a_session_ends_by_itself_unless_it_is_used() -> None:
    now = [0.0]
    gate = Gate(PASSWORD, lambda: now[0])
    visitor = gate.let_in()
    now[0] += SESSION_S - 1
    assert gate.is_in(visitor)
    now[0] += SESSION_S - 1
    assert gate.is_in(visitor)
    now[0] += SESSION_S + 1
    assert not gate.is_in(visitor)
    assert not gate.is_in("")
    assert not gate.is_in("made up")


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": "right"}, {"origin": "https://evil.example.com"}),
        ({"csrf": "right"}, {"origin": "null"}),
        ({"csrf": "right"}, {"sec-fetch-site": "cross-site"}),
        ({"csrf": "right"}, {"sec-fetch-site": "same-site"}),
        ({"csrf": "right"}, {"cookie": "customer_sync=another"}),
    ],
)
def test_a_form_that_is_not_ours_decides_nothing(
    open_house: httpx.Client, form: dict[str, str], headers: dict[str, str]
) -> None:
    right = token(open_house)
    form = {name: right if text == "right" else text for name, text in form.items()}
    answer = open_house.post("/reviews/r1", data={"kind": "merge", **form}, headers=headers)
    assert (answer.status_code, "came from elsewhere" in answer.text) == (403, True)


def test_our_own_form_gets_through(open_house: httpx.Client) -> None:
    answer = open_house.post(
        "/reviews/none", data={"kind": "merge", "csrf": token(open_house)}, headers={"sec-fetch-site": "same-origin"}
    )
    assert answer.status_code == 404
    assert "no such review" in answer.text


def test_a_form_longer_than_any_of_ours_is_not_read(open_house: httpx.Client) -> None:
    assert open_house.post("/login", data={"csrf": "x" * 100_000}).status_code == 413


def test_the_cookie_stays_on_encrypted_connections(tmp_path: Path) -> None:
    config: Config = load_config(written_config(tmp_path, filled=False))
    with asking(config, scheme="https") as client:
        assert "Secure" in client.get("/").headers["set-cookie"]


def test_the_password_is_nowhere_in_a_page_or_its_twin(locked: httpx.Client, tmp_path: Path) -> None:
    assert log_in(locked).status_code == 303
    tokens = [
        system["auth"]["token"]
        for system in yaml.safe_load((tmp_path / "config.yaml").read_text("utf-8"))["systems"].values()
    ]
    for path in ("/", "/overview.json", "/customers.json", "/runs.json"):
        text = locked.get(path).text
        assert PASSWORD not in text
        assert not any(secret in text for secret in tokens)
