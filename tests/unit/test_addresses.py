"""Postal addresses: street and number in one line or two, without rewriting what did not change."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from mappings import Context, load_mappings
from mappings.canonical import EMPTY, Address, State
from mappings.transforms import addresses
from mappings.transforms.addresses import join_lines, split_street

BERLIN = Context("DE", ("DE",), "Europe/Berlin")
INVENTORUM = load_mappings(None)["inventorum"]
FLOW = load_mappings(None)["flow_retail"]


def test_examples() -> None:
    assert doctest.testmod(addresses).failed == 0


@pytest.mark.parametrize(
    ("line1", "line2", "street", "extra"),
    [
        ("Voltastrasse", "5", "Voltastrasse 5", None),
        ("Voltastrasse", "12 b", "Voltastrasse 12 b", None),
        ("Voltastrasse", "12-14", "Voltastrasse 12-14", None),
        ("Voltastrasse", "Nr. 7", "Voltastrasse Nr. 7", None),
        ("شارع الملك فهد", "٥", "شارع الملك فهد ٥", None),
        ("Rue de la Paix", "5 bis", "Rue de la Paix 5 bis", None),
        ("Voltastrasse 5", "", "Voltastrasse 5", None),
        ("Voltastrasse 5", "3", "Voltastrasse 5", "3"),
        ("Voltastrasse", "Hinterhaus 2", "Voltastrasse", "Hinterhaus 2"),
        ("Voltastrasse 5", "c/o Weber", "Voltastrasse 5", "c/o Weber"),
        (None, "Voltastrasse 5", "Voltastrasse 5", None),
        ("", "", None, None),
    ],
)
def test_two_lines_make_a_street_and_an_extra_line(
    line1: Any, line2: Any, street: str | None, extra: str | None
) -> None:
    assert join_lines(line1 or None, line2 or None) == (street, extra)


@pytest.mark.parametrize(
    ("street", "expected"),
    [
        ("Voltastrasse 5", ("Voltastrasse", "5")),
        ("Am Markt 3-5 b", ("Am Markt", "3-5 b")),
        ("Karl Johans gate 22B", ("Karl Johans gate", "22B")),
        ("12 Main Street", None),
        ("Straße des 17. Juni 135", None),
        ("Voltastrasse", None),
        ("Platz 1a 2", None),
        ("5", None),
    ],
)
def test_a_street_is_split_only_where_the_number_is_certain(street: str, expected: tuple[str, str] | None) -> None:
    assert split_street(street) == expected


def billing(**fields: Any) -> dict[str, Any]:
    blank = {
        "id": 7,
        "address1": "",
        "address2": "",
        "zipcode": "",
        "city": "",
        "state": "",
        "country": "DE",
        "title": "Mr.",
    }
    return {"billing_address": {**blank, **fields}}


TWO_LINES = billing(address1="Voltastrasse", address2="5", zipcode="13355", city="Berlin", country="Deutschland")
ONE_LINE = billing(address1="Voltastrasse 5", zipcode="13355", city="Berlin")
AT_FIVE = Address("Voltastrasse 5", None, "13355", "Berlin", None, "DE")


@pytest.mark.parametrize("record", [TWO_LINES, ONE_LINE])
def test_both_layouts_are_the_same_address_and_stay_as_they_are(record: dict[str, Any]) -> None:
    assert INVENTORUM.read(record, BERLIN)["address"].value == AT_FIVE
    assert INVENTORUM.put({"address": AT_FIVE}, record, BERLIN) == {}


@pytest.mark.parametrize(
    ("record", "wanted", "sent"),
    [
        (TWO_LINES, Address("Voltastrasse 7", None, "13355", "Berlin", None, "DE"), {"address2": "7"}),
        (TWO_LINES, Address("Seestraße 5", None, "13355", "Berlin", None, "DE"), {"address1": "Seestraße"}),
        (
            TWO_LINES,
            Address("12 Main Street", None, "13355", "Berlin", None, "DE"),
            {"address1": "12 Main Street", "address2": ""},
        ),
        (
            TWO_LINES,
            Address("Voltastrasse 5", "Hinterhaus", "13355", "Berlin", None, "DE"),
            {"address1": "Voltastrasse 5", "address2": "Hinterhaus"},
        ),
        (ONE_LINE, Address("Voltastrasse 7", None, "13355", "Berlin", None, "DE"), {"address1": "Voltastrasse 7"}),
        (ONE_LINE, Address("Voltastrasse 5", "Hof", "13355", "Berlin", None, "DE"), {"address2": "Hof"}),
        (
            ONE_LINE,
            Address("Voltastrasse 5", None, "13357", "Berlin", None, "NO"),
            {"zipcode": "13357", "country": "NO"},
        ),
        (ONE_LINE, None, {"address1": "", "zipcode": "", "city": ""}),
    ],
)
def test_only_what_moved_is_written_in_the_layout_that_is_there(
    record: dict[str, Any], wanted: Address | None, sent: dict[str, str]
) -> None:
    assert INVENTORUM.put({"address": wanted}, record, BERLIN) == {f"billing_address.{k}": v for k, v in sent.items()}


def test_a_blank_default_address_is_no_data() -> None:
    reading = INVENTORUM.read(billing(), BERLIN)["address"]
    assert (reading.state, reading.value) == (State.DEFAULT, Address(country="DE"))
    assert INVENTORUM.holds("address", None, billing(), BERLIN)


@pytest.mark.parametrize(
    "record",
    [{"billing_address": None}, {"billing_address": {}}, billing(country=None), billing(country="", city=None)],
)
def test_a_null_or_blank_address_is_empty_and_can_be_filled(record: dict[str, Any]) -> None:
    assert INVENTORUM.read(record, BERLIN)["address"] == EMPTY
    assert INVENTORUM.put({"address": Address(street="Voltastrasse 5")}, record, BERLIN) == {
        "billing_address.address1": "Voltastrasse 5"
    }


def test_an_address_that_was_not_returned_is_not_written() -> None:
    assert INVENTORUM.read({"id": 1}, BERLIN)["address"].state is State.ABSENT
    assert INVENTORUM.put({"address": AT_FIVE}, {"id": 1}, BERLIN) == {}


def test_parts_that_a_system_has_no_place_for_are_no_difference() -> None:
    record = {"address": "Voltastrasse 5", "postalCode": "13355", "city": "Berlin", "countryCode": "DE"}
    assert FLOW.holds(
        "address", Address("Voltastrasse 5", "Hinterhaus", "13355", "Berlin", "Berlin", "DE"), record, BERLIN
    )
    assert FLOW.parts["address"] == {"street", "postal_code", "city", "country"}


def test_a_country_that_we_cannot_read_is_said_and_kept() -> None:
    record = {"address": "Voltastrasse 5", "city": "Berlin", "countryCode": "Narnia"}
    reading = FLOW.read(record, BERLIN)["address"]
    assert (reading.state, reading.problem) == (State.VALUE, "unknown country")
    assert FLOW.put({"address": Address("Voltastrasse 7", None, None, "Berlin")}, record, BERLIN) == {
        "address": "Voltastrasse 7"
    }


@pytest.mark.parametrize("city", [["Berlin"], {"name": "Berlin"}, True])
def test_an_object_where_text_belongs_is_unclear_and_kept(city: object) -> None:
    record = {"address": "Voltastrasse 5", "city": city}
    assert FLOW.read(record, BERLIN)["address"].state is State.UNCLEAR
    assert FLOW.put({"address": None}, record, BERLIN) == {}
