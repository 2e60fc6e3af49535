"""Credentials, without I/O: what goes into a request, when and by which request to renew it, what the answer means.

`connectors.http` does the sending. The order of a renewal is what keeps it crash-safe: inside the lock of the token
store, load again (another process may have renewed), send, save durably, and only then use. A crash between the
server's rotation and our save cannot be healed by anybody; it is told once, with the command that mends it.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urljoin

from connectors.base import Settings, TokenStore
from connectors.errors import BadAnswer, Refused

_KEPT = ("access_token", "refresh_token", "obtained_at", "expires_at", "previous_refresh_token")
_SUSPECT_AFTER_S = 600.0
"""A token younger than this did not expire: an answer that only hints at expiry is then taken at its word."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """The request that renews credentials. `form` or `json` is its body."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: Mapping[str, str] | None = None


class Auth(Protocol):
    """Credentials of one account. `credential` identifies them in this process (for the shared pace) and is secret."""

    credential: str

    def headers(self) -> dict[str, str]:
        """The headers that authorise a request now."""

    def due(self) -> bool:
        """Whether to renew before the next request."""

    def expired(self, status: int, data: Any) -> bool:
        """Whether this answer says that the credentials have expired."""

    def locked(self) -> AbstractContextManager[Any]:
        """Held around `renewal`, the sending, and `renewed`."""

    def renewal(self, used: Mapping[str, str]) -> Renewal | None:
        """The request that replaces the headers `used`; None when newer ones are there already, or there is no way."""

    def renewed(self, status: int, data: Any) -> bool:
        """Keep what the renewal brought. False: ask `renewal` again, there is another token to try. Raises Refused."""

    def worked(self) -> None:
        """The present headers were accepted."""


