"""Speed of reading records by the shipped mappings: all rules of a system, one process, records that differ.

    python -m benchmarks.mapping [RECORDS] [ROUNDS]

Every round reads records that no round before has seen, as fast memories of equal values would flatter the figures. Times are CPU
time, the median of the rounds; beside them, what bare `phonenumbers` needs to parse and validate the same numbers, one per record.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import phonenumbers

from benchmarks.worlds import Row, make_world
from mappings import Context, load_mappings

CONTEXTS = {
    "inventorum": Context("DE", ("DE",), "Europe/Berlin"),
    "flow_retail": Context("NO", ("NO", "DE"), "Europe/Oslo"),
    "foodics": Context("SA", ("SA", "DE"), "Asia/Riyadh"),
    "memory": Context("DE", ("DE",), "Europe/Berlin"),
}
_STREETS = ("Lindenstraße", "Voltastrasse", "Storgata", "Karl Johans gate", "King Fahd Road", "Am Markt", "Hauptstr.")
_CITIES = {"DE": ("Berlin", "Köln", "München"), "NO": ("Oslo", "Bergen"), "SA": ("Riyadh", "جدة")}
_CALLING = {"DE": "49", "NO": "47", "SA": "966"}


def main(records: int = 20_000, rounds: int = 5) -> None:
    """Print records per second of each mapping, and the ratio to the bare phone library."""
    mappings = load_mappings(None)
    print(f"{'mapping':12} {'records/s':>10} {'numbers/s, bare phonenumbers':>30} {'time, library = 1':>18}")
    for name, context in CONTEXTS.items():
        read = partial(mappings[name].read, context=context)
        ours, bare = [], []
        for number in range(rounds):
            rng = random.Random(number)
            dressed = [DRESS[name](row, rng) for row in _rows(records, number)]
            ours.append(_seconds(read, dressed))
            bare.append(_seconds(_bare, [(record_phone(name, payload), context.region) for payload in dressed]))
        ours_s, bare_s = statistics.median(ours), statistics.median(bare)
        print(f"{name:12} {records / ours_s:10,.0f} {records / bare_s:30,.0f} {ours_s / bare_s:18.2f}")


def _seconds(read: Callable[[Any], object], items: Sequence[Any]) -> float:
    start = time.process_time()
    for item in items:
        read(item)
    return time.process_time() - start


def _bare(pair: tuple[str, str | None]) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(*pair))
    except phonenumbers.NumberParseException:
        return False


def _rows(records: int, number: int) -> list[Row]:
    """So many records of a world of its own, as of one system."""
    rows = make_world(int(records / 2.1) + 100, 1000 + number)[:records]
    return [
        replace(row, mobile=f"+479{row.mobile[-7:]}") if _country(row) == "NO" and row.mobile else row for row in rows
    ]


def record_phone(name: str, payload: dict[str, Any]) -> str:
    """The phone of a record as one text."""
    if name == "foodics":
        return f"+{payload['dial_code']}{payload['phone']}" if payload["phone"] else ""
    return payload.get({"inventorum": "phone_number", "flow_retail": "mobile"}.get(name, "phone")) or ""


# --- records as each till would hold them ---------------------------------------------------------------------------


def _country(row: Row) -> str:
    for country, code in _CALLING.items():
        if row.mobile and row.mobile.startswith(f"+{code}"):
            return country
    return "DE"


def _phone(row: Row, rng: random.Random) -> str | None:
    """A third in E.164, a third national, a third with spaces."""
    if row.mobile is None:
        return None
    code = _CALLING[_country(row)]
    national = row.mobile[1 + len(code) :]
    trunk = "" if code == "47" else "0"
    how = rng.random()
    if how < 0.34:
        return row.mobile
    if how < 0.67 and code == "49":
        return trunk + national
    return f"+{code} {national[:3]} {national[3:5]} {national[5:]}"


def _vat(row: Row, rng: random.Random) -> str:
    """A valid German number for companies."""
    if row.company is None:
        return ""
    digits = [rng.randrange(1, 10), *(rng.randrange(10) for _ in range(7))]
    product = 10
    for digit in digits:
        product = 2 * ((digit + product) % 10 or 10) % 11
    return "DE" + "".join(map(str, digits)) + str((11 - product) % 10)


def _address(row: Row, rng: random.Random) -> Iterator[str]:
    country = _country(row)
    yield f"{rng.choice(_STREETS)} {rng.randrange(1, 200)}"
    yield f"{rng.randrange(10_000, 99_999)}"
    yield rng.choice(_CITIES[country])
    yield country


def _born(rng: random.Random) -> str:
    return f"{rng.randrange(1940, 2008)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"


def _inventorum(row: Row, rng: random.Random) -> dict[str, Any]:
    street, postal_code, city, country = _address(row, rng)
    return {
        "id": rng.randrange(10**6),
        "first_name": row.given or "",
        "middle_name": None,
        "last_name": row.family or "",
        "company": row.company or "",
        "title": "Mr.",
        "email": row.email,
        "phone_number": _phone(row, rng),
        "birthday": f"{_born(rng)}T22:00:00Z" if rng.random() < 0.5 else None,
        "is_b2b": row.company is not None,
        "is_vip": False,
        "is_favourite": rng.random() < 0.1,
        "email_marketing_agreed": rng.random() < 0.3,
        "note": "" if rng.random() < 0.9 else f"Stammkunde seit {rng.randrange(1990, 2026)}",
        "tax_number": _vat(row, rng),
        "billing_address": {
            "id": rng.randrange(10**6),
            "address1": street.rpartition(" ")[0],
            "address2": street.rpartition(" ")[2],
            "zipcode": postal_code,
            "city": city,
            "state": None,
            "country": country,
            "first_name": row.given or "",
            "last_name": row.family or "",
            "company": row.company or "",
        },
        "shipping_address": [],
    }


def _flow_retail(row: Row, rng: random.Random) -> dict[str, Any]:
    street, postal_code, city, country = _address(row, rng)
    return {
        "customerUid": f"{rng.randrange(10**9):x}",
        "customerType": "COMPANY" if row.company else None,
        "firstname": row.given or "",
        "lastname": row.family or "",
        "companyName": row.company or "",
        "email": row.email,
        "mobile": _phone(row, rng),
        "address": street,
        "postalCode": postal_code,
        "city": city,
        "countryCode": country,
        "vatNumber": _vat(row, rng),
        "internalNote": None,
    }


def _foodics(row: Row, rng: random.Random) -> dict[str, Any]:
    code = _CALLING[_country(row)]
    person = " ".join(part for part in (row.given, row.family) if part)
    return {
        "id": f"{rng.randrange(10**9):x}",
        "name": person or row.company or "Walk-in Customer",
        "dial_code": int(code),
        "phone": row.mobile[1 + len(code) :] if row.mobile else "",
        "email": row.email,
        "gender": rng.choice((1, 2, None)),
        "birth_date": _born(rng) if rng.random() < 0.5 else None,
        "is_blacklisted": False,
        "is_loyalty_enabled": 1,
        "house_account_balance": 0,
        "tags": [],
    }


def _memory(row: Row, rng: random.Random) -> dict[str, Any]:
    street, postal_code, city, country = _address(row, rng)
    return {
        "id": f"{rng.randrange(10**9):x}",
        "given": row.given,
        "family": row.family,
        "company": row.company,
        "email": row.email,
        "phone": _phone(row, rng),
        "vat": _vat(row, rng),
        "street": street,
        "postal_code": postal_code,
        "city": city,
        "country": country,
        "birth_date": _born(rng) if rng.random() < 0.5 else None,
        "is_vip": False,
    }


DRESS: dict[str, Callable[[Row, random.Random], dict[str, Any]]] = {
    "inventorum": _inventorum,
    "flow_retail": _flow_retail,
    "foodics": _foodics,
    "memory": _memory,
}

if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
