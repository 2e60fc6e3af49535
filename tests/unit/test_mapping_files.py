"""The shipped mapping files together: one customer through all three systems, and nothing left to write."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from mappings import Context, Mapping, load_mappings
from mappings.canonical import UNITS, Address, Name, State, Value

MAPPINGS = load_mappings(None)
BERLIN = Context("DE", ("DE",), "Europe/Berlin")
NEW_ANA: dict[str, Any] = {
    "id": 553910,
    "account_scoped_id": 398,
    "first_name": "Ana",
    "middle_name": None,
    "last_name": "Schmidt",
    "company": "",
    "title": "Mrs.",
    "email": "customer@example.com",
    "phone_number": "978437427278",
    "birthday": "1985-04-30T02:00:00+02:00",
    "is_b2b": False,
    "is_vip": False,
    "is_favourite": False,
    "is_confirmed": False,
    "email_marketing_agreed": False,
    "note": "",
    "customer_note": None,
    "group": None,
    "tax_number": "",
    "channel": 1,
    "total_sales": "0",
    "billing_address": {
        "id": 648909,
        "country": "DE",
        "address1": "Voltastrasse",
        "address2": "5",
        "zipcode": "13355",
        "city": "Berlin",
        "state": "Berlin",
        "first_name": "Ana",
        "last_name": "Schmidt",
        "company": "",
        "title": "Mrs.",
    },
    "shipping_address": [{"id": 1, "address1": "Elsewhere 1"}],
}
ANA: dict[str, Value] = {
    "name": Name("Ana Schmidt", "Ana", None, "Schmidt"),
    "company": None,
    "is_business": False,
    "email": "customer@example.com",
    "phone": "+4917612345678",
    "vat_number": None,
    "birth_date": date(1985, 4, 30),
    "gender": None,
    "address": Address("Voltastrasse 5", None, "13355", "Berlin", "Berlin", "DE"),
    "marketing_consent": False,
    "is_vip": False,
    "is_favourite": False,
    "is_blocked": False,
    "note": None,
}


def nested(fields: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for path, value in fields.items():
        *parents, last = path.split(".")
        level = record
        for parent in parents:
            level = level.setdefault(parent, {})
        level[last] = value
    return record


def test_inventorums_own_sample_is_read_whole() -> None:
    readings = MAPPINGS["inventorum"].read(NEW_ANA, BERLIN)
    found = {unit: (str(reading.state), reading.value) for unit, reading in readings.items()}
    assert found == {
        "address": ("value", ANA["address"]),
        "name": ("value", ANA["name"]),
        "company": ("empty", None),
        "is_business": ("default", False),
        "email": ("value", "customer@example.com"),
        "phone": ("unclear", None),  # the vendor's sample number is valid nowhere
        "mobile": ("empty", None),
        "vat_number": ("empty", None),
        "birth_date": ("value", date(1985, 4, 30)),
        "marketing_consent": ("default", False),
        "is_vip": ("default", False),
        "is_favourite": ("default", False),
        "note": ("empty", None),
    }


@pytest.mark.parametrize("connector", sorted(MAPPINGS))
def test_a_customer_created_everywhere_leaves_nothing_to_write(connector: str) -> None:
    """A second sync of a quiet world sends nothing: each record says what was sent, and holds what it has no place for."""
    mapping = MAPPINGS[connector]
    record = nested(mapping.put(ANA, None, BERLIN))
    assert mapping.missing(ANA, BERLIN) is None
    assert mapping.put(ANA, record, BERLIN) == {}
    readings = mapping.read(record, BERLIN)
    for unit in mapping.writable & {"name", "email", "phone", "birth_date"}:
        assert readings[unit].value == ANA[unit], unit
    assert readings["mobile"].value == "+4917612345678"


@pytest.mark.parametrize("connector", sorted(MAPPINGS))
def test_every_value_says_which_rule_made_it(connector: str) -> None:
    mapping = MAPPINGS[connector]
    record = nested(mapping.put(ANA, None, BERLIN))
    names = {rule.name for rule in mapping.rules}
    readings = mapping.read(record, BERLIN)
    assert all(reading.rule in names for reading in readings.values() if reading.state in (State.VALUE, State.DEFAULT))
    assert readings["phone"].evidence


@pytest.mark.parametrize("connector", sorted(MAPPINGS))
def test_units_and_paths_are_what_the_rules_say(connector: str) -> None:
    mapping = MAPPINGS[connector]
    assert mapping.writable <= mapping.units <= set(UNITS)
    assert set(mapping.put(ANA, None, BERLIN)) <= mapping.paths | set(mapping.constants)
    assert not mapping.paths & set(mapping.pass_through)
    assert mapping.units == set(mapping.parts)


def test_what_each_system_can_hold() -> None:
    lacking = {name: set(UNITS) - mapping.writable for name, mapping in MAPPINGS.items()}
    assert lacking == {
        "inventorum": {"gender", "is_blocked"},
        "flow_retail": {"birth_date", "gender", "marketing_consent", "is_vip", "is_favourite", "is_blocked"},
        "foodics": {"is_business", "vat_number", "address", "marketing_consent", "is_vip", "is_favourite", "note"},
        "memory": set(),
    }


def test_equal_records_read_alike_whatever_was_read_before() -> None:
    """Readings are remembered by raw value; the memory must not show."""
    used, fresh = load_mappings(None)["foodics"], load_mappings(None)["foodics"]
    records = [
        {"name": name, "gender": g, "dial_code": 49, "phone": p}
        for name in ("Ana", 1, 1.0, True)
        for g in (1, True, 1.0)
        for p in (1, "1", True)
    ]
    for record in records:
        used.read(record, BERLIN)
    for record in reversed(records):
        assert used.read(record, BERLIN) == MAPPINGS["foodics"].read(record, BERLIN)
        assert [type(r.value) for r in used.read(record, BERLIN).values()] == [
            type(r.value) for r in fresh.read(record, BERLIN).values()
        ]
        fresh = load_mappings(None)["foodics"] if record is records[5] else fresh


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=lambda mapping: mapping.connector)
def test_a_record_of_nonsense_raises_nothing(mapping: Mapping) -> None:
    for junk in (None, True, 0, -1.5, float("nan"), "", "\ud800", "\x00", [], [[]], {}, {"a": []}, "x" * 10_000):
        record: dict[str, Any] = {path.split(".")[0]: junk for path in mapping.paths}
        assert mapping.rewrites(record, BERLIN) == []
        assert all(mapping.reread(unit, mapping.raw(record, unit), BERLIN) for unit in mapping.units)
        mapping.put(ANA, record, BERLIN)
        mapping.put(dict.fromkeys(UNITS), record, BERLIN)


def test_importing_mappings_is_cheap() -> None:
    """`customer-sync --help` starts in 0.3 s: libraries are imported where they are used."""
    heavy = ("pydantic", "yaml", "babel", "phonenumbers", "nameparser", "stdnum", "email_validator")
    code = f"import sys, mappings, mappings.canonical; sys.exit(any(name in sys.modules for name in {heavy!r}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
