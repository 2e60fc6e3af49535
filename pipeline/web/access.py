"""Who may look, who may decide, and what a browser may do with our pages.

One middleware around every route: the Host header (loopback without a password: against DNS rebinding), the password
(a session cookie, or `Authorization: Bearer` for programs), the CSRF token of every request that writes, and the headers
that forbid a page to load or run anything from elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from pipeline.config_check import is_loopback
from pipeline.errors import UserError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pipeline.config import Config

COOKIE = "customer_sync"
SESSION_S = 12 * 3600
BODY_LIMIT = 64 * 1024
"""Our forms are a few hundred bytes."""
FREE_TRIES = 5
LONGEST_WAIT_S = 900.0
_REMEMBERED = 10_000
"""Sessions and addresses at most: nobody fills our memory by trying passwords."""

_OPEN_PATHS = ("/login",)
_READING = ("GET", "HEAD")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # `no-referrer` would make browsers send `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def access(config: Config, now: Callable[[], float] = time.monotonic) -> list[Middleware]:
    """The middleware around our pages. Raises UserError for an open address without a password."""
    password = config.daemon.password.get_secret_value() if config.daemon.password else ""
    if not password and not is_loopback(_host_of(config.daemon.listen)):
        raise UserError(
            f"{config.file}: daemon.listen: {config.daemon.listen} can be reached from other machines.",
            ["set daemon.password, or listen on 127.0.0.1"],
        )
    return [Middleware(Access, gate=Gate(password, now))]


@dataclass(slots=True)
class Gate:
    """Sessions and failed tries of this process; a restart forgets both. `password` "": everybody may look."""

    password: str
    now: Callable[[], float] = time.monotonic
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _sessions: dict[str, float] = field(default_factory=dict, repr=False)
    _failures: dict[str, tuple[int, float]] = field(default_factory=dict, repr=False)

    def csrf(self, visitor: str) -> str:
        """The token that this visitor's forms carry."""
        return hmac.new(self._secret, visitor.encode(), hashlib.sha256).hexdigest()

    def is_in(self, visitor: str) -> bool:
        """Whether this visitor may look; looking keeps the session alive."""
        if not self.password:
            return True
        if self._sessions.get(visitor, 0.0) <= self.now():
            self._sessions.pop(visitor, None)
            return False
        self._sessions[visitor] = self.now() + SESSION_S
        return True

    def wait_s(self, address: str) -> float:
        """How long this address has to wait before its next try."""
        return max(0.0, self._failures.get(address, (0, 0.0))[1] - self.now())

    def knows(self, password: str, address: str) -> bool:
        """Whether the password is right, in constant time; wrong ones make the address wait, longer each time."""
        if hmac.compare_digest(_digest(password), _digest(self.password)):
            self._failures.pop(address, None)
            return True
        tries = self._failures.pop(address, (0, 0.0))[0] + 1
        over = tries - FREE_TRIES
        wait = min(LONGEST_WAIT_S, 2.0 ** min(over, 20)) if over >= 0 else 0.0
        self._failures[address] = (tries, self.now() + wait)
        _forget_oldest(self._failures)
        return False

    def let_in(self) -> str:
        """A new session: never the cookie that came with the password, which somebody else may have planted."""
        visitor = secrets.token_urlsafe(24)
        self._sessions[visitor] = self.now() + SESSION_S
        _forget_oldest(self._sessions)
        return visitor

    def let_out(self, visitor: str) -> None:
        """End a session."""
        self._sessions.pop(visitor, None)


