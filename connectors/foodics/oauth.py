"""The merchant's consent, for `customer-sync auth` (section 2 of the API reference)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from connectors.auth import Renewal
from connectors.base import Settings
from connectors.errors import Refused
from connectors.http import Http


def authorize_url(settings: Settings, *, redirect_uri: str, state: str) -> str:
    """The vendor's consent page for this client. The caller checks that the same `state` comes back."""
    query = urlencode(
        {
            "client_id": settings.auth["client_id"],
            "response_type": "code",
            "redirect_uri": redirect_uri,
            "state": state,
        }
    )
    root = urljoin(settings.base_url.rstrip("/") + "/", "../authorize")
    host = urlsplit(root).netloc
    # api.foodics.com → console.foodics.com, api-sandbox… → console-sandbox…; any other host has both (1).
    if host.startswith(("api.", "api-")):
        root = root.replace(f"//{host}", f"//console{host.removeprefix('api')}", 1)
    return f"{root}?{query}"


def exchange_code(settings: Settings, *, code: str, redirect_uri: str) -> dict[str, str]:
    """The tokens for an authorisation code, as a `TokenStore` keeps them. Raises Refused when the code is not accepted.

    A code is good once: after a lost answer (`Lost`) the merchant must consent again.
    """
    http = Http(
        replace(settings, base_url=urljoin(settings.base_url.rstrip("/") + "/", "..").rstrip("/")),
        requests_per_minute=60,
        auth=_NoCredentials(),
    )
    try:
        answer = http.send(
            "POST",
            "oauth/token",
            json={
                "grant_type": "authorization_code",
                "code": code,
                "client_id": settings.auth["client_id"],
                "client_secret": settings.auth["client_secret"],
                "redirect_uri": redirect_uri,
            },
            returned=frozenset({400, 401, 403, 404, 422}),
        )
    finally:
        http.close()
    data = answer.data if isinstance(answer.data, dict) else {}
    if answer.status >= 300 or not isinstance(data.get("access_token"), str):
        raise Refused(
            f"{settings.system} did not accept the authorisation code",
            code="code_refused",
            endpoint="POST /oauth/token",
            status=answer.status,
            hint=f"Codes are good once and for a short time: customer-sync auth {settings.system}",
            vendor_text=answer.text,
        )
    kept = {name: data[name] for name in ("access_token", "refresh_token") if isinstance(data.get(name), str)}
    if isinstance(data.get("expires_in"), int):
        kept["expires_in"] = str(data["expires_in"])
    return kept


class _NoCredentials:
    """The exchange is authorised by what is in its body."""

    credential = "consent"

    def headers(self) -> dict[str, str]:
        return {}

    def due(self) -> bool:
        return False

    def expired(self, status: int, data: Any) -> bool:  # noqa: ARG002
        return False

    def locked(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def renewal(self, used: Mapping[str, str]) -> Renewal | None:  # noqa: ARG002
        return None

    def renewed(self, status: int, data: Any) -> bool:  # noqa: ARG002
        return False

    def worked(self) -> None:
        return None
