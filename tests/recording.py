"""Cassettes: recorded exchanges that pin the wire format, with everything personal or secret taken out before it is kept.

The ones in the repository were recorded against the simulators. To record them against an account of your own, put its
credentials into the environment and run, for example for Inventorum:

    INVENTORUM_ACCESS_TOKEN=… python -m pytest tests/unit/test_cassettes_inventorum.py \
        --record-mode=rewrite --allowed-hosts=app.inventorum.com
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit, urlunsplit

SECRET = re.compile(r"((?:access|refresh)_token|client_secret|client_id|token|code)=[^&]+")
SECRET_KEYS = {"access_token", "refresh_token", "client_secret", "client_id", "token", "scope"}
HEADERS = ("content-type", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining")
"""The answer's headers that mean something to us; the others name servers, dates and sessions."""
STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*")
PLAIN = re.compile(r"|[A-Z]{2}|Mr\.|Mrs\.|Ms\.|[a-z_]+\.[a-z_]+|Bearer|Serialization error|[A-Z]+|\d{1,2}")
"""Text that is no one's: empty, codes, titles, error keys."""


def vcr_config(public: str, invented: Collection[str] = ()) -> dict[str, Any]:
    """The configuration of a cassette: hosts become `public`, and text that is not among `invented` (what the test itself
    sends) becomes `redacted`."""

    def request(it: Any) -> Any:
        base, made = urlsplit(public), urlsplit(it.uri)
        path = made.path.removeprefix("/" + made.path.split("/")[1]) if made.hostname == "127.0.0.1" else made.path
        it.uri = urlunsplit((base.scheme, base.netloc, path, made.query, ""))
        if it.body and b"grant_type" in bytes(it.body):
            it.body = SECRET.sub(r"\1=REDACTED", bytes(it.body).decode()).encode()
        return it

    def response(it: dict[str, Any]) -> dict[str, Any]:
        headers = {name.lower(): value for name, value in it["headers"].items()}
        body = it["body"]["string"]
        try:
            body = json.dumps(scrubbed(json.loads(body), set(invented))).encode()
        except ValueError:
            body = b"redacted" if body else b""
        kept = {name: headers[name] for name in HEADERS if name in headers}
        return {**it, "headers": kept, "body": {"string": body}}

    return {
        "filter_headers": [("authorization", "REDACTED"), ("cookie", None), ("user-agent", None), ("host", None)],
        "match_on": ["method", "scheme", "host", "path", "query", "body"],
        "before_record_request": request,
        "before_record_response": response,
        "decode_compressed_response": True,
    }


def scrubbed(value: Any, invented: set[str], key: str = "") -> Any:
    """A JSON value with its shape kept and its content gone."""
    if isinstance(value, dict):
        return {name: scrubbed(inner, invented, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [scrubbed(inner, invented, key) for inner in value]
    if not isinstance(value, str):
        return value
    if key in SECRET_KEYS:
        return "REDACTED"
    if value in invented or PLAIN.fullmatch(value):
        return value
    return "1985-04-30T12:00:00+00:00" if STAMP.fullmatch(value) else "redacted"
