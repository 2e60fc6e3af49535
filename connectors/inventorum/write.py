"""Writing to Inventorum: one request per customer, and no answer taken for granted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.base import Gone, Payload, Record, Write, WriteResult
from connectors.errors import BadAnswer, ConnectorError, Refused, Unreachable
from connectors.http import Answer, Http, Lost
from connectors.inventorum import phones
from connectors.inventorum.models import one, only

READ_ONLY = frozenset(
    {"id", "account_scoped_id", "middle_name", "customer_note", "group", "country_code", "total_sales"}
)
"""Never sent (7.1)."""
NULLABLE = frozenset({"birthday"})
"""Cleared with null; all other text with "" (6.5)."""


class Writer:
    """Carries out writes. `get` is the connector's fresh read."""

    def __init__(self, http: Http, version: int, get: Callable[[str], Record | Gone]) -> None:
        self._http, self._version, self._get = http, version, get
        self._refused_code_keys: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def carry_out(self, write: Write) -> WriteResult:
        try:
            match write.operation:
                case "create":
                    return self._create(write)
                case "update":
                    return self._update(write)
                case "delete":
                    return self._delete(write)
                case _:
                    return WriteResult(write.key, "refused", reason="unsupported")
        except Lost as error:
            return _failed(write, "unknown", error)
        except Unreachable as error:
            return _failed(write, "unsent", error)
        except Refused as error:
            # 403 is about this operation; anything else is about the credentials, and other writes will meet it too.
            return _failed(write, "refused" if error.code == "permission" else "unsent", error)
        except BadAnswer as error:
            return _failed(write, "unknown" if error.status and error.status < 300 else "refused", error)

    def _create(self, write: Write) -> WriteResult:
        body = self._body(write)
        answer = self._send(body, "POST", "customers/")
        if answer.status >= 300:
            return _refused(write, answer)
        record = only(answer, None)
        if record is None:
            return _result(write, "unknown", answer, reason="unreadable")
        return self._read_back(write, body, record, answer)

    def _update(self, write: Write) -> WriteResult:
        body = self._body(write)
        body.pop("channel", None)  # cannot be changed; a 400 or ignored for ever (trap 16)
        record_id = write.record_id or ""
        answer = self._send(body, "PUT", one(record_id))  # PUT, whatever the reference's sample says (trap 5)
        if answer.status in {404, 410}:
            return _result(write, "gone", answer)
        if answer.status >= 300:
            return _refused(write, answer)
        record = only(answer, record_id)
        if record is not None:
            return self._read_back(write, body, record, answer)
        fresh = self._fresh(record_id)
        if isinstance(fresh, Gone):
            return _result(write, "gone", answer)
        if fresh is None or not _holds(fresh.payload, body):
            return replace(_result(write, "unknown", answer, reason="unreadable"), record=fresh)
        return replace(_result(write, "done", answer), record=fresh)

    def _delete(self, write: Write) -> WriteResult:
        record_id = write.record_id or ""
        answer = self._http.send("DELETE", one(record_id))
        if answer.status in {404, 410}:
            return _result(write, "done", answer)
        if answer.status >= 300:
            return _refused(write, answer)
        if answer.data != {} and not isinstance(self._fresh(record_id), Gone):
            return _result(write, "unknown", answer, reason="unreadable")
        return _result(write, "done", answer)

    def _send(self, body: Payload, method: str, path: str) -> Answer:
        """Send a write; of the two spellings of the dial code in version 9, leave out the one that is refused (3)."""
        answer = self._http.send(method, path, json=phones.without(self._refused_code_keys, body))
        if answer.status == 400 and "phone_numbers" in body:
            refused = frozenset(key for key in phones.CODE_KEYS if key in answer.text)
            if refused - self._refused_code_keys:
                with self._lock:
                    self._refused_code_keys |= refused
                answer = self._http.send(method, path, json=phones.without(self._refused_code_keys, body))
        return answer

    def _read_back(self, write: Write, body: Payload, record: Record, answer: Answer) -> WriteResult:
        """A phone under the other version's name is ignored with a 2xx (trap 13): say so, and show what is there."""
        result = replace(_result(write, "done", answer), record=record)
        if phones.was_ignored(body, record.payload):
            fresh = self._fresh(record.record_id)
            if isinstance(fresh, Record):
                reason = "phone_ignored" if phones.was_ignored(body, fresh.payload) else ""
                return replace(result, record=fresh, reason=reason)
        return result

    def _fresh(self, record_id: str) -> Record | Gone | None:
        """A fresh read after a write, None when it failed: that must not make a write that was done look undone."""
        try:
            return self._get(record_id)
        except ConnectorError:
            return None

    def _body(self, write: Write) -> Payload:
        """The request body: dotted paths nested, and what is replaced as a whole sent as a whole (6.5)."""
        present = write.present or {}
        body: Payload = {}
        for path, value in write.fields.items():
            name, _, member = path.partition(".")
            if name in READ_ONLY or (value is None and write.operation == "create"):
                continue
            value = "" if value is None and (member or name not in NULLABLE) else value  # noqa: PLW2901
            if name == "billing_address":
                # Whether a partial address is merged or replaces the stored one is unknown: a whole one is right.
                address = body.setdefault(name, dict(present.get(name) or {}))
                address.update({member: value} if member else (value or {}))
            elif not member:
                body[name] = value
        # Elements without id would be inserted again on each pass (trap 11).
        if not all(isinstance(a, dict) and a.get("id") for a in body.get("shipping_address") or []):
            del body["shipping_address"]
        return phones.in_version(self._version, body, present)


def _result(write: Write, status: Any, answer: Answer, *, reason: str = "") -> WriteResult:
    return WriteResult(write.key, status, reason=reason, http_status=answer.status, attempts=answer.attempts)


def _refused(write: Write, answer: Answer) -> WriteResult:
    reason = {404: "not_found", 409: "conflict", 413: "too_large"}.get(answer.status, "validation")
    return replace(_result(write, "refused", answer, reason=reason), vendor_text=answer.text)


def _failed(write: Write, status: Any, error: ConnectorError) -> WriteResult:
    return WriteResult(write.key, status, reason=error.code, http_status=error.status, vendor_text=error.vendor_text)


def _holds(payload: Payload, body: Payload) -> bool:
    """Whether a record shows what was sent: "" and null are the same (trap 9), a birthday is compared by its day."""
    for name, sent in body.items():
        held = payload.get(name)
        if isinstance(sent, dict):
            if not _holds(held if isinstance(held, dict) else {}, sent):
                return False
        elif name == "birthday":
            if str(sent or "")[:10] != str(held or "")[:10]:
                return False
        elif name not in {"phone_numbers", "shipping_address"} and (sent or "") != (held or ""):
            return False
    return True