class Bearer:
    """A fixed token, sent as it is. There is nothing to renew."""

    def __init__(self, settings: Settings) -> None:
        self.credential = _token(settings.auth.get("token", ""), settings.system)
        self._headers = {"Authorization": f"Bearer {self.credential}"}

    def headers(self) -> dict[str, str]:
        return dict(self._headers)

    def due(self) -> bool:
        return False

    def expired(self, status: int, data: Any) -> bool:  # noqa: ARG002
        return status == 401

    def locked(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def renewal(self, used: Mapping[str, str]) -> Renewal | None:  # noqa: ARG002
        return None

    def renewed(self, status: int, data: Any) -> bool:  # noqa: ARG002
        raise AssertionError("a fixed token is never renewed")

    def worked(self) -> None:
        return None


class OAuth:
    """An access token with a refresh token that may rotate, kept in the token store.

    `endpoint` is relative to the base URL, or a path from the host's root when it begins with `/`. `client` is how the
    client identifies itself: HTTP Basic and a form (Inventorum), or everything in a JSON body (Foodics).
    `hints_at_expiry` names answers other than 401 that may mean an expired token: they cause one renewal at most, and
    then count as what they say.
    """

    def __init__(
        self,
        settings: Settings,
        tokens: TokenStore,
        *,
        endpoint: str,
        client: Literal["basic", "json"],
        hints_at_expiry: Callable[[int, Any], bool] = lambda status, data: False,  # noqa: ARG005
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._store, self._client, self._now = settings, tokens, client, now
        self._url = urljoin(settings.base_url.rstrip("/") + "/", endpoint)
        self._hints_at_expiry = hints_at_expiry
        self._refused: set[str] = set()
        self._sent = ""
        self._kept = self._load()
        self.credential = settings.auth.get("client_id") or self._kept.get("access_token", "")

    def headers(self) -> dict[str, str]:
        token = self._kept.get("access_token", "")
        return {"Authorization": f"Bearer {_token(token, self._settings.system)}"} if token else {}

    def due(self) -> bool:
        """Shortly before the lifetime that the server announced is over; an unknown lifetime is left to the 401."""
        if not self._kept.get("access_token"):
            return True
        obtained, expires = _number(self._kept.get("obtained_at")), _number(self._kept.get("expires_at"))
        if obtained is None or expires is None or expires <= obtained:
            return False
        return self._now() >= expires - min(60.0, (expires - obtained) / 10)

    def expired(self, status: int, data: Any) -> bool:
        if status == 401:
            return True
        obtained = _number(self._kept.get("obtained_at"))
        if obtained is not None and 0 <= self._now() - obtained < _SUSPECT_AFTER_S:
            return False
        return self._hints_at_expiry(status, data)

    def locked(self) -> AbstractContextManager[Any]:
        lock: AbstractContextManager[Any] = self._store.locked(self._settings.system)
        return lock

    def renewal(self, used: Mapping[str, str]) -> Renewal | None:
        self._kept = self._load()
        if not self.due() and self.headers() != dict(used):
            return None
        refresh = self._untried()
        if not refresh:
            if self._refused:
                raise self._needs_authorisation(None, "")
            return None
        self._sent = refresh
        secret = self._settings.auth
        grant = {"grant_type": "refresh_token", "refresh_token": refresh}
        if self._client == "json":
            return Renewal(
                self._url,
                json={
                    **grant,
                    "client_id": secret.get("client_id", ""),
                    "client_secret": secret.get("client_secret", ""),
                },
            )
        pair = f"{secret.get('client_id', '')}:{secret.get('client_secret', '')}"
        return Renewal(self._url, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, form=grant)

    def renewed(self, status: int, data: Any) -> bool:
        if 400 <= status < 500:
            self._refused.add(self._sent)
            if self._untried():
                return False
            code = data.get("error") if isinstance(data, dict) else None
            raise self._needs_authorisation(status, code if isinstance(code, str) else "")
        access = data.get("access_token") if isinstance(data, dict) else None
        if not isinstance(access, str) or not access:
            raise BadAnswer(
                f"{self._settings.system} answered the renewal of the token without a token",
                code="renewal_unreadable",
                endpoint="token renewal",
                status=status,
                hint=f"If this repeats: customer-sync auth {self._settings.system}",
            )
        refresh, lifetime, now = data.get("refresh_token"), _number(data.get("expires_in")), self._now()
        kept = {
            "access_token": access,
            "refresh_token": refresh if isinstance(refresh, str) and refresh else self._sent,
            "obtained_at": repr(now),
        }
        if lifetime is not None:
            kept["expires_at"] = repr(now + lifetime)
        if kept["refresh_token"] != self._sent:
            kept["previous_refresh_token"] = self._sent
        # Durable before use: once the new token was seen by the server, the old pair is dead for good.
        self._save(kept)
        self._kept = kept
        return True

    def worked(self) -> None:
        """Forget the pair before: only now is it certain that the server knows the new one."""
        if "previous_refresh_token" not in self._kept:
            return
        with self.locked():
            self._kept = self._load()
            if self._kept.pop("previous_refresh_token", None):
                self._save(self._kept)

    def _load(self) -> dict[str, str]:
        return dict(self._store.load(self._settings.system, self._settings.auth))

    def _save(self, kept: Mapping[str, str]) -> None:
        """Only what a renewal brings: what is loaded has the configured secrets in it as well."""
        tokens = {name: kept[name] for name in _KEPT if name in kept}
        self._store.save(self._settings.system, self._settings.auth, tokens)

    def _untried(self) -> str:
        """The refresh token to try next: the newest, or the one before it while the newest has not proved to work."""
        candidates = (self._kept.get("refresh_token", ""), self._kept.get("previous_refresh_token", ""))
        return next((token for token in candidates if token and token not in self._refused), "")

    def _needs_authorisation(self, status: int | None, vendor_code: str) -> Refused:
        if vendor_code == "invalid_client":
            what, code, hint = "does not know this client", "client_refused", "Check client_id and client_secret, then "
        else:
            what, code, hint = "no longer accepts the refresh token", "needs_authorisation", ""
        return Refused(
            f"{self._settings.system} {what}",
            code=code,
            endpoint="token renewal",
            status=status,
            hint=f"{hint}customer-sync auth {self._settings.system}",
            vendor_text=vendor_code,
        )


def _token(value: str, system: str) -> str:
    """The bare token. One that cannot stand in a header is refused here: the HTTP library's error would print it."""
    token = value.strip().removeprefix("Bearer ").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Refused(
            f"The token of {system} is {'empty' if not token else 'not a token (blanks or strange characters in it)'}",
            code="token_malformed",
            hint=f"customer-sync auth {system}",
        )
    return token


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < 1e12 else None
