"""`connectors.http`: what is sent again, what is not, and what the caller gets to know."""

from __future__ import annotations

import gzip
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from connectors.auth import Bearer
from connectors.base import Settings
from connectors.errors import BadAnswer, ConnectorError, Refused, Unreachable
from connectors.http import ATTEMPTS, BODY_LIMIT, CIRCUIT_S, OVERALL_S, Http, Lost
from connectors.pace import Pace
from connectors.wire import endpoint_label, is_sound, segment
from tests.unit.scripted import FakeTime, Reply, Scripted, scripted

OK = Reply(body=b'{"ok": true}')
DOWN = Reply(503, b"<html>sorry</html>")
RESET = Reply(reset=True)
CUT = Reply(body=b'{"ok": tr', length=12)
HALF = Reply(body=b'{"ok": tr')
HTML = Reply(body=b"<html>welcome</html>")
BUSY = Reply(429, b"slow down")


@contextmanager
def talking(*replies: Reply, **settings: Any) -> Iterator[tuple[Http, Scripted, FakeTime]]:
    time = FakeTime()
    with scripted(*replies) as server:
        made = replace(Settings("till", server.url, {"token": "s3cret-token"}), **settings)
        http = Http(
            made, requests_per_minute=60_000, auth=Bearer(made), clock=time.clock, pace=Pace(60_000, time.clock)
        )
        try:
            yield http, server, time
        finally:
            http.close()


@pytest.mark.parametrize("bad", [DOWN, RESET, CUT, HALF, HTML, BUSY, Reply(500, b""), Reply(408, b""), Reply(200, b"")])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_may_be_repeated_is_repeated(method: str, bad: Reply) -> None:
    if bad == Reply(200, b"") and method != "GET":
        pytest.skip("an empty answer to a write is an answer")
    with talking(bad, bad, OK) as (http, server, _):
        answer = http.send(method, "customers/1/", json={} if method == "PUT" else None)
        assert answer.data == {"ok": True}
        assert answer.attempts == len(server.requests) == 3


@pytest.mark.parametrize("bad", [DOWN, RESET, CUT, HALF, HTML])
def test_a_post_is_not_repeated_when_it_may_have_been_carried_out(bad: Reply) -> None:
    with talking(bad, OK) as (http, server, _):
        with pytest.raises(Lost):
            http.send("POST", "customers/", json={"email": "ana@example.com"})
        assert len(server.requests) == 1


def test_a_post_is_repeated_after_429() -> None:
    with talking(BUSY, OK) as (http, server, _):
        assert http.send("POST", "customers/", json={}).data == {"ok": True}
        assert len(server.requests) == 2


def test_a_post_that_reads_may_be_declared_repeatable() -> None:
    with talking(DOWN, OK) as (http, server, _):
        assert http.send("POST", "customers/search", json={}, replay=True).data == {"ok": True}
        assert len(server.requests) == 2


def test_no_connection_is_tried_again_and_is_never_lost() -> None:
    """Nothing was sent, so a create stays planned."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with talking(OK, base_url=f"http://127.0.0.1:{port}") as (http, _, time), pytest.raises(Unreachable) as caught:
        http.send("POST", "customers/", json={})
    assert not isinstance(caught.value, Lost)
    assert caught.value.code == "unreachable"
    assert len([s for s in time.slept if s >= 0.2]) == ATTEMPTS - 1


@pytest.mark.parametrize(("method", "kind"), [("GET", Unreachable), ("PUT", Lost), ("DELETE", Lost)])
def test_giving_up_says_whether_something_may_have_happened(method: str, kind: type[Unreachable]) -> None:
    with talking(DOWN) as (http, server, _):
        with pytest.raises(Unreachable) as caught:
            http.send(method, "customers/1/")
        assert type(caught.value) is kind
        assert (caught.value.status, caught.value.endpoint) == (503, f"{method} /customers/{{id}}/")
        assert caught.value.vendor_text == "<html>sorry</html>"
        assert len(server.requests) == ATTEMPTS


def test_a_page_for_people_to_the_end_is_a_bad_answer() -> None:
    """The host is there; waiting for it would not help."""
    with talking(HTML) as (http, _, _time), pytest.raises(BadAnswer) as caught:
        http.send("GET", "customers/")
    assert caught.value.code == "not_json"


def test_waits_grow_and_are_not_equal() -> None:
    with talking(DOWN) as (http, _, time):
        with pytest.raises(Unreachable):
            http.send("GET", "customers/")
        waits = [s for s in time.slept if s >= 0.1]
    assert len(waits) == ATTEMPTS - 1
    assert all(0.25 * 2**n <= wait <= 0.5 * 2**n for n, wait in enumerate(waits))


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:10 GMT"}, 20),
        ({"retry-after": "soon"}, 1),
        ({}, 1),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_in_both_forms(headers: dict[str, str], pause: float, status: int) -> None:
    """A date counts on the server's clock: ours may be hours away."""
    if status == 503 and pause == 1:
        pytest.skip("a 503 without a time is a failure like others")
    with talking(Reply(status, b"no", headers), OK) as (http, _, time):
        http.send("GET", "customers/")
    assert pause <= sum(time.slept) <= pause * 1.2 + 0.1


