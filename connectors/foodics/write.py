"""Foodics's writing side: one customer at a time, updates as whole records built on a fresh read (section 6 of the
reference).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Gone, Payload, Record, Status, Write, WriteResult
from connectors.errors import ConnectorError, Refused, Unreachable
from connectors.foodics.models import BOOLEANS, meaning, read_day, read_flag, read_object
from connectors.foodics.read import INCLUDES, Customers, find, get, same_phone
from connectors.http import Answer, Http, Lost
from connectors.wire import segment

ALWAYS = ("name", "dial_code", "phone", "email", "gender", "birth_date", "is_blacklisted")
"""What every update carries: leaving one out may be refused, or empty it (6.4)."""
ON_REQUEST = ("tags", "is_house_account_enabled", "house_account_limit", "is_loyalty_enabled")
"""Sent only when changed, unless this server was seen to reset what is left out."""
NEVER = frozenset({"house_account_balance", "loyalty_balance"})
"""Money (trap 10)."""

_ANSWERED = frozenset({400, 403, 404, 405, 409, 410, 413, 415, 422})


class Writer:
    """Carries out writes for one business. Thread-safe."""

    def __init__(self, http: Http, customers: Customers) -> None:
        self._http, self._customers = http, customers
        self._resets = False
        """Whether an update empties what it leaves out: the worst reading of 6.4."""
        self._checked_resets = False

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        """One result per write. Raises Refused when the token is not accepted for the very first request."""
        results: list[WriteResult] = []
        for write in writes:
            try:
                results.append(self._one(write))
            except Refused as error:
                if not results:
                    raise
                results.append(_failed(write, "unsent", error))
        return results

    def _one(self, write: Write) -> WriteResult:
        try:
            match write.operation:
                case "create":
                    return self._create(write)
                case "update":
                    return self._update(write)
                case "delete":
                    return self._delete(write)
                case "restore":
                    return self._restore(write)
        except Lost as error:
            return self._after_loss(write, error)
        except Refused:
            raise
        except ConnectorError as error:
            return _failed(write, "unsent" if isinstance(error, Unreachable) else "unknown", error)

    def _create(self, write: Write) -> WriteResult:
        body = {path: value for path, value in write.fields.items() if value not in (None, "") and path not in NEVER}
        answer = self._http.send("POST", "customers", params=_INCLUDE, json=_typed(body), returned=_ANSWERED)
        if answer.status >= 300:
            return self._refused(write, answer, body)
        record = read_object(answer)
        if record is None:
            holders = self._holders(body)
            record = holders[0] if len(holders) == 1 else None
        return _done(write, answer, record)

    def _update(self, write: Write) -> WriteResult:
        fresh = get(self._http, write.record_id or "")
        if isinstance(fresh, Gone) or fresh.deleted_at:
            return WriteResult(write.key, "gone", None if isinstance(fresh, Gone) else fresh)
        if write.present is not None and any(
            meaning(fresh.payload, path) != meaning(write.present, path) for path in write.watched
        ):
            return WriteResult(write.key, "moved", fresh)
        body = whole_body(fresh.payload, write.fields, also=ON_REQUEST if self._resets else ())
        answer = self._put(write, body)
        if answer.status == 422 and (blamed := _blamed(answer) & (set(body) - set(write.fields))):
            # Something that was there before us would not be accepted today: it is not ours to mend, so it is left out.
            body = {name: value for name, value in body.items() if name not in blamed}
            answer = self._put(write, body)
        if answer.status in {404, 410}:
            return WriteResult(write.key, "gone", http_status=answer.status, attempts=answer.attempts)
        if answer.status >= 300:
            return self._refused(write, answer, body)
        return _done(write, answer, self._unreset(write, fresh, body, answer))

    def _put(self, write: Write, body: Payload) -> Answer:
        path = f"customers/{segment(write.record_id or '')}"
        return self._http.send("PUT", path, params=_INCLUDE, json=body, returned=_ANSWERED)

    def _unreset(self, write: Write, fresh: Record, body: Payload, answer: Answer) -> Record | None:
        """The stored record, after putting back what the update emptied by leaving it out, if this server does that."""
        after = read_object(answer)
        has_some = [path for path in ON_REQUEST if fresh.payload.get(path) and path not in body]
        unseen = after is None or any(path not in after.payload for path in has_some)
        if after is None or (unseen and not self._checked_resets):
            again = get(self._http, fresh.record_id)
            after = again if isinstance(again, Record) else after
        self._checked_resets = self._checked_resets or bool(has_some)
        if after is None:
            return None
        seen = after.payload
        lost = [path for path in has_some if path in seen and meaning(seen, path) != meaning(fresh.payload, path)]
        if not lost:
            return after
        self._resets = True
        repair = self._put(write, {**body, **_typed({path: fresh.payload[path] for path in lost})})
        return (read_object(repair) if repair.status < 300 else None) or after

    def _delete(self, write: Write) -> WriteResult:
        answer = self._http.send("DELETE", f"customers/{segment(write.record_id or '')}", returned=_ANSWERED)
        if answer.status >= 300 and answer.status not in {404, 410}:
            return self._refused(write, answer, {})
        return _done(write, answer, None)

    def _restore(self, write: Write) -> WriteResult:
        answer = self._http.send("PUT", f"customers/{segment(write.record_id or '')}/restore", returned=_ANSWERED)
        if answer.status >= 300 and answer.status not in {404, 410}:
            return self._refused(write, answer, {})
        record = get(self._http, write.record_id or "")  # its data may be anything by now (6.5)
        if isinstance(record, Gone) or record.deleted_at:
            status: Status = "gone" if answer.status >= 300 else "unknown"
            return WriteResult(write.key, status, http_status=answer.status, attempts=answer.attempts)
        return _done(write, answer, record)

    def _refused(self, write: Write, answer: Answer, body: Payload) -> WriteResult:
        reason = {403: "permission", 409: "conflict"}.get(answer.status, "validation")
        if answer.status in {409, 422} and _blamed(answer) & {"phone", "dial_code"}:
            # Taken or malformed? The words are the vendor's and may be in any language, so the holder is looked for (9).
            others = [record for record in self._holders(body) if record.record_id != write.record_id]
            if others:
                reason = "phone_taken_deleted" if all(record.deleted_at for record in others) else "phone_taken"
        return WriteResult(write.key, "refused", None, reason, answer.status, answer.text, answer.attempts)

    def _holders(self, body: Mapping[str, Any]) -> list[Record]:
        code, phone = str(body.get("dial_code", "")), str(body.get("phone", ""))
        if not code or not phone:
            return []
        try:
            found = find(self._customers, "phone", f"+{code}{phone.lstrip('0')}")
        except (ConnectorError, ValueError):
            return []
        return [record for record in found if same_phone(record.payload, code, phone)]

    def _after_loss(self, write: Write, lost: Lost) -> WriteResult:
        """What is stored tells whether an update, delete or restore went through; a create is looked up by
        the engine.
        """
        unknown = _failed(write, "unknown", lost)
        if write.operation == "create":
            return unknown
        try:
            now = get(self._http, write.record_id or "")
        except ConnectorError:
            return unknown
        is_gone = isinstance(now, Gone) or now.deleted_at is not None
        if write.operation == "delete":
            return WriteResult(write.key, "done") if is_gone else unknown
        if isinstance(now, Gone) or is_gone:
            return unknown if write.operation == "restore" else WriteResult(write.key, "gone")
        took = all(meaning(now.payload, path) == meaning({path: value}, path) for path, value in write.fields.items())
        return WriteResult(write.key, "done", now) if took or write.operation == "restore" else unknown


_INCLUDE = {"include": INCLUDES}


def whole_body(fresh: Payload, fields: Mapping[str, Any], *, also: Sequence[str] = ()) -> Payload:
    """The body of an update: the present record's basic fields with the changed ones over them (6.4)."""
    kept = {path: fresh[path] for path in (*ALWAYS, *also) if path in fresh}
    if kept.get("gender") not in (1, 2, None):
        del kept["gender"]
    if kept.get("birth_date") and read_day(kept["birth_date"]) is None:
        del kept["birth_date"]  # 0000-00-00 and the like would be refused
    body = {**kept, **{path: value if value != "" else None for path, value in fields.items() if path not in NEVER}}
    return _typed(body)


def _typed(body: Payload) -> Payload:
    """The body with real booleans, a whole number as dial code, and tags by id only."""
    typed = dict(body)
    for path in BOOLEANS & set(typed):
        typed[path] = bool(read_flag(typed[path]))
    if str(typed.get("dial_code", "")).lstrip("+").isdecimal():
        typed["dial_code"] = int(str(typed["dial_code"]).lstrip("+"))
    if isinstance(typed.get("tags"), list):
        typed["tags"] = [{"id": tag["id"]} if isinstance(tag, dict) and "id" in tag else tag for tag in typed["tags"]]
    return typed


def _blamed(answer: Answer) -> set[str]:
    """The fields that a validation error names."""
    errors = answer.data.get("errors") if isinstance(answer.data, dict) else None
    return set(errors) if isinstance(errors, dict) else set()


def _done(write: Write, answer: Answer, record: Record | None) -> WriteResult:
    return WriteResult(write.key, "done", record, http_status=answer.status, attempts=answer.attempts)


def _failed(write: Write, status: Status, error: ConnectorError) -> WriteResult:
    return WriteResult(write.key, status, None, error.code, error.status, error.vendor_text)
