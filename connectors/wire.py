"""What goes over the wire, without sending it: addresses, paths and their labels, and how to read what comes back."""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from connectors.base import Settings
from connectors.errors import Refused

TEXT_LIMIT = 16_384
"""How much of a body is kept as text, in bytes."""


def segment(value: str) -> str:
    """A value as one segment of a path. Raises ValueError for those that would name another path."""
    if value in {"", ".", ".."}:
        raise ValueError("not an id")
    return quote(value, safe="")


def endpoint_label(method: str, path: str) -> str:
    """Method and path for people and logs, without query and with anything that looks like an id replaced."""
    parts = path.partition("?")[0].lstrip("/").split("/")
    shown = ["{id}" if re.search(r"[\d%@]", part) or len(part) > 24 else part for part in parts]
    return f"{method} /{'/'.join(shown)}"


def decode(body: bytes) -> tuple[Any, bool, bool]:
    """(data, readable, strict). Lenient reading saves the other rows of a page when one string of it is broken."""
    if not body:
        return None, False, True
    try:
        return msgspec.json.decode(body), True, True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        # Broken bytes become lone surrogates, like broken escapes do, so that a connector finds both the same way.
        return json.loads(body.decode("utf-8-sig", "surrogateescape"), strict=False), True, False
    except (ValueError, RecursionError):
        return None, False, False


def is_sound(value: Any) -> bool:
    """Whether a decoded value can be stored: no lone surrogates, no infinite numbers."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def as_text(body: bytes) -> str:
    return body[:TEXT_LIMIT].decode("utf-8", "replace")


def retry_after_s(headers: httpx.Headers) -> float | None:
    """Seconds or an HTTP date; a date is read against the server's own clock where it sent that too."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        sent = parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - sent).total_seconds())
    except (ValueError, TypeError):
        return None


def leading_number(value: str | None) -> int | None:
    found = re.match(r"\s*(\d{1,9})\b", value or "")
    return int(found[1]) if found else None


def check_address(settings: Settings) -> bool:
    """Whether the address is loopback. Raises Refused for one that must not be used."""
    problem = ""
    try:
        url = httpx.URL(settings.base_url)
    except httpx.InvalidURL:
        url, problem = httpx.URL(""), "is not an address"
    loopback = _is_loopback(url.host)
    if not problem and (url.scheme not in {"http", "https"} or not url.host):
        problem = "is not an http address"
    elif not problem and (url.userinfo or url.query or url.fragment):
        problem = "has more than scheme, host and path in it"
    elif not problem and url.scheme == "http" and not loopback:
        problem = "is not encrypted"
    if problem:
        raise Refused(
            f"The base_url of {settings.system} {problem}",
            code="bad_address",
            hint="Use https://; plain http:// only for this machine",
        )
    return loopback


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def trust(settings: Settings, loopback: bool) -> ssl.SSLContext | bool:
    if settings.ca_bundle:
        try:
            return ssl.create_default_context(cafile=settings.ca_bundle)
        except (OSError, ssl.SSLError) as exc:
            raise Refused(
                f"The ca_bundle of {settings.system} cannot be read",
                code="bad_ca_bundle",
                hint="It must be a PEM file with certificates",
            ) from exc
    # Plain http to this machine needs no certificates, and loading them takes longer than the rest of the start.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if loopback and settings.base_url.startswith("http:") else True