def test_429_without_an_end_is_given_up_in_time() -> None:
    with talking(BUSY) as (http, server, time):
        with pytest.raises(Unreachable) as caught:
            http.send("POST", "customers/", json={})
        assert not isinstance(caught.value, Lost)
        assert caught.value.code == "rate_limited"
        assert sum(time.slept) <= OVERALL_S + 70
        assert len(server.requests) < 15


def test_a_wait_of_hours_is_not_waited_for() -> None:
    with talking(Reply(429, b"", {"retry-after": "7200"}), OK) as (http, server, time):
        for _ in range(2):
            with pytest.raises(Unreachable):
                http.send("GET", "customers/")
        assert len(server.requests) == 1
        assert sum(time.slept) < 1


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_statuses_about_the_request_come_back(status: int) -> None:
    with talking(Reply(status, b'{"error": {}}')) as (http, server, _):
        answer = http.send("POST", "customers/", json={})
        assert (answer.status, answer.data, len(server.requests)) == (status, {"error": {}}, 1)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, Refused, "token_refused"),
        (403, Refused, "permission"),
        (301, BadAnswer, "redirected"),
        (405, BadAnswer, "unexpected_status"),
    ],
)
def test_other_statuses_are_errors(status: int, kind: type[ConnectorError], code: str) -> None:
    with talking(Reply(status, b"", {"location": "/elsewhere/"})) as (http, server, _):
        with pytest.raises(kind) as caught:
            http.send("POST", "customers/", json={})
        assert (caught.value.code, caught.value.status) == (code, status)
        assert len(server.requests) == 1


def test_a_status_that_was_asked_for_comes_back() -> None:
    with talking(Reply(403, b"{}")) as (http, _, _time):
        assert http.send("GET", "info/", returned=frozenset({403})).status == 403


def test_a_refused_token_is_not_even_tried_again() -> None:
    with talking(Reply(401, b"")) as (http, server, _):
        for _ in range(3):
            with pytest.raises(Refused):
                http.send("GET", "customers/")
        assert len(server.requests) == 1


def test_no_content_is_an_answer() -> None:
    with talking(Reply(204, b"")) as (http, _, _time):
        assert http.send("DELETE", "customers/1").data is None


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"[" + b" " * (BODY_LIMIT + 10) + b"]")
    assert len(bomb) < 100_000
    with talking(Reply(200, bomb, {"content-encoding": "gzip"})) as (http, server, _):
        with pytest.raises(BadAnswer) as caught:
            http.send("GET", "customers/")
        assert caught.value.code == "too_large"
        assert len(server.requests) == 1


def test_a_bomb_in_a_bomb_is_not_even_begun() -> None:
    inner = gzip.compress(gzip.compress(b"{}"))
    reply = Reply(200, inner, {"content-encoding": "gzip, gzip"})
    with talking(reply) as (http, _, _time), pytest.raises(BadAnswer):
        http.send("GET", "customers/")


def test_plain_compression_is_read() -> None:
    with talking(Reply(200, gzip.compress(b'{"a": 1}'), {"content-encoding": "gzip"})) as (http, _, _time):
        assert http.send("GET", "customers/").data == {"a": 1}


