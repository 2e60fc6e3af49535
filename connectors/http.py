"""HTTP policy, in one place: timeouts, retries, budget, limits, redaction, translation into `connectors.errors`.

A request is REPLAYABLE when carrying it out twice does no harm. Those are repeated after anything that may pass: 429,
5xx, resets, timeouts, bodies that are cut off or not JSON. Others are repeated only when they certainly were not
carried out (429, no connection, an expired token); otherwise `Lost` is raised and the caller looks up what happened.

Nothing that is raised or logged here holds a query value, a body or a header; the server's words are in `vendor_text`.
"""

from __future__ import annotations

import json as jsonlib
import logging
import random
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from connectors.auth import Auth
from connectors.base import Settings
from connectors.errors import BadAnswer, ConnectorError, Refused, Unreachable
from connectors.pace import Clock, Pace, shared_pace
from connectors.wire import as_text, check_address, decode, endpoint_label, leading_number, retry_after_s, trust

ATTEMPTS = 6
"""How often one request is sent at most; 429 does not count, it only costs time."""
OVERALL_S = 300.0
"""After this many seconds of trying, a request is given up; a longer `Retry-After` is not waited for at all."""
BODY_LIMIT = 32 * 1024 * 1024
"""The largest answer, decompressed. A page of 100 customers has some 200 KB."""
CIRCUIT_AFTER, CIRCUIT_AFTER_S = 10, 10.0
"""After so many failed tries in a row, and nothing else for so many seconds (a restart of theirs is shorter), a system
counts as dead."""
CIRCUIT_S = 60.0
"""How long a dead system is left alone."""

