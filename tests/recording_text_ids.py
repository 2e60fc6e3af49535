"""Cassettes of vendors whose ids are text and whose stamps give an order: both stay, everything else personal goes.

`tests/recording.py` says how to record, and scrubs where ids are numbers.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from tests.recording import PLAIN, SECRET_KEYS, STAMP
from tests.recording import vcr_config as plain_config

KEPT_KEYS = {
    "id",
    "customerUid",
    "customerAddressUid",
    "customerContactUid",
    "business_timezone",
    "status",
    "operation",
}
SECRETS = SECRET_KEYS | {"code"}


def vcr_config(public: str, invented: Collection[str]) -> dict[str, Any]:
    """Like `tests.recording.vcr_config`; `invented` is the text that the test itself sends."""
    config = plain_config(public)
    onto_public, only_headers = config["before_record_request"], config["before_record_response"]

    def request(it: Any) -> Any:
        it = onto_public(it)
        if it.body and b"grant_type" in bytes(it.body):
            it.body = json.dumps(scrubbed(json.loads(bytes(it.body)), {*invented, *GRANTS})).encode()
        return it

    def response(it: dict[str, Any]) -> dict[str, Any]:
        body = it["body"]["string"]
        if body:
            body = json.dumps(scrubbed(json.loads(body), set(invented))).encode()
        return {**only_headers(it), "body": {"string": body}}

    return {**config, "before_record_request": request, "before_record_response": response}


GRANTS = ("authorization_code", "refresh_token")


def scrubbed(value: Any, invented: set[str], key: str = "") -> Any:
    """A JSON value with its shape, ids and stamps kept and its other content gone."""
    if isinstance(value, dict):
        return {name: scrubbed(inner, invented, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [scrubbed(inner, invented, key) for inner in value]
    if not isinstance(value, str):
        return value
    if key in SECRETS:
        return "REDACTED"
    if key in KEPT_KEYS or value in invented or PLAIN.fullmatch(value) or STAMP.fullmatch(value):
        return value
    return "redacted"
