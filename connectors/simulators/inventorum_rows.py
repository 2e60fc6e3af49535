"""Inventorum: customers as the till keeps and shows them, and what staff do; the API is in `inventorum.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.simulators.clock import Clock
from connectors.simulators.dials import InventorumDials
from connectors.simulators.rows import SortedRows
from connectors.simulators.till import Payload, Till, decode, json
from connectors.simulators.tokens import Tokens

TEXTS = ("first_name", "last_name", "company", "email", "note", "tax_number")
FLAGS = ("is_b2b", "is_vip", "is_favourite", "is_confirmed", "email_marketing_agreed")
STAFF_ONLY = ("middle_name", "customer_note", "group")
WRITABLE = (*TEXTS, *FLAGS, "title", "birthday", "phone_number", "phone_numbers", "billing_address", "shipping_address")
ADDRESS = ("address1", "address2", "zipcode", "city", "state", "first_name", "last_name", "company", "title")
COUNTRIES = {
    "deutschland": "DE",
    "germany": "DE",
    "österreich": "AT",
    "austria": "AT",
    "schweiz": "CH",
    "switzerland": "CH",
    "norwegen": "NO",
    "norway": "NO",
    "norge": "NO",
    "polen": "PL",
    "poland": "PL",
    "frankreich": "FR",
    "france": "FR",
}
"""Country names that are understood beside codes (7.2); a till knows more than that, a simulator need not."""
ACCOUNT_CODE = "49"
"""The dial code of the account's own country, which version 9 shows for a number that was entered without one."""
BERLIN = ZoneInfo("Europe/Berlin")


class InvalidError(Exception):
    """A 400 with messages per field."""

    def __init__(self, **messages: Any) -> None:
        self.messages = messages


