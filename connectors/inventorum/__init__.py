"""Inventorum (Shore POS). Section numbers in comments are those of the vendor's API reference in docs/apis.

    models.py  what the answers look like     walk.py  all pages, proved complete
    write.py   carrying out writes            phones.py  versions 9 and 10

No order, no stamps, no search, no reference of our own: changes and deletions are found only by walking all pages, and
creates cannot be repeated safely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from connectors.auth import OAuth
from connectors.base import (
    Account,
    Capabilities,
    End,
    Finding,
    Gone,
    Key,
    Page,
    Payload,
    Record,
    Restart,
    Settings,
    TokenStore,
    Write,
    WriteResult,
)
from connectors.errors import BadAnswer, Refused
from connectors.http import Http
from connectors.inventorum.models import DOCUMENTED, one, only
from connectors.inventorum.walk import CUSTOMERS, Walker
from connectors.inventorum.write import Writer

PAGE_SIZE = 30
"""Default and maximum (5). More is clamped silently or refused: never ask for it."""

CAPABILITIES = Capabilities(
    changes="full",
    deletions="absence",
    stamps=False,
    reference=False,
    find_by=frozenset(),
    batch_size=1,
    concurrency=6,
    operations=frozenset({"create", "update", "delete"}),
    page_size=PAGE_SIZE,
    requests_per_minute=600,
)


class Inventorum:
    """One account. `settings.options["api_version"]` is 9 or 10 (10 when left out)."""

    volatile = frozenset({"total_sales"})
    documented = DOCUMENTED

    def __init__(self, settings: Settings, tokens: TokenStore) -> None:
        self._system = settings.system
        self._version = settings.options.get("api_version", 10)
        if self._version not in {9, 10}:
            raise Refused(f"{settings.system}: api_version must be 9 or 10", code="bad_option")
        self.capabilities = replace(
            CAPABILITIES,
            page_size=max(1, min(settings.page_size or PAGE_SIZE, PAGE_SIZE)),
            requests_per_minute=settings.requests_per_minute or CAPABILITIES.requests_per_minute,
        )
        per_minute, page_size = self.capabilities.requests_per_minute, self.capabilities.page_size
        self._http = Http(
            settings,
            requests_per_minute=per_minute,
            auth=OAuth(settings, tokens, endpoint="auth/token/", client="basic", hints_at_expiry=_hints_at_expiry),
            headers={"X-Api-Version": str(self._version)},
        )
        # A second and a half of the budget under way: enough to use all of it while answers take a second, or pages are stored.
        width = max(2, min(24, per_minute // 40))
        self._walker = Walker(self._http, self._system, page_size=page_size, width=width)
        self._writer = Writer(self._http, self._version, self.get)

    def account(self) -> Account:
        """From `GET /info/`, which is old and undocumented (0): no answer from it is no error."""
        answer = self._http.send("GET", "info/", returned=frozenset({400, 403, 404, 405, 410}))
        data: Payload = answer.data if answer.status == 200 and isinstance(answer.data, dict) else {}
        inner = data.get("account")
        account: Payload = inner if isinstance(inner, dict) else data
        identity, name = account.get("id"), account.get("name")
        known = isinstance(identity, int | str) and not isinstance(identity, bool) and identity != ""
        return Account(str(identity) if known else None, name if isinstance(name, str) else "")

    def check(self, *, need_write: bool, need_delete: bool) -> list[Finding]:
        """Address, token and reading; permissions by asking to change the customer 0, who cannot exist."""
        page = self._walker.page(CUSTOMERS, 1)
        findings = [Finding("ok", "customers can be read", records=page.total)]
        lists = [row for row in page.rows if isinstance(row, dict) and "phone_numbers" in row]
        if self._version == 10 and lists:
            what = "version 10 was asked for, but customers carry the phone list of version 9"
            hint = "Phones written may be ignored without an error; try api_version: 9"
            findings.append(Finding("warning", what, hint))
        if need_write:
            findings.append(self._permission("PUT", "updated"))
        if need_delete:
            findings.append(self._permission("DELETE", "deleted"))
        return findings

    def walk(
        self,
        cursor: dict[str, Any] | None,  # noqa: ARG002
        *,
        full: bool,  # noqa: ARG002
        resume: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Iterator[Page | Restart | End]:
        """Always everything, from the beginning: there is no order to go by."""
        return self._walker.walk()

    def favourites(self) -> Iterator[Record]:
        """The customers marked as favourites (6.3)."""
        return self._walker.favourites()

    def get(self, record_id: str) -> Record | Gone:
        if not record_id.isascii() or not record_id.isdigit():
            return Gone()  # no id of this vendor, so nobody has it
        answer = self._http.send("GET", one(record_id), returned=frozenset({404, 410}))
        if answer.status in {404, 410}:
            return Gone()
        record = only(answer, record_id)
        if record is None:
            raise BadAnswer(
                f"{self._system} answered with something else than the customer asked for",
                code="unreadable_record",
                endpoint="GET /customers/{id}/",
                status=answer.status,
                hint="Nothing was changed; if this repeats, ask the vendor",
                vendor_text=answer.text,
            )
        return record

    def find(self, key: Key, value: str) -> list[Record]:  # noqa: ARG002
        """There is no search (0)."""
        return []

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        return [self._writer.carry_out(write) for write in writes]

    def close(self) -> None:
        self._http.close()

    def _permission(self, method: str, done: str) -> Finding:
        try:
            self._http.send(method, one("0"), json={} if method == "PUT" else None)
        except Refused as error:
            if error.code != "permission":
                raise
            return Finding("error", f"customers cannot be {done}", "The app's token needs the scope `customers`")
        return Finding("ok", f"customers can be {done}")


def _hints_at_expiry(status: int, data: Any) -> bool:
    """A 400 that does not say which field is wrong may mean that the token has expired (2)."""
    if status != 400:
        return False
    error = data.get("error") if isinstance(data, dict) else None
    return not (isinstance(error, dict) and error.get("fields")) and not (isinstance(data, dict) and "detail" in data)