log = structlog.get_logger("connectors.http")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that the caller is to judge: 2xx, or one of the statuses it asked for.

    `data` is the decoded JSON, None when the body is empty or not JSON. `text` is the body as received, capped.
    `strict` is False when the JSON could only be read leniently (broken UTF-8 or escapes): its strings may then hold
    lone surrogates, and `connectors.wire.is_sound` tells for each row.
    """

    status: int
    headers: Mapping[str, str]
    data: Any
    text: str
    attempts: int
    strict: bool = True


class Lost(Unreachable):
    """The request may have been carried out, or not: nothing is known."""


class Http:
    """The connection to one account. Thread-safe. `path` arguments are relative to the base URL."""

    def __init__(
        self,
        settings: Settings,
        *,
        requests_per_minute: int,
        auth: Auth,
        headers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._system, self._base, self._auth = settings.system, settings.base_url.rstrip("/"), auth
        self._clock = clock or Clock()
        self._pace = pace or shared_pace(
            self._base, auth.credential, requests_per_minute, self._clock, system=settings.system
        )
        self._answer_within_s = 2 * settings.timeout_s
        loopback = check_address(settings)
        # httpx logs every URL with its query, and httpcore every header, to whoever turns logging up (law 13).
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = httpx.Client(
            headers={"Accept": "application/json", "User-Agent": "customer-sync", **(headers or {})},
            timeout=httpx.Timeout(settings.timeout_s, connect=min(10.0, settings.timeout_s)),
            # Shorter than servers usually keep one: a request on a connection that is just being closed is a lost one.
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32, keepalive_expiry=3.0),
            verify=trust(settings, loopback),
            trust_env=not loopback,
            follow_redirects=False,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        )
        self._state = threading.Lock()
        self._failed_in_a_row, self._first_failed_at = 0, 0.0
        self._open_until = float("-inf")
        self._refusal: tuple[Mapping[str, str], Refused] | None = None

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        replay: bool | None = None,
        returned: frozenset[int] = frozenset({400, 404, 409, 410, 413, 422}),
    ) -> Answer:
        """Send one request and return its answer when it is 2xx or in `returned`.

        Raises Lost, Unreachable, Refused (401 after one renewal, 403), or BadAnswer (redirects, other statuses,
        unreadable bodies).
        """
        if self._auth.due():
            self._renew(self._auth.headers())
        used = self._auth.headers()
        if self._refusal and self._refusal[0] == used:
            # Repeated 401s count towards a block at some vendors: what was refused once is not even tried.
            raise _again_as(Refused, self._refusal[1])
        call = _Call(
            method,
            f"{self._base}/{path.lstrip('/')}",
            endpoint_label(method, path),
            replayable=method != "POST" if replay is None else replay,
            params=params,
            headers=used if json is None else {**used, "Content-Type": "application/json"},
            # ASCII with escapes: whatever text a record holds, lone surrogates included, can be sent.
            content=None if json is None else jsonlib.dumps(json, separators=(",", ":"), allow_nan=False).encode(),
        )
        answer = self._deliver(call)
        if self._auth.expired(answer.status, answer.data) and self._renew(used):
            used = self._auth.headers()
            call.headers = {**call.headers, **used}
            answer = self._deliver(call)
        return self._judge(call, answer, used, returned)

    def close(self) -> None:
        self._client.close()

    def _judge(self, call: _Call, answer: Answer, used: Mapping[str, str], returned: frozenset[int]) -> Answer:
        status = answer.status
        if 200 <= status < 300:
            if used == self._auth.headers():
                self._auth.worked()
            return answer
        if status in returned:
            return answer
        if status == 401:
            refusal = Refused(
                f"{self._system} does not accept the token",
                code="token_refused",
                endpoint=call.endpoint,
                status=status,
                hint=f"Check it in the configuration, or customer-sync auth {self._system}",
                vendor_text=answer.text,
            )
            self._refusal = used, refusal
            raise refusal
        if status == 403:
            raise Refused(
                f"{self._system} does not permit this",
                code="permission",
                endpoint=call.endpoint,
                status=status,
                hint=f"Check the scopes or permissions of the token; customer-sync check --system {self._system}",
                vendor_text=answer.text,
            )
        if 300 <= status < 400:
            raise BadAnswer(
                f"{self._system} answered with a redirect, which is never followed: it can turn a write into a read",
                code="redirected",
                endpoint=call.endpoint,
                status=status,
                hint="Put the final address into base_url",
            )
        raise BadAnswer(
            f"{self._system} gave an answer that its API reference does not know",
            code="unexpected_status",
            endpoint=call.endpoint,
            status=status,
            hint="Check base_url and api version",
            vendor_text=answer.text,
        )

    def _renew(self, used: Mapping[str, str]) -> bool:
        """Replace the credentials `used`, once over all threads and processes. False: there is no way to."""
        with self._auth.locked():
            while request := self._auth.renewal(used):
                call = _Call(
                    "POST",
                    request.url,
                    "token renewal",
                    # If the first one was carried out unheard, its token is dead anyway: a second try can only help.
                    replayable=True,
                    headers=request.headers,
                    data=request.form,
                    json=request.json,
                )
                answer = self._deliver(call)
                if not 200 <= answer.status < 300 and not 400 <= answer.status < 500:
                    return bool(self._judge(call, answer, used, frozenset()))
                try:
                    if self._auth.renewed(answer.status, answer.data):
                        break
                except Refused as refusal:
                    self._refusal = used, refusal
                    raise
            return dict(self._auth.headers()) != dict(used)

    def _deliver(self, call: _Call) -> Answer:
        """Send until there is an answer below 500 that is not 429, within the limits of retrying."""
        self._check_circuit(call)
        started = self._clock.now()

        def stop(state: RetryCallState) -> bool:
            now = self._clock.now()
            if now - started + _again(state).wait_s > OVERALL_S or now < self._open_until:
                return True
            return call.tries >= ATTEMPTS

        retrying = Retrying(
            stop=stop,
            wait=lambda state: _again(state).wait_s,
            sleep=self._clock.sleep,
            retry=retry_if_exception_type(_Again),
            reraise=True,
        )
        try:
            answer: Answer = retrying(self._attempt, call)
        except _Again as again:
            error = again.error
            if call.uncertain and call.method != "GET":
                # An earlier try may have been carried out, whatever the last one met.
                error = _again_as(Lost, error)
            raise error from again.error.__cause__
        return answer

    def _attempt(self, call: _Call) -> Answer:
        """One try. Raises `_Again` when another may help, a ConnectorError when none will."""
        self._pace.take()
        call.attempts += 1
        call.tries += 1
        try:
            status, headers, body = self._exchange(call)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
            # The connection was never made, so nothing can have been carried out.
            error = _no_connection(self._system, call.endpoint, exc)
            error.__cause__ = exc
            self._count_failure()
            if error.code == "certificate":
                raise error from exc
            raise _Again(error, wait_s=backoff_s(call.tries)) from exc
        except (httpx.TransportError, httpx.DecodingError) as exc:
            timed_out = isinstance(exc, httpx.TimeoutException)
            what = f"{self._system} {'did not answer in time' if timed_out else 'broke off the connection'}"
            raise self._uncertain(call, what, "timeout" if timed_out else "connection_lost", cause=exc) from exc
        return self._read(call, status, headers, body)

    def _read(self, call: _Call, status: int, headers: httpx.Headers, body: bytes) -> Answer:
        wait_s = retry_after_s(headers)
        if status == 429 or (status == 503 and wait_s is not None and call.replayable):
            raise self._told_to_wait(call, status, wait_s)
        if status >= 500 or status in {408, 425}:
            what = f"{self._system} failed to answer"
            raise self._uncertain(call, what, "server_error", status=status, text=as_text(body))
        self._pace.heard(leading_number(headers.get("x-ratelimit-remaining")))
        data, readable, strict = decode(body)
        may_be_empty = call.method != "GET" and not body
        if 200 <= status < 300 and status not in {202, 204, 205} and not readable and not may_be_empty:
            what = f"{self._system} answered with something that is not JSON, or only the beginning of it"
            raise self._uncertain(call, what, "not_json", status=status, text=as_text(body))
        with self._state:
            self._failed_in_a_row = 0
        return Answer(status, dict(headers), data, as_text(body), call.attempts, strict)

    def _uncertain(
        self,
        call: _Call,
        what: str,
        code: str,
        *,
        status: int | None = None,
        cause: Exception | None = None,
        text: str = "",
    ) -> Exception:
        """What to raise after a try that may have been carried out."""
        call.uncertain = True
        kind: type[ConnectorError] = Unreachable
        if not call.replayable:
            kind = Lost
        elif code == "not_json" and call.method == "GET":
            kind = BadAnswer  # the host is there, but its answers are no use
        if code != "not_json":
            self._count_failure()
        hint = "Whether it was carried out is looked up in the next run" if kind is Lost else "Try again later"
        error = kind(what, code=code, endpoint=call.endpoint, status=status, hint=hint, vendor_text=text)
        error.__cause__ = cause
        return _Again(error, wait_s=backoff_s(call.tries)) if call.replayable else error

    def _told_to_wait(self, call: _Call, status: int, wait_s: float | None) -> Exception:
        """429 (or 503 with a time): the whole account pauses, so the wait is the pace's, not this request's alone."""
        endless = wait_s is not None and wait_s > OVERALL_S
        pause_s = wait_s if endless and wait_s is not None else self._pace.busy(wait_s)
        log.debug("http.paused", system=self._system, endpoint=call.endpoint, status=status, pause_s=round(pause_s, 1))
        if status == 429:
            call.tries -= 1
        else:
            call.uncertain = True
        error = Unreachable(
            f"{self._system} asks to wait {pause_s:.0f} s",
            code="rate_limited",
            endpoint=call.endpoint,
            status=status,
            hint="Lower requests_per_minute if this repeats",
        )
        if endless:
            with self._state:
                self._open_until = max(self._open_until, self._clock.now() + min(pause_s, 3600.0))
        return _Again(error, wait_s=float("inf") if endless else 0.0)

    def _exchange(self, call: _Call) -> tuple[int, httpx.Headers, bytes]:
        """Request and complete body, within the limits of size and time."""
        request = self._client.build_request(
            call.method,
            call.url,
            params=call.params,
            headers=call.headers,
            content=call.content,
            data=call.data,
            json=call.json,
        )
        give_up_at = self._clock.now() + self._answer_within_s
        response = self._client.send(request, stream=True)
        try:
            # Stacked encodings multiply: 64 KiB of gzip within gzip can be gigabytes before a limit is seen.
            if "," in response.headers.get("content-encoding", ""):
                raise self._too_large(call, response.status_code)
            chunks: list[bytes] = []
            size = 0
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > BODY_LIMIT:
                    raise self._too_large(call, response.status_code)
                if self._clock.now() > give_up_at:
                    raise httpx.ReadTimeout("the answer as a whole took too long")
        finally:
            response.close()
        return response.status_code, response.headers, b"".join(chunks)

    def _too_large(self, call: _Call, status: int) -> ConnectorError:
        kind: type[ConnectorError] = BadAnswer if call.replayable else Lost
        return kind(
            f"{self._system} answered with more than {BODY_LIMIT // 2**20} MiB, or packed several times over",
            code="too_large",
            endpoint=call.endpoint,
            status=status,
            hint="Check base_url, or lower page_size",
        )

    def _check_circuit(self, call: _Call) -> None:
        with self._state:
            now = self._clock.now()
            if now >= self._open_until:
                return
            left = self._open_until - now
        raise Unreachable(
            f"{self._system} is left alone for another {left:.0f} s after repeated failures",
            code="circuit_open",
            endpoint=call.endpoint,
            hint="Try again later",
        )

    def _count_failure(self) -> None:
        """One try failed. Counted in tries and in time: eight threads that meet one hiccup are not a dead system."""
        with self._state:
            now = self._clock.now()
            if self._failed_in_a_row == 0:
                self._first_failed_at = now
            self._failed_in_a_row += 1
            dead = self._failed_in_a_row >= CIRCUIT_AFTER and now - self._first_failed_at >= CIRCUIT_AFTER_S
            if dead and now >= self._open_until:
                self._open_until = now + CIRCUIT_S
                log.warning("http.circuit_open", system=self._system, for_s=CIRCUIT_S)


@dataclass(slots=True)
class _Call:
    """One request on its way, over all its tries."""

    method: str
    url: str
    endpoint: str
    replayable: bool
    headers: Mapping[str, str]
    params: Mapping[str, Any] | None = None
    content: bytes | None = None
    data: Mapping[str, str] | None = None
    json: Mapping[str, str] | None = None
    attempts: int = 0
    tries: int = 0
    """`attempts` without those that were answered 429."""
    uncertain: bool = False
    """Some try may have been carried out."""


class _Again(Exception):
    """Another try may help; `error` is what to raise when there is none left."""

    def __init__(self, error: ConnectorError, *, wait_s: float) -> None:
        self.error, self.wait_s = error, wait_s
        super().__init__()


def _again_as(kind: type[ConnectorError], error: ConnectorError) -> ConnectorError:
    return kind(
        error.what,
        code=error.code,
        endpoint=error.endpoint,
        status=error.status,
        hint=error.hint,
        vendor_text=error.vendor_text,
    )


def _again(state: RetryCallState) -> _Again:
    exception = state.outcome.exception() if state.outcome else None
    assert isinstance(exception, _Again)
    return exception


def backoff_s(tries: int) -> float:
    """Exponential, half of it jitter, so that several threads do not come back together."""
    longest = min(20.0, 0.25 * 2.0**tries)
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret


def _no_connection(system: str, endpoint: str, exc: Exception) -> Unreachable:
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(
                f"The certificate of {system} cannot be verified",
                code="certificate",
                endpoint=endpoint,
                hint="Check base_url; behind an inspecting proxy, set ca_bundle",
            )
        cause = cause.__cause__ or cause.__context__
    return Unreachable(
        f"{system} cannot be reached",
        code="unreachable",
        endpoint=endpoint,
        hint="Check base_url and the network, then run again",
    )
