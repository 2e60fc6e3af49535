"""Flow Retail API v2: one tenant's customers.

    models.py  what the answers look like     read.py   lists, look-ups, paging     walk.py  whole and incremental walks
    batch.py   batch request and answer       write.py  carrying out writes

Not in the sync, but there for tools: external search, export, extensions, store view, addresses and contacts.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from connectors.auth import Bearer
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
from connectors.errors import Refused
from connectors.flow_retail import read
from connectors.flow_retail.models import DOCUMENTED
from connectors.flow_retail.read import NEWEST_FIRST, OLDEST_FIRST, Customers
from connectors.flow_retail.walk import walk
from connectors.flow_retail.write import Writer
from connectors.http import Answer, Http
from connectors.wire import segment

CAPABILITIES = Capabilities(
    changes="cursor",
    deletions="absence",
    stamps=True,
    reference=True,
    find_by=frozenset({"reference", "email", "phone", "vat_number"}),
    batch_size=50,
    concurrency=1,
    operations=frozenset({"create", "update", "delete"}),
    page_size=100,
    requests_per_minute=300,
    balances=("credit.balance",),
)


class FlowRetail:
    """One tenant. `settings.options["tenant"]` is its uid."""

    volatile = frozenset({"credit", "lastModifiedAt"})
    documented = DOCUMENTED

    def __init__(self, settings: Settings, tokens: TokenStore) -> None:  # noqa: ARG002 - integration tokens do not rotate
        self._tenant = str(settings.options["tenant"])
        self.capabilities = replace(
            CAPABILITIES,
            batch_size=settings.batch_size or CAPABILITIES.batch_size,
            page_size=settings.page_size or CAPABILITIES.page_size,
            requests_per_minute=settings.requests_per_minute or CAPABILITIES.requests_per_minute,
        )
        self._http = Http(settings, requests_per_minute=self.capabilities.requests_per_minute, auth=Bearer(settings))
        self._customers = Customers(self._http, self._tenant, self.capabilities.page_size)
        self._writer = Writer(self._http, self._customers)

    def account(self) -> Account:
        """The tenant, once a request for its customers was answered."""
        if self._customers.page(1, None, size=1) is None:
            self._customers.base()  # says what is wrong
        return Account(self._tenant, label=f"tenant {self._tenant}")

    def check(self, *, need_write: bool, need_delete: bool) -> list[Finding]:  # noqa: ARG002 - reading and writing need the same permission
        """Reading, sorting and, where asked for, the permission to delete (trap 17)."""
        base = self._customers.base()
        newest = self._customers.page(base, NEWEST_FIRST, size=1)
        what = f"customers of tenant {self._tenant} can be read; pages begin at {base}"
        findings = [Finding("ok", what, records=newest.total if newest else None)]
        if newest is None or OLDEST_FIRST in self._customers.unsortable:
            findings.append(
                Finding(
                    "warning", "the list cannot be sorted", "Every sync reads all customers, twice; plan for the time"
                )
            )
        if need_delete:
            findings.append(self._check_delete())
        return findings

    def _check_delete(self) -> Finding:
        """TENANT.BACKOFFICE cannot be asked for; deleting somebody who cannot exist shows it and changes nothing."""
        nobody = f"customer-sync-check-{uuid.uuid4().hex}"
        try:
            self._http.send("DELETE", f"{self._customers.path}/customers/{nobody}")
        except Refused as error:
            if error.status != 403:
                raise
            return Finding(
                "error",
                "customers cannot be deleted",
                "Give the integration user TENANT.BACKOFFICE, or set deletes: keep",
            )
        return Finding("ok", "customers can be deleted")

    def walk(
        self, cursor: dict[str, Any] | None, *, full: bool, resume: dict[str, Any] | None = None
    ) -> Iterator[Page | Restart | End]:
        return walk(self._customers, cursor, full=full, resume=resume)

    def get(self, record_id: str) -> Record | Gone:
        return read.get(self._http, self._customers, record_id)

    def find(self, key: Key, value: str) -> list[Record]:
        return read.find(self._customers, key, value)

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        return self._writer.write(writes)

    def close(self) -> None:
        self._http.close()

    # Beyond the sync

    def search_external(self, query: str) -> list[Payload]:
        """What the third-party register behind this tenant finds (5.4); rows as they come, their fields are
        not documented.
        """
        answer = self._http.send(
            "POST", f"{self._customers.path}/customers/search/external", json={"query": query}, replay=True
        )
        items = answer.data.get("items") if isinstance(answer.data, dict) else None
        return [item for item in items or [] if isinstance(item, dict)]

    def export(self, record_id: str) -> Payload | None:
        """Everything the vendor holds about one person, for the right of access (5.8); None when there is nobody."""
        return read.plain(self._http.send("GET", self._of(record_id, "export")))

    def store_details(self, store: str, record_id: str) -> Payload | None:
        """One customer as one store sees it (5.11)."""
        path = f"{self._customers.path}/stores/{segment(store)}/customers/{segment(record_id)}"
        return read.plain(self._http.send("GET", path))

    def add_extension(self, record_id: str, code: str, store: str) -> Payload | None:
        """Switch an extension on (5.9)."""
        return read.plain(
            self._http.send("POST", self._of(record_id, "extensions", code), json={"storeUid": store}, replay=True)
        )

    def remove_extension(self, record_id: str, code: str, store: str) -> bool:
        """Switch an extension off: a DELETE that must carry a body (5.9, trap 16)."""
        answer = self._http.send("DELETE", self._of(record_id, "extensions", code), json={"storeUid": store})
        return answer.status < 300

    def addresses(self, record_id: str) -> list[Payload]:
        """The further addresses of a customer (5.12); the main one is flat on the customer."""
        return self._nested(record_id, "addresses")

    def contacts(self, record_id: str) -> list[Payload]:
        """The contact persons of a customer (5.12)."""
        return self._nested(record_id, "contacts")

    def add_address(self, record_id: str, address: Payload) -> Answer:
        """Add an address; `type` is DELIVERY_ADDRESS or INVOICE_ADDRESS (5.12)."""
        return self._http.send("POST", self._of(record_id, "addresses"), json=address)

    def add_contact(self, record_id: str, contact: Payload) -> Answer:
        """Add a contact person; `firstname` and `lastname` are needed (5.12)."""
        return self._http.send("POST", self._of(record_id, "contacts"), json=contact)

    def address(self, record_id: str, address_id: str) -> Payload | None:
        """One further address (5.12)."""
        return read.plain(self._http.send("GET", self._of(record_id, "addresses", address_id)))

    def _nested(self, record_id: str, kind: str) -> list[Payload]:
        rows: list[Payload] = []
        for number in range(self._customers.base(), 1000):
            params = {"pageNumber": number, "pageSize": self._customers.page_size}
            answer = self._http.send("GET", self._of(record_id, kind), params=params)
            items = answer.data.get("items") if answer.status < 300 and isinstance(answer.data, dict) else None
            new = [item for item in items or [] if isinstance(item, dict) and item not in rows]
            if not new:
                break
            rows += new
        return rows

    def _of(self, record_id: str, *rest: str) -> str:
        return "/".join([self._customers.path, "customers", segment(record_id), *map(segment, rest)])
