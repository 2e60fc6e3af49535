"""Foodics API v5: one business's customers.

models.py  what the answers look like     read.py   lists and look-ups     walk.py  keyset walks, live and deleted
write.py   carrying out writes            oauth.py  the merchant's consent
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import ValidationError

from connectors.auth import Auth, Bearer, OAuth
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
from connectors.errors import ConnectorError, Refused
from connectors.foodics import read
from connectors.foodics.models import DOCUMENTED, Identity
from connectors.foodics.read import Customers
from connectors.foodics.walk import walk
from connectors.foodics.write import Writer
from connectors.http import Http

CAPABILITIES = Capabilities(
    changes="cursor",
    deletions="listed",
    stamps=True,
    reference=False,
    find_by=frozenset({"email", "phone"}),
    batch_size=1,
    concurrency=2,
    operations=frozenset({"create", "update", "delete", "restore"}),
    page_size=50,
    requests_per_minute=60,
    unique=frozenset({"phone"}),
    balances=("house_account_balance", "loyalty_balance"),
)


class Foodics:
    """One business. `auth` holds one long-lived `token`, or `client_id`, `client_secret` and `refresh_token`."""

    volatile = frozenset({"house_account_balance", "loyalty_balance", "last_order_at", "order_count", "updated_at"})
    documented = DOCUMENTED

    def __init__(self, settings: Settings, tokens: TokenStore) -> None:
        self._system = settings.system
        self.capabilities = replace(
            CAPABILITIES,
            page_size=settings.page_size or CAPABILITIES.page_size,
            requests_per_minute=settings.requests_per_minute or CAPABILITIES.requests_per_minute,
        )
        # The token endpoint is beside /v5, not under it (2).
        auth: Auth = (
            Bearer(settings)
            if settings.auth.get("token")
            else OAuth(settings, tokens, endpoint="../oauth/token", client="json")
        )
        self._http = Http(settings, requests_per_minute=self.capabilities.requests_per_minute, auth=auth)
        self._customers = Customers(self._http, self.capabilities.page_size)
        self._writer = Writer(self._http, self._customers)

    def account(self) -> Account:
        """The business's reference, from the cheapest request there is (2)."""
        business = self._whoami().business
        found = business and (business.reference if business.reference is not None else business.id)
        identity = str(found) if found is not None else None
        return Account(identity, label=(business and business.name) or identity or "")

    def check(self, *, need_write: bool, need_delete: bool) -> list[Finding]:
        """Token, reading, and the scopes that writing and deleting need."""
        identity = self._whoami()
        granted = None if identity.scopes is None else set(identity.scopes)
        business = identity.business
        name = (business and (business.name or business.reference)) or "this token's business"
        findings = []
        if granted is None or "customers.list" in granted:
            first = self._customers.page(1)
            findings.append(Finding("ok", f"customers of {name} can be listed", records=first.total if first else None))
        if zone := self.settings().get("business_timezone"):
            findings.append(Finding("ok", f"the business keeps the time of {zone}; the API's stamps are in UTC"))
        if granted is not None:
            return findings + _scopes(granted, need_write=need_write, need_delete=need_delete)
        if need_write:
            findings.append(
                Finding("warning", "this token does not say what it may do", "The first write will show it")
            )
        return findings + ([self._try_delete()] if need_delete else [])

    def _whoami(self) -> Identity:
        """Nothing known where the endpoint is missing or says something else: it is not in the vendor's own
        reference.
        """
        answer = self._http.send("GET", "whoami")
        data = answer.data.get("data", answer.data) if isinstance(answer.data, dict) else {}
        try:
            return Identity.model_validate(data if answer.status < 300 else {})
        except ValidationError:
            return Identity()

    def _try_delete(self) -> Finding:
        """Deleting somebody who cannot exist shows whether deleting is permitted, and changes nothing."""
        try:
            self._http.send("DELETE", f"customers/{uuid.uuid4()}")
        except Refused as error:
            if error.status != 403:
                raise
            return Finding("error", "customers cannot be deleted", "Add the scope admin.write, or set deletes: keep")
        return Finding("ok", "customers can be deleted")

    def settings(self) -> Payload:
        """The business's settings, among them `business_timezone` (2); empty where they cannot be read."""
        try:
            answer = self._http.send("GET", "settings", returned=frozenset({400, 403, 404}))
        except ConnectorError as error:
            if error.status == 401:
                raise
            return {}
        data = answer.data.get("data", answer.data) if isinstance(answer.data, dict) else {}
        return data if isinstance(data, dict) and answer.status < 300 else {}

    def walk(
        self, cursor: dict[str, Any] | None, *, full: bool, resume: dict[str, Any] | None = None
    ) -> Iterator[Page | Restart | End]:
        return walk(self._customers, self.get, cursor, full=full, resume=resume)

    def get(self, record_id: str) -> Record | Gone:
        return read.get(self._http, record_id)

    def find(self, key: Key, value: str) -> list[Record]:
        return read.find(self._customers, key, value)

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        return self._writer.write(writes)

    def close(self) -> None:
        self._http.close()


def _scopes(granted: set[str], *, need_write: bool, need_delete: bool) -> list[Finding]:
    """What the token's scopes permit (2). Deleting needs an admin scope, which merchants may refuse."""
    findings: list[Finding] = []
    for needed, scope, what, instead in (
        (True, "customers.list", "listed", ""),
        (True, "customers.get", "read one by one", ""),
        (need_write, "customers.write", "created and changed", ", or set access: read-only"),
        (need_delete, "admin.write", "deleted", ", or set deletes: keep"),
        (need_write, "admin.restore", "restored when a deleted one holds the phone number", ""),
    ):
        if needed and scope in granted:
            findings.append(Finding("ok", f"customers can be {what}"))
        elif needed:
            level: Literal["warning", "error"] = "warning" if scope == "admin.restore" else "error"
            hint = f"Add the scope {scope} to the app and let the merchant consent again{instead}"
            findings.append(Finding(level, f"customers cannot be {what}", hint))
    return findings
