"""Flow Retail: customers as the till keeps and shows them, and what staff do; the API is in `flow_retail.py`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.simulators.clock import Clock
from connectors.simulators.dials import FlowRetailDials
from connectors.simulators.rows import Holders, SortedRows
from connectors.simulators.till import Payload, Till, decode, encode

TEXTS = (
    "externalId",
    "firstname",
    "lastname",
    "companyName",
    "email",
    "mobile",
    "address",
    "postalCode",
    "city",
    "countryCode",
    "vatNumber",
    "ledgerNumber",
    "pricelistUid",
    "origin",
    "loyaltyId",
    "internalNote",
    "defaultStoreUid",
)
WRITABLE = (*TEXTS, "customerType", "paymentTerms", "ehfEnabled", "ehf", "customerGroupUids")
STAFF_ONLY = (
    "createdAt",
    "lastModifiedAt",
    "addresses",
    "contacts",
    "extensions",
    "consents",
    "credit",
    "accountManager",
)
INDEXED = ("externalId", "email", "mobile", "vatNumber", "loyaltyId", "ledgerNumber")
PERSONAL = (
    "firstname",
    "lastname",
    "companyName",
    "email",
    "mobile",
    "address",
    "postalCode",
    "city",
    "vatNumber",
    "internalNote",
)


class FlowRetailRows(Till[FlowRetailDials]):
    """The customers of one Flow Retail account."""

    vendor = "flow_retail"
    base_path = "/v2"

    def __init__(
        self, account: str = "acme", dials: FlowRetailDials | None = None, *, clock: Clock | None = None, seed: int = 0
    ) -> None:
        super().__init__(account, dials or FlowRetailDials(), clock=clock, seed=seed)

    @property
    def credentials(self) -> dict[str, str]:
        return {"token": f"demo-{self.account}-integration-token"}

    @property
    def tenant(self) -> str:
        """The tenant uid of this account's paths."""
        return self.account

    def lose_tokens(self, *, refresh_too: bool = False) -> None:  # noqa: ARG002 - there is only the one token
        self.tokens.clear()

    def _empty(self) -> None:
        self.tokens = {self.credentials["token"]}
        """Integration tokens that work; staff revoke them by taking them out."""
        self._created, self._modified = SortedRows(), SortedRows()
        self._by_value = {name: Holders() for name in INDEXED}
        self._serials: dict[str, int] = {}
        self._gone: set[str] = set()
        self._born: dict[str, float] = {}

    def _stamp(self, moment: datetime) -> str:
        shifted = moment.astimezone(UTC) + timedelta(seconds=self.dials.clock_offset_s)
        return shifted.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _index(self, record_id: str, row: Payload | None, old: Payload | None) -> None:
        for name in INDEXED:
            before, after = old and old[name], row and row[name]
            if before != after:
                if before:
                    self._by_value[name].drop(before.casefold(), record_id)
                if after:
                    self._by_value[name].add(after.casefold(), record_id)
        if row is None:
            self._created.drop(record_id)
            self._modified.drop(record_id)
            self._gone.add(record_id)
        else:
            serial = self._serials[record_id]
            if old is None:
                self._created.put(record_id, (row["createdAt"], serial))
            self._modified.put(record_id, (row["lastModifiedAt"], serial))

    def _index_many(self, made: list[tuple[str, Payload]]) -> None:
        self._created.load((uid, (row["createdAt"], self._serials[uid])) for uid, row in made)
        self._modified.load((uid, (row["lastModifiedAt"], self._serials[uid])) for uid, row in made)
        for uid, row in made:
            for name in INDEXED:
                if row[name]:
                    self._by_value[name].add(row[name].casefold(), uid)

    def _checked(self, fields: Mapping[str, Any]) -> Payload:
        if unknown := set(fields) - {*WRITABLE, *STAFF_ONLY}:
            raise ValueError(f"Flow Retail has no field {', '.join(sorted(unknown))}")
        return dict(fields)

    def _new_row(self, fields: Payload, at: datetime) -> tuple[str, Payload]:
        uid = fields.pop("customerUid", None) or f"{self.random.getrandbits(48):012x}"
        self._serials[uid] = self._next_serial()
        stamp = self._stamp(at)
        if self.dials.lookup_lag_s:
            self._born[uid] = time.monotonic()
        row: Payload = {
            "customerUid": uid,
            "externalId": "",
            "customerType": self.dials.private_literal,
            **dict.fromkeys(TEXTS[1:-1], ""),
            "paymentTerms": 0,
            "displayName": "",
            "createdAt": stamp,
            "lastModifiedAt": stamp,
            "addresses": [],
            "contacts": [],
            "extensions": [],
            "consents": [],
            "credit": {"limit": 0, "balance": 0},
            "accountManager": None,
            "ehf": {"enabled": False},
            "customerGroupUids": [],
            "defaultStoreUid": "",
        }
        return uid, _overlaid(row, fields)

    def _merged(self, record_id: str, row: Payload, fields: Payload) -> Payload:  # noqa: ARG002
        return _overlaid({**row, "lastModifiedAt": self._stamp(self.clock.tick())}, fields)

    def anonymise(self, uid: str) -> None:
        """Staff anonymise a customer (10): the row stays, everything personal in it is blank."""
        self.edit(uid, **dict.fromkeys(PERSONAL, ""))

    def _anybody(self) -> Payload:
        n = self.random.randrange(10**6)
        return {"firstname": "Drift", "lastname": f"Walker {n}", "email": f"drift{n}@example.com", "countryCode": "NO"}

    def _shown(self, row: Payload) -> Payload:
        if self.dials.empty_form == "text":
            return row
        empty = [name for name in TEXTS if row[name] == ""]
        if self.dials.empty_form == "null":
            return {**row, **dict.fromkeys(empty)}
        return {name: value for name, value in row.items() if name not in empty}

    def _served(self, uid: str) -> bytes:
        if uid in self._spoiled:
            return self._spoiled[uid]
        if self.dials.empty_form == "text":
            return self._rows[uid]
        return encode(self._shown(decode(self._rows[uid])))


def _overlaid(row: Payload, fields: Payload) -> Payload:
    row = {**row, **fields}
    if "ehfEnabled" in fields:
        row["ehf"] = {"enabled": row.pop("ehfEnabled")}
    row["displayName"] = row["companyName"] or f"{row['firstname']} {row['lastname']}".strip()
    return row
