"""Foodics: customers as the till keeps and shows them, and what staff do; the API is in `foodics.py`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.simulators.clock import Clock
from connectors.simulators.dials import FoodicsDials
from connectors.simulators.rows import Holders, SortedRows
from connectors.simulators.till import Payload, Till, decode, encode
from connectors.simulators.tokens import Tokens

REQUIRED = ("name", "dial_code", "phone")
OPTIONAL: Payload = {"email": None, "gender": None, "birth_date": None, "is_blacklisted": False}
BEHIND_SCOPE = {
    "house_account_limit": "customers.accounts.write",
    "is_house_account_enabled": "customers.accounts.write",
    "is_loyalty_enabled": "customers.loyalty.write",
}
HIDDEN_WITHOUT = {
    "house_account_limit": "customers.accounts.read",
    "house_account_balance": "customers.accounts.read",
    "loyalty_balance": "customers.loyalty.read",
}
BOOLEANS = ("is_blacklisted", "is_house_account_enabled", "is_loyalty_enabled")
STAFF_ONLY = (
    "house_account_balance",
    "loyalty_balance",
    "order_count",
    "last_order_at",
    "created_at",
    "updated_at",
    "deleted_at",
    "addresses",
    "notes",
)
WRITABLE = (*REQUIRED, *OPTIONAL, *BEHIND_SCOPE, "tags")
STAMP = "%Y-%m-%d %H:%M:%S"


class FoodicsRows(Till[FoodicsDials]):
    """The customers of one Foodics account."""

    vendor = "foodics"
    base_path = "/v5"

    def __init__(
        self, account: str = "riyadh", dials: FoodicsDials | None = None, *, clock: Clock | None = None, seed: int = 0
    ) -> None:
        super().__init__(account, dials or FoodicsDials(), clock=clock, seed=seed)

    @property
    def credentials(self) -> dict[str, str]:
        return {"token": f"demo-{self.account}-token"}

    @property
    def oauth_credentials(self) -> dict[str, str]:
        """The other way of configuring Foodics: refresh instead of one long-lived token."""
        name = self.account
        return {
            "client_id": f"demo-{name}-client",
            "client_secret": f"demo-{name}-secret",
            "refresh_token": f"demo-{name}-refresh",
        }

    @property
    def consent_code(self) -> str:
        """The authorisation code that the consent page hands out; good once."""
        return f"demo-{self.account}-code"

    def lose_tokens(self, *, refresh_too: bool = False) -> None:
        if refresh_too:
            self.tokens.revoke()
        else:
            self.tokens.expire_access()

    def _empty(self) -> None:
        oauth = self.oauth_credentials
        self.tokens = Tokens(self.account, self.clock, access=self.credentials["token"], refresh=oauth["refresh_token"])
        self._codes = {self.consent_code}
        self._live = {"created_at": SortedRows(), "updated_at": SortedRows()}
        self._dead = {"created_at": SortedRows(), "updated_at": SortedRows()}
        self._serials: dict[str, int] = {}
        self._by_phone = Holders()
        self._tags: dict[str, list[str]] = {}
        self._addresses: dict[str, list[Payload]] = {}
        self.tag_names = {"8d06aaa0": "Regular", "fhhsd8r5": "Family"}
        """The tags that exist: id → name. Writing another id is a 422."""

    def _live_ids(self) -> Iterable[str]:
        return self._live["created_at"].ids()

    def __len__(self) -> int:
        return len(self._live["created_at"])

    def deleted(self) -> dict[str, Payload]:
        """The soft-deleted customers: record id → payload."""
        with self.lock:
            return {record_id: self.customer(record_id) for record_id in self._dead["created_at"].ids()}

    def customer(self, record_id: str) -> Payload:
        with self.lock:
            return {**super().customer(record_id), **self._extras(record_id)}

    def customers(self) -> dict[str, Payload]:
        with self.lock:
            return {record_id: self.customer(record_id) for record_id in self._live_ids()}

    def _extras(self, record_id: str) -> Payload:
        tags = [{"id": tag} for tag in self._tags.get(record_id, [])]
        return {"tags": tags, "addresses": self._addresses.get(record_id, [])}

    def _stamp(self, moment: datetime) -> str:
        return (moment.astimezone(UTC) + timedelta(seconds=self.dials.clock_offset_s)).strftime(STAMP)

    def _index(self, record_id: str, row: Payload | None, old: Payload | None) -> None:
        if old is not None and (row is None or row["phone"] != old["phone"]):
            self._by_phone.drop(old["phone"], record_id)
        if row is not None and (old is None or row["phone"] != old["phone"]):
            self._by_phone.add(row["phone"], record_id)
        for orders, belongs in (
            (self._live, row is not None and not row["deleted_at"]),
            (self._dead, row and row["deleted_at"]),
        ):
            for name, order in orders.items():
                if belongs and row is not None:
                    order.put(record_id, (row[name], self._serials[record_id]))
                else:
                    order.drop(record_id)

    def _index_many(self, made: list[tuple[str, Payload]]) -> None:
        for orders, dead in ((self._live, False), (self._dead, True)):
            chosen = [(record_id, row) for record_id, row in made if bool(row["deleted_at"]) is dead]
            for name, order in orders.items():
                order.load((record_id, (row[name], self._serials[record_id])) for record_id, row in chosen)
        for record_id, row in made:
            self._by_phone.add(row["phone"], record_id)

    def _checked(self, fields: Mapping[str, Any]) -> Payload:
        if unknown := set(fields) - {*WRITABLE, *STAFF_ONLY}:
            raise ValueError(f"Foodics has no field {', '.join(sorted(unknown))}")
        return dict(fields)

    def _new_row(self, fields: Payload, at: datetime) -> tuple[str, Payload]:
        record_id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self._serials[record_id] = self._next_serial()
        stamp = self._stamp(at)
        row: Payload = {
            "id": record_id,
            "name": "",
            "dial_code": 966,
            "phone": "",
            "email": None,
            "gender": None,
            "birth_date": None,
            "is_blacklisted": False,
            "is_house_account_enabled": False,
            "house_account_limit": None,
            "house_account_balance": 0,
            "is_loyalty_enabled": False,
            "loyalty_balance": 0,
            "order_count": None,
            "last_order_at": None,
            "created_at": stamp,
            "updated_at": stamp,
            "deleted_at": None,
        }
        return record_id, self._overlaid(record_id, row, fields)

    def _merged(self, record_id: str, row: Payload, fields: Payload) -> Payload:
        return self._overlaid(record_id, {**row, "updated_at": self._stamp(self.clock.tick())}, fields)

    def _overlaid(self, record_id: str, row: Payload, fields: Payload) -> Payload:
        fields = dict(fields)
        if "tags" in fields:
            self._tags[record_id] = [tag["id"] if isinstance(tag, dict) else tag for tag in fields.pop("tags") or []]
        if "addresses" in fields:
            self._addresses[record_id] = fields.pop("addresses") or []
        return {**row, **fields}

    def _remove(self, record_id: str) -> None:
        self._mark(record_id, "delete", self._stamp(self.clock.tick()))

    def _mark(self, record_id: str, operation: Any, deleted_at: str | None) -> None:
        """Soft delete or restore: whether that moves `updated_at` is a dial (6.5)."""
        row = {**decode(self._rows[record_id]), "deleted_at": deleted_at}
        if self.dials.delete_moves_updated_at:
            row["updated_at"] = deleted_at or self._stamp(self.clock.now())
        self._store(operation, record_id, row)

    def restore(self, record_id: str) -> None:
        """Staff put a deleted customer back, under the same id. Raises KeyError for an unknown one."""
        with self.lock:
            self.clock.tick()
            self._mark(record_id, "restore", None)

    def purge(self, record_id: str) -> None:
        """The vendor removes a customer for good (10: or merges it into another)."""
        with self.lock:
            self._store("delete", record_id, None)

    def touch(self, record_id: str) -> None:
        """The customer orders something: counters and `updated_at` move, nothing personal does (trap 3)."""
        with self.lock:
            count = self.customer(record_id)["order_count"] or 0
            self.edit(record_id, order_count=count + 1, last_order_at=self._stamp(self.clock.now()))

    def _anybody(self) -> Payload:
        n = self.random.randrange(10**6)
        return {"name": f"Drift Walker {n}", "dial_code": 966, "phone": f"509{n:06d}", "email": f"drift{n}@example.com"}

    def _shown(self, record_id: str, include: set[str]) -> Payload:
        """The row as the token's scopes, the dials and the includes asked for let it be seen."""
        dials, row = self.dials, decode(self._rows[record_id])
        row = {
            name: value
            for name, value in row.items()
            if HIDDEN_WITHOUT.get(name) is None or HIDDEN_WITHOUT[name] in dials.scopes
        }
        for name in BOOLEANS:
            row[name] = _boolean(row[name], dials.booleans, name)
        if dials.dial_code == "string":
            row["dial_code"] = str(row["dial_code"])
        extras = self._extras(record_id)
        if "tags" in include or dials.includes == "always":
            row["tags"] = extras["tags"]
        if "addresses" in include or dials.includes == "always":
            with_zone = "addresses.delivery_zone" in include
            row["addresses"] = [
                {k: v for k, v in a.items() if with_zone or k != "delivery_zone"} for a in extras["addresses"]
            ]
        return row

    def _served(self, record_id: str, include: set[str]) -> bytes:
        if record_id in self._spoiled:
            return self._spoiled[record_id]
        return encode(self._shown(record_id, include))


def _boolean(value: bool, form: str, name: str) -> Any:
    if form == "int" or (form == "sample" and name == "is_loyalty_enabled"):
        return int(value)
    return str(int(value)) if form == "string" else bool(value)