def test_an_answer_that_drips_for_ever_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is in time; the whole would take minutes."""
    monkeypatch.setattr("connectors.http.ATTEMPTS", 1)
    with scripted(Reply(200, b" " * 5000, drip_s=0.02)) as server:
        settings = Settings("till", server.url, {"token": "t"}, timeout_s=0.1)
        http = Http(settings, requests_per_minute=60_000, auth=Bearer(settings))
        with pytest.raises(Unreachable) as caught:
            http.send("GET", "customers/")
        http.close()
    assert caught.value.code == "timeout"


def test_a_dead_system_is_left_alone_and_asked_again_later() -> None:
    with talking(*[DOWN] * 30, OK) as (http, server, time):
        for _ in range(5):
            with pytest.raises(Unreachable) as caught:
                http.send("GET", "customers/")
        assert caught.value.code == "circuit_open"
        asked = len(server.requests)
        assert asked < 15
        server.replies = [OK]
        time.at += CIRCUIT_S
        assert http.send("GET", "customers/").data == {"ok": True}


def test_a_hiccup_of_many_requests_does_not_open_the_circuit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight threads that fail at the same moment are one restart of the server, not a dead one."""
    monkeypatch.setattr("connectors.http.backoff_s", lambda tries: 0.1)
    with talking(*[DOWN] * 12, OK) as (http, _, _time):
        for _ in range(2):
            with pytest.raises(Unreachable):
                http.send("GET", "customers/")
        assert http.send("GET", "customers/").data == {"ok": True}


def test_few_remaining_requests_slow_down() -> None:
    with talking(Reply(200, b"{}", {"x-ratelimit-remaining": "2"}), OK) as (http, _, time):
        http._pace.allow(60)  # type: ignore[attr-defined]
        for _ in range(2):
            http.send("GET", "customers/")
    assert sum(time.slept) >= 4


@pytest.mark.parametrize(
    "url",
    [
        "http://till.example.com/api",
        "http://192.0.2.7/api",
        "ftp://127.0.0.1/",
        "https://user:pass@till.example.com/",
        "nonsense",
        "http://[::bad",
        "https://till.example.com/api?key=1",
    ],
)
def test_an_address_that_would_tell_secrets_is_refused(url: str) -> None:
    settings = Settings("till", url, {"token": "t"})
    with pytest.raises(Refused) as caught:
        Http(settings, requests_per_minute=60, auth=Bearer(settings))
    assert caught.value.code == "bad_address"


def test_a_ca_bundle_that_is_none_is_refused(tmp_path: Any) -> None:
    for content in (None, "no certificates"):
        path = tmp_path / "ca.pem"
        if content:
            path.write_text(content)
        settings = Settings("till", "https://till.example.com", {"token": "t"}, ca_bundle=str(path))
        with pytest.raises(Refused) as caught:
            Http(settings, requests_per_minute=60, auth=Bearer(settings))
        assert caught.value.code == "bad_ca_bundle"


def test_libraries_below_do_not_log_queries(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with talking(OK) as (http, server, _):
        http.send("GET", "customers", params={"filter[email]": "ana@example.com"})
        assert "ana%40example.com" in server.requests[0]
    assert "ana" not in caplog.text
    assert "s3cret" not in caplog.text


def test_cookies_are_not_kept() -> None:
    with talking(Reply(200, b"{}", {"set-cookie": "session=somebody-else; Path=/"}), OK) as (http, server, _):
        http.send("GET", "a")
        http.send("GET", "b")
        assert "cookie" not in server.heads[1]


@pytest.mark.parametrize(
    "body", [b'{"rows": [{"note": "\\ud800"}, {"note": "fine"}]}', b'{"rows": [{"note": "\xff"}, {"note": "fine"}]}']
)
def test_broken_text_spoils_its_row_only(body: bytes) -> None:
    with talking(Reply(200, body)) as (http, _, _time):
        answer = http.send("GET", "customers/")
    assert not answer.strict
    assert [is_sound(row) for row in answer.data["rows"]] == [False, True]


def test_whatever_a_record_holds_can_be_sent() -> None:
    with talking(OK) as (http, server, _):
        http.send("POST", "customers/", json={"note": "\ud800 سابين \x00"})
        assert server.bodies == [b'{"note":"\\ud800 \\u0633\\u0627\\u0628\\u064a\\u0646 \\u0000"}']
        assert server.heads[0]["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("customers/", "GET /customers/"),
        ("customers/152664/", "GET /customers/{id}/"),
        ("/customers?filter[phone]=5", "GET /customers"),
        ("tenants/acme/customers/0d8f4d4e-11aa/addresses", "GET /tenants/acme/customers/{id}/addresses"),
        ("customers/ana@example.com", "GET /customers/{id}"),
    ],
)
def test_labels_name_the_endpoint_and_nobody(path: str, label: str) -> None:
    assert endpoint_label("GET", path) == label


def test_an_id_cannot_name_another_path() -> None:
    assert segment("a/../b?c") == "a%2F..%2Fb%3Fc"
    for value in ("", ".", ".."):
        with pytest.raises(ValueError):
            segment(value)
