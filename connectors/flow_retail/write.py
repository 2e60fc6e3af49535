"""Flow Retail's writing side: batches, halved down to a bad item, and single calls where there is no batch.

A batch can be carried out twice without anybody noticing, so it is never repeated: what became of its items is looked
up (5.10 of the API reference). The stored records come from one newest-first page after the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from connectors.base import Gone, Record, Status, Write, WriteResult
from connectors.errors import ConnectorError, Refused, Unreachable
from connectors.flow_retail.batch import (
    Verdict,
    batch_body,
    correlated,
    is_shell,
    item_body,
    left_filled,
    reason_of,
    rounds,
    took,
    update_body,
    verdicts,
)
from connectors.flow_retail.models import body_of, read_row
from connectors.flow_retail.read import NEWEST_FIRST, Customers, find, get
from connectors.http import Answer, Http, Lost
from connectors.wire import segment

_ANSWERED = frozenset({400, 403, 404, 405, 409, 410, 413, 415, 422})
Results = dict[str, WriteResult]


class Writer:
    """Carries out writes for one tenant. Thread-safe; remembers what it learnt about the server."""

    def __init__(self, http: Http, customers: Customers) -> None:
        self._http, self._customers = http, customers
        self._path = f"{customers.path}/customers"
        self._has_batch = True
        self._empty: str | None = ""
        """How a text is emptied: `""`, or null on the other reading (5.6)."""

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        """One result per write, in their order. Raises Refused when the token is not accepted for the very
        first request.
        """
        results: Results = {}
        batched = []
        for write in writes:
            if write.operation == "restore":
                results[write.key] = WriteResult(write.key, "refused", reason="unsupported")
            else:
                batched.append(write)
        for group in rounds(batched):
            self._carry_out(group, results)
        return [results[write.key] for write in writes]

    def _carry_out(self, writes: Sequence[Write], results: Results) -> None:
        try:
            without_handle = [write for write in writes if write.operation == "create" and not write.reference]
            self._batch([write for write in writes if write not in without_handle], results)
            for write in without_handle:
                results[write.key] = self._single(write)
        except Refused as error:
            if not results:
                raise
            # What was done must be told; the rest was not even sent.
            for write in writes:
                results.setdefault(write.key, _failed(write, "unsent", error))

    def _batch(self, writes: Sequence[Write], results: Results) -> None:
        """One request for all, or several when it is refused as a whole."""
        if not writes:
            return
        if not self._has_batch:
            results.update((write.key, self._single(write)) for write in writes)
            return
        try:
            answer = self._http.send(
                "POST", f"{self._path}/batch", json=batch_body(writes, self._empty), returned=_ANSWERED
            )
        except Lost as error:
            if error.status == 501:
                self._has_batch = False
                self._batch(writes, results)
            else:
                self._settle(writes, {}, results, error=error)
            return
        except Refused:
            raise
        except ConnectorError as error:
            status: Status = "unsent" if isinstance(error, Unreachable) else "unknown"
            results.update((write.key, _failed(write, status, error)) for write in writes)
            return
        if answer.status < 300:
            self._settle(writes, correlated(writes, verdicts(answer.data, answer.strict)), results, answer=answer)
        else:
            self._refused_whole(writes, answer, results)

    def _refused_whole(self, writes: Sequence[Write], answer: Answer, results: Results) -> None:
        deletes = [write for write in writes if write.operation == "delete"]
        others = [write for write in writes if write.operation != "delete"]
        if answer.status == 403:
            if deletes and others:  # one without the permission to delete can still do the rest (2)
                self._batch(others, results)
                self._batch(deletes, results)
            else:
                results.update((write.key, _refused(write, answer)) for write in writes)
        elif answer.status == 405:
            self._has_batch = False
            self._batch(writes, results)
        elif answer.status == 404 or len(writes) == 1:
            # Is it the item, or the batch itself that this server does not take? The single call tells.
            single = {write.key: self._single(write) for write in writes}
            results.update(single)
            if all(result.status == "done" for result in single.values()):
                self._has_batch = False
        else:
            middle = len(writes) // 2
            self._batch(writes[:middle], results)
            self._batch(writes[middle:], results)

    # What became of the items

    def _settle(
        self,
        writes: Sequence[Write],
        said: Mapping[str, Verdict],
        results: Results,
        *,
        answer: Answer | None = None,
        error: ConnectorError | None = None,
    ) -> None:
        """One result per write: what the server said of it, or else what is stored."""
        status = answer.status if answer else error.status if error else None
        attempts = answer.attempts if answer else 1
        wanted: list[Write] = []
        for write in writes:
            verdict = said.get(write.key)
            if verdict is not None and verdict.good is False:
                results[write.key] = self._failed_item(write, verdict, attempts)
            elif verdict is not None and verdict.good and (write.operation == "delete" or verdict.record):
                results[write.key] = WriteResult(
                    write.key, "done", verdict.record, http_status=verdict.status or status, attempts=attempts
                )
            else:
                wanted.append(write)
        stored = self._newest(wanted)
        for write in wanted:
            verdict = said.get(write.key)
            good = verdict is not None and verdict.good is True
            try:
                result = self._looked_up(write, verdict, stored)
            except ConnectorError as failed:
                result = WriteResult(write.key, "done" if good else "unknown", reason="" if good else failed.code)
            results[write.key] = replace(
                result,
                reason=result.reason or (error.code if error and result.status == "unknown" else ""),
                vendor_text=error.vendor_text if error and result.status == "unknown" else "",
                http_status=(verdict.status if verdict else None) or status,
                attempts=attempts,
            )
        used = self._empty
        for write in wanted:
            if write.operation == "update" and results[write.key].record:
                results[write.key] = self._emptied(write, results[write.key], used)

    def _newest(self, wanted: Sequence[Write]) -> list[Record]:
        """The customers changed last: what was just written is among them. Empty when that cannot be had."""
        if not any(write.operation != "delete" for write in wanted) or len(wanted) == 1:
            return []  # for one, its own look-up is as cheap, and certain
        try:
            size = max(self._customers.page_size, len(wanted))
            listing = self._customers.page(self._customers.base(), NEWEST_FIRST, size=size)
        except ConnectorError:
            return []
        return list(listing.records) if listing else []

    def _looked_up(self, write: Write, verdict: Verdict | None, stored: Sequence[Record]) -> WriteResult:
        good = verdict is not None and verdict.good is True
        if write.operation == "create":
            found = [record for record in stored if record.reference == write.reference]
            if not found and good and verdict and verdict.uid:
                record = get(self._http, self._customers, verdict.uid)
                found = [record] if isinstance(record, Record) else []
            elif not found:
                found = find(self._customers, "reference", write.reference or "")
            if good and verdict and verdict.uid and len(found) > 1:
                found = [record for record in found if record.record_id == verdict.uid]
            if len(found) == 1:
                return WriteResult(write.key, "done", found[0])
            return WriteResult(write.key, "done" if good else "unknown", reason="several" if found else "")
        record_id = write.record_id or ""
        record = next((record for record in stored if record.record_id == record_id), None) or get(
            self._http, self._customers, record_id
        )
        if write.operation == "delete":
            done = isinstance(record, Gone) or is_shell(record.payload)
            return WriteResult(write.key, "done" if done else "unknown")
        if isinstance(record, Gone):
            return WriteResult(write.key, "gone")
        return WriteResult(write.key, "done" if good or took(write, record.payload) else "unknown", record)

    def _failed_item(self, write: Write, verdict: Verdict, attempts: int) -> WriteResult:
        failed = WriteResult(
            write.key, "refused", None, reason_of(verdict.status), verdict.status, verdict.text, attempts
        )
        if verdict.status in {404, 410} and write.operation != "create":
            return replace(failed, status="done" if write.operation == "delete" else "gone", reason="", vendor_text="")
        if verdict.status is not None and verdict.status >= 500:
            return replace(failed, status="unknown", reason="server_error")
        if verdict.status == 429:
            return replace(failed, status="unsent", reason="too_many_requests")
        return self._perhaps_ours(write, failed)

    def _perhaps_ours(self, write: Write, refused: WriteResult) -> WriteResult:
        """A create that is refused as a duplicate may be one of ours that went through unheard: its reference tells."""
        if write.operation != "create" or refused.reason != "conflict" or not write.reference:
            return refused
        try:
            found = find(self._customers, "reference", write.reference)
        except ConnectorError:
            return refused
        return (
            replace(refused, status="done", record=found[0], reason="", vendor_text="") if len(found) == 1 else refused
        )

    def _emptied(self, write: Write, result: WriteResult, used: str | None) -> WriteResult:
        """Where a field that was to be emptied still holds something, the other way to say "nothing" is tried, once."""
        assert result.record is not None
        still, other = left_filled(write, result.record.payload), None if used == "" else ""
        if not still or not took(write, {**result.record.payload, **dict.fromkeys(still)}):
            return result
        try:
            path = f"{self._path}/{segment(write.record_id or '')}"
            answer = self._http.send("PUT", path, json=body_of(dict.fromkeys(still, other)))
        except ConnectorError:
            return result
        row = read_row(answer.data, answer.strict)
        if answer.status >= 300 or not isinstance(row, Record):
            return result
        if left_filled(write, row.payload):
            return replace(result, record=row)
        self._empty = other
        return replace(result, status="done", reason="", vendor_text="", record=row)

    # One by one

    def _single(self, write: Write) -> WriteResult:
        """`POST`, `PUT` or `DELETE` of one customer."""
        try:
            answer = self._send_single(write)
        except Lost as error:
            results: Results = {}
            if write.operation == "create" and not write.reference:
                return _failed(write, "unknown", error)
            self._settle([write], {}, results, error=error)
            return results[write.key]
        except Refused:
            raise
        except ConnectorError as error:
            return _failed(write, "unsent" if isinstance(error, Unreachable) else "unknown", error)
        if answer.status in {404, 410} and write.operation != "create":
            return WriteResult(
                write.key,
                "done" if write.operation == "delete" else "gone",
                http_status=answer.status,
                attempts=answer.attempts,
            )
        if answer.status >= 300:
            return self._perhaps_ours(write, _refused(write, answer))
        row = read_row(answer.data, answer.strict)
        record = row if isinstance(row, Record) and write.record_id in {None, row.record_id} else None
        results = {
            write.key: WriteResult(write.key, "done", record, http_status=answer.status, attempts=answer.attempts)
        }
        if write.operation != "delete" and record is None and (write.record_id or write.reference):
            said = Verdict(write.operation, write.record_id, write.reference, True, answer.status, "", None)
            self._settle([write], {write.key: said}, results, answer=answer)
        result = results[write.key]
        return self._emptied(write, result, self._empty) if write.operation == "update" and result.record else result

    def _send_single(self, write: Write) -> Answer:
        send: Callable[..., Answer] = self._http.send
        if write.operation == "create":
            return send("POST", self._path, json=item_body(write, self._empty), returned=_ANSWERED)
        path = f"{self._path}/{segment(write.record_id or '')}"
        if write.operation == "update":
            return send("PUT", path, json=update_body(write, self._empty), returned=_ANSWERED)
        return send("DELETE", path, returned=_ANSWERED)


def _refused(write: Write, answer: Answer) -> WriteResult:
    return WriteResult(
        write.key, "refused", None, reason_of(answer.status), answer.status, answer.text, answer.attempts
    )


def _failed(write: Write, status: Status, error: ConnectorError) -> WriteResult:
    return WriteResult(write.key, status, None, error.code, error.status, error.vendor_text)