class InventorumRows(Till[InventorumDials]):
    """The customers of one Inventorum account."""

    vendor = "inventorum"
    base_path = "/api"

    def __init__(
        self,
        account: str = "berlin",
        dials: InventorumDials | None = None,
        *,
        clock: Clock | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(account, dials or InventorumDials(), clock=clock, seed=seed)

    @property
    def credentials(self) -> dict[str, str]:
        name = self.account
        return {
            "client_id": f"demo-{name}-client",
            "client_secret": f"demo-{name}-secret",
            "access_token": f"demo-{name}-access",
            "refresh_token": f"demo-{name}-refresh",
        }

    def lose_tokens(self, *, refresh_too: bool = False) -> None:
        if refresh_too:
            self.tokens.revoke()
        else:
            self.tokens.expire_access()

    def _empty(self) -> None:
        credentials = self.credentials
        self.tokens = Tokens(
            self.account, self.clock, access=credentials["access_token"], refresh=credentials["refresh_token"]
        )
        self._order = SortedRows()
        self._favourite_ids: set[str] = set()
        self._phones: dict[str, list[Payload]] = {}
        self._first_id = 100_000 + self._number("first id", 800) * 1_000
        self._address_serial = self._first_id * 2

    def _index(self, record_id: str, row: Payload | None, old: Payload | None) -> None:
        self._favourite_ids.discard(record_id)
        if row is None:
            self._order.drop(record_id)
            self._phones.pop(record_id, None)
            return
        if old is None:
            self._order.put(record_id, (int(record_id), 0))
        if row["is_favourite"]:
            self._favourite_ids.add(record_id)

    def _index_many(self, made: list[tuple[str, Payload]]) -> None:
        self._order.load((record_id, (int(record_id), 0)) for record_id, _ in made)
        self._favourite_ids.update(record_id for record_id, row in made if row["is_favourite"])

    def _checked(self, fields: Mapping[str, Any]) -> Payload:
        known = {*WRITABLE, *STAFF_ONLY, "channel"}
        if unknown := set(fields) - known:
            raise ValueError(f"Inventorum has no field {', '.join(sorted(unknown))}")
        return dict(fields)

    def _new_row(self, fields: Payload, at: datetime) -> tuple[str, Payload]:  # noqa: ARG002 - no stamps here
        serial = self._next_serial()
        record_id = str(self._first_id + serial)
        row: Payload = {
            "id": int(record_id),
            "account_scoped_id": serial,
            "billing_address": None,
            "shipping_address": [],
            "is_vip": False,
            "is_favourite": False,
            "first_name": "",
            "phone_number": "",
            "last_name": "",
            "middle_name": None,
            "company": "",
            "email_marketing_agreed": False,
            "note": "",
            "group": None,
            "email": "",
            "tax_number": "",
            "title": "Mr.",
            "customer_note": None,
            "is_confirmed": False,
            "channel": fields.get("channel", 1),
            "birthday": None,
            "is_b2b": False,
        }
        if "billing_address" not in fields and self.dials.blank_billing == "object":
            row["billing_address"] = self._address({"title": "Mr."}, None)
        return record_id, self._merged(record_id, row, fields)

    def _merged(self, record_id: str, row: Payload, fields: Payload) -> Payload:
        for name, value in fields.items():
            if name == "billing_address":
                row[name] = self._billing(value, row[name])
            elif name == "shipping_address":
                row[name] = self._shipping(value or [], row[name])
            elif name == "birthday":
                row[name] = None if value in (None, "") else _instant(value).astimezone(BERLIN).isoformat()
            elif name == "phone_numbers":
                self._take_phones(record_id, row, value or [])
            elif name == "phone_number":
                row[name] = value or ""
                self._phones.pop(record_id, None)
            elif name in TEXTS or name == "title":
                row[name] = "" if value is None else value
            elif name != "channel":
                row[name] = value
        return row

    def _take_phones(self, record_id: str, row: Payload, phones: list[Payload]) -> None:
        kept = []
        for phone in phones:
            self._address_serial += 1
            code = phone.get("county_code", phone.get("country_code", ""))
            kept.append(
                {
                    "id": self._address_serial,
                    "code": code or "",
                    "type": phone.get("type") or "normal",
                    "national_number": phone.get("national_number") or "",
                }
            )
        self._phones[record_id] = kept
        shown = kept[0 if self.dials.v10_shows == "first" else -1]["national_number"] if kept else ""
        row["phone_number"] = shown

    def _billing(self, sent: Payload | None, present: Payload | None) -> Payload | None:
        if sent is None:
            return None
        if self.dials.billing_write == "merge" and present is not None:
            sent = {**present, **sent}
        return self._address(sent, present["id"] if present else None)

    def _shipping(self, sent: list[Payload], present: list[Payload]) -> list[Payload]:
        ids = {address["id"] for address in present}
        made = [self._address(address, address["id"] if address.get("id") in ids else None) for address in sent]
        if self.dials.shipping_write == "replace":
            return made
        changed = {address["id"]: address for address in made}
        return [changed.pop(address["id"], address) for address in present] + list(changed.values())

    def _address(self, sent: Payload, address_id: int | None) -> Payload:
        if address_id is None:
            self._address_serial += 1
            address_id = self._address_serial
        country = sent.get("country") or "DE"
        code = country.upper() if len(country) == 2 else COUNTRIES.get(country.casefold())
        if code is None:
            raise InvalidError(country=["Unknown country"])
        return {"country": code, "id": address_id, **{name: sent.get(name) or "" for name in ADDRESS}}

    def _anybody(self) -> Payload:
        n = self.random.randrange(10**6)
        return {"first_name": "Drift", "last_name": f"Walker {n}", "email": f"drift{n}@example.com"}

    def _shown(self, record_id: str, version: int) -> Payload:
        """The row as this version and the dials show it."""
        row: Payload = decode(self._rows[record_id])
        dials = self.dials
        if version < 10 or dials.phones_in_v10 == "list":
            phones = self._phones.get(record_id)
            if phones is None:
                phones = [_as_v9(row["phone_number"])] if row["phone_number"] else []
            del row["phone_number"]
            row["phone_numbers"] = [
                {("id" if k == "id" else dials.v9_code_key if k == "code" else k): v for k, v in phone.items()}
                for phone in phones
            ]
        elif not row["phone_number"]:
            if dials.no_phone == "absent":
                del row["phone_number"]
            else:
                row["phone_number"] = None if dials.no_phone == "null" else ""
        if row["birthday"] and dials.birthday_form != "local":
            row["birthday"] = _written(datetime.fromisoformat(row["birthday"]), dials.birthday_form)
        if dials.empty_address_members == "null":
            for address in (row["billing_address"], *row["shipping_address"]):
                if address is not None:
                    address.update({name: None for name in ADDRESS if address[name] == ""})
        return row

    def _served(self, record_id: str, version: int) -> bytes:
        """The row as bytes; as stored where no dial says otherwise (most requests of a large world)."""
        if record_id in self._spoiled:
            return self._spoiled[record_id]
        dials = self.dials
        plain = (dials.phones_in_v10, dials.no_phone, dials.birthday_form, dials.empty_address_members)
        if version >= 10 and plain == ("string", "text", "local", "text"):
            return self._rows[record_id]
        return _encoded(self._shown(record_id, version))


def _encoded(row: Payload) -> bytes:
    return json(row).body  # type: ignore[return-value]


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _written(moment: datetime, form: str) -> str:
    if form == "Z":
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{form}").tzinfo
    return moment.astimezone(zone).isoformat()


def _as_v9(number: str) -> Payload:
    """A version 10 string as a version 9 list shows it: the account's own dial code unless the number carries one."""
    own = f"+{ACCOUNT_CODE}"
    if number.startswith(own):
        return {"id": 0, "code": ACCOUNT_CODE, "type": "normal", "national_number": number.removeprefix(own)}
    return {
        "id": 0,
        "code": "" if number.startswith("+") else ACCOUNT_CODE,
        "type": "normal",
        "national_number": number,
    }