class Access:
    """The middleware. Handlers find `csrf`, `form` and `has_password` in the request's state."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app = app
        self.gate = gate

    # ASGI is asynchronous; this is the only place of ours that is, so that handlers are plain functions in threads.
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        known = request.cookies.get(COOKIE, "")
        visitor = known or secrets.token_urlsafe(24)
        form: dict[str, str] = {}
        refusal: Response | None = None
        if request.method not in _READING:
            body = await _body(receive)
            if body is None:
                refusal = PlainTextResponse("Too much.", 413)
            else:
                form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        refusal = refusal or self._refusal(request, known, form)
        if refusal is None and request.url.path == "/login" and request.method == "POST":
            refusal, visitor = self._login(request, visitor, form)
        if refusal is None and request.url.path == "/logout" and request.method == "POST":
            self.gate.let_out(visitor)
            refusal, visitor = RedirectResponse("/login", 303), secrets.token_urlsafe(24)
        state = scope.setdefault("state", {})
        state |= {"csrf": self.gate.csrf(visitor), "form": form, "has_password": bool(self.gate.password)}
        is_encrypted = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
        cookie = _cookie(visitor, secure=is_encrypted) if visitor != known else ""
        await (refusal or self.app)(scope, receive, _with_headers(send, cookie, request.url.path))

    def _refusal(self, request: Request, visitor: str, form: Mapping[str, str]) -> Response | None:
        """Why this request goes no further, if it does not."""
        gate, path = self.gate, request.url.path
        if not gate.password and not is_loopback(_host_of(request.headers.get("host", ""))):
            return PlainTextResponse("This dashboard answers to localhost only.", 421)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        is_program = bool(bearer and gate.password)
        if is_program and path not in _OPEN_PATHS:
            if gate.wait_s(_address(request)):
                return _slow_down(gate.wait_s(_address(request)))
            if not gate.knows(bearer, _address(request)):
                return JSONResponse({"problem": "This is not the password."}, 401, {"WWW-Authenticate": "Bearer"})
            return None
        if request.method not in _READING and not (
            _is_from_here(request.headers) and _same(form.get("csrf", ""), gate.csrf(visitor)) and visitor
        ):
            return PlainTextResponse("This form is too old or came from elsewhere. Go back, reload, try again.", 403)
        if path in _OPEN_PATHS or path.startswith("/static/") or gate.is_in(visitor):
            return None
        if path.endswith(".json"):
            return JSONResponse({"problem": "A password is needed."}, 401, {"WWW-Authenticate": "Bearer"})
        response = RedirectResponse("/login", 303)
        if "hx-request" in request.headers:
            # A part of a page cannot show the login form: the browser goes there as a whole.
            response = RedirectResponse("/login", 200)
            response.headers["HX-Redirect"] = "/login"
        return response

    def _login(self, request: Request, visitor: str, form: Mapping[str, str]) -> tuple[Response | None, str]:
        """A redirect and a new session; or nothing, and the login page says what was wrong."""
        address = _address(request)
        request.scope.setdefault("state", {})["problem"] = ""
        if not self.gate.password:
            return RedirectResponse("/", 303), visitor
        if wait := self.gate.wait_s(address):
            return _slow_down(wait), visitor
        if self.gate.knows(form.get("password", ""), address):
            return RedirectResponse("/", 303), self.gate.let_in()
        request.scope["state"]["problem"] = "This is not the password."
        return None, visitor


def _with_headers(send: Send, cookie: str, path: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            # Pages hold personal data; static files are asked for again with their ETag.
            headers["Cache-Control"] = "no-cache" if path.startswith("/static/") else "no-store"
            if cookie:
                headers.append("Set-Cookie", cookie)
        await send(message)

    return sending


async def _body(receive: Receive) -> bytes | None:
    """The request's body, None when it is longer than any form of ours."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _is_from_here(headers: Headers) -> bool:
    """Whether the browser says that the form is one of ours; a program that says nothing needs the token all the same."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")


def _slow_down(wait_s: float) -> Response:
    seconds = max(1, round(wait_s))
    text = f"Too many wrong passwords. Try again in {seconds} s."
    return PlainTextResponse(text, 429, {"Retry-After": str(seconds)})


def _cookie(visitor: str, *, secure: bool) -> str:
    """`Strict` would hide the session from whoever follows a link in a mail, and the new cookie would end it."""
    return f"{COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _host_of(netloc: str) -> str:
    """`localhost:8080`, `127.0.0.1`, `[::1]:8080` → the host; "" for what is none."""
    try:
        return urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return ""


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


def _digest(text: str) -> bytes:
    """Of equal length whatever the text, so that comparing tells nothing about its length either."""
    return hashlib.sha256(text.encode()).digest()


def _forget_oldest(entries: dict[str, object] | dict[str, float] | dict[str, tuple[int, float]]) -> None:
    if len(entries) > _REMEMBERED:
        entries.pop(next(iter(entries)))
