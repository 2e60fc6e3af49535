"""Phones, e-mail and VAT numbers as the three systems hold them."""

from __future__ import annotations

from typing import Any

import pytest

from mappings import Context, load_mappings
from mappings.canonical import ABSENT, EMPTY, State

BERLIN = Context("DE", ("DE",), "Europe/Berlin")
NOWHERE = Context(None, (), "UTC")
INVENTORUM = load_mappings(None)["inventorum"]
FLOW = load_mappings(None)["flow_retail"]
FOODICS = load_mappings(None)["foodics"]
MOBILE = "+4917612345678"


@pytest.mark.parametrize("raw", ["0176 123 456 78", "+49 176 12345678", "0049-176-12345678", "٠١٧٦١٢٣٤٥٦٧٨", MOBILE])
def test_a_number_stays_as_typed(raw: str) -> None:
    record = {"phone_number": raw}
    readings = INVENTORUM.read(record, BERLIN)
    assert (readings["phone"].value, readings["mobile"].value) == (MOBILE, MOBILE)
    assert INVENTORUM.put({"phone": MOBILE}, record, BERLIN) == {}
    assert INVENTORUM.put({"phone": "+4740612345"}, record, BERLIN) == {"phone_number": "+4740612345"}


def test_the_country_is_the_records_own_address_before_the_systems_region() -> None:
    record = {"phone_number": "40 61 23 45", "billing_address": {"address1": "Karl Johans gate 1", "country": "Norge"}}
    reading = INVENTORUM.read(record, BERLIN)["phone"]
    assert reading.value == "+4740612345"
    assert reading.rule == "phone"
    assert reading.evidence, "it can say why"


def test_a_vendors_default_country_is_evidence_of_nothing() -> None:
    """A blank address of Inventorum comes with `country: DE`."""
    oslo = Context("NO", ("NO",), "Europe/Oslo")
    record = {"phone_number": "40 61 23 45", "billing_address": {"address1": "", "country": "DE"}}
    assert INVENTORUM.read(record, oslo)["phone"].value == "+4740612345"
    assert INVENTORUM.reread("phone", INVENTORUM.raw(record, "phone"), oslo).value == "+4740612345"


def test_a_vendors_default_country_makes_no_vat_number() -> None:
    oslo = Context("NO", ("NO",), "Europe/Oslo")
    blank = {"address1": "", "country": "DE"}
    assert (
        INVENTORUM.read({"tax_number": "923609016", "billing_address": blank}, oslo)["vat_number"].value
        == "NO923609016"
    )
    lived_in = {"address1": "Voltastrasse 5", "country": "DE"}
    record = {"tax_number": "288362273", "billing_address": lived_in}
    assert INVENTORUM.read(record, oslo)["vat_number"].value == "DE288362273"


def test_what_a_reading_rests_on_is_kept_with_it() -> None:
    record = {
        "phone_number": "40 61 23 45",
        "billing_address": {"address1": "Karl Johans gate 1", "country": "NO"},
        "note": "x",
    }
    kept = INVENTORUM.raw(record, "phone")
    assert kept["phone_number"] == "40 61 23 45"
    assert kept["billing_address.country"] == "NO"
    assert "note" not in kept
    assert INVENTORUM.reread("phone", kept, BERLIN).value == "+4740612345"


@pytest.mark.parametrize("raw", ["978437427278", "8277236", "0176-1234567O", "99999999"])
def test_a_number_that_is_none_is_unclear_no_key_and_kept(raw: str) -> None:
    readings = INVENTORUM.read({"phone_number": raw}, BERLIN)
    assert readings["phone"].state is State.UNCLEAR
    assert readings["phone"].problem
    assert readings["mobile"].value is None
    assert INVENTORUM.put({"phone": None}, {"phone_number": raw}, BERLIN) == {}


def test_a_landline_is_contact_data_and_no_key() -> None:
    readings = FLOW.read({"mobile": "+49 30 22334455"}, BERLIN)
    assert readings["phone"].value == "+493022334455"
    assert readings["mobile"].value is None
    assert FLOW.put({"phone": "+493022334455"}, None, BERLIN)["mobile"] == "+493022334455"


def test_an_extension_stays_where_it_is() -> None:
    record = {"phone_number": "030 22334455 ext. 12"}
    reading = INVENTORUM.read(record, BERLIN)["phone"]
    assert reading.value == "+493022334455"
    assert INVENTORUM.put({"phone": reading.value}, record, BERLIN) == {}


@pytest.mark.parametrize(
    "record", [{}, {"phone_number": None}, {"phone_number": ""}, {"phone_number": " "}, {"phone_numbers": []}]
)
def test_no_phone_in_any_form_is_empty_and_can_be_filled(record: dict[str, Any]) -> None:
    readings = INVENTORUM.read({"id": 1, **record}, BERLIN)
    assert (readings["phone"], readings["mobile"]) == (EMPTY, EMPTY)
    assert len(INVENTORUM.put({"phone": MOBILE}, {"id": 1, **record}, BERLIN)) == 1


def entry(number: str, **more: Any) -> dict[str, Any]:
    return {"id": 1444, "type": "normal", "national_number": number, **more}


@pytest.mark.parametrize("spelling", ["country_code", "county_code"])
def test_a_list_of_phones_is_read_in_both_spellings_and_written_as_it_came(spelling: str) -> None:
    second = entry("030 22334455", country_code="49")
    record = {"phone_numbers": [entry("0176 12345678", **{spelling: "49"}), second]}
    assert INVENTORUM.read(record, NOWHERE)["phone"].value == MOBILE
    assert INVENTORUM.put({"phone": MOBILE}, record, NOWHERE) == {}
    assert INVENTORUM.put({"phone": "+4740612345"}, record, NOWHERE) == {
        "phone_numbers": [entry("40612345", **{spelling: "47"}), second]
    }


def test_a_number_put_into_an_empty_list_has_both_spellings_of_its_code() -> None:
    sent = INVENTORUM.put({"phone": MOBILE}, {"phone_numbers": [{"national_number": ""}]}, BERLIN)
    assert sent["phone_numbers"][1] == {
        "national_number": "17612345678",
        "country_code": "49",
        "county_code": "49",
        "type": "mobile",
    }


def test_the_string_wins_over_a_list_beside_it() -> None:
    record = {"phone_number": MOBILE, "phone_numbers": [entry("22334455", country_code="49")]}
    assert INVENTORUM.read(record, BERLIN)["phone"].value == MOBILE
    assert INVENTORUM.put({"phone": "+4740612345"}, record, BERLIN) == {"phone_number": "+4740612345"}


@pytest.mark.parametrize("numbers", ["", 5, {}, [None, 3, {}], [{"national_number": {}}]])
def test_a_list_that_is_none_is_an_empty_one(numbers: Any) -> None:
    assert INVENTORUM.read({"phone_numbers": numbers}, BERLIN)["phone"] == EMPTY


@pytest.mark.parametrize(
    ("dial_code", "number"),
    [
        (966, "565445254"),
        ("966", "0565445254"),
        ("+966", "565445254"),
        (966, "+966565445254"),
        (None, "+966 56 544 5254"),
        (966, 565445254),
    ],
)
def test_dial_code_and_number_in_every_spelling(dial_code: Any, number: Any) -> None:
    record = {"dial_code": dial_code, "phone": number}
    assert FOODICS.read(record, NOWHERE)["phone"].value == "+966565445254"
    assert FOODICS.put({"phone": "+966565445254"}, record, NOWHERE) == {}


@pytest.mark.parametrize(
    ("dial_code", "sent"),
    [
        ("49", {"phone": "17612345678"}),
        (49, {"phone": "17612345678"}),
        (966, {"dial_code": 49, "phone": "17612345678"}),
    ],
)
def test_the_dial_code_is_written_only_when_it_is_another(dial_code: Any, sent: dict[str, Any]) -> None:
    assert FOODICS.put({"phone": MOBILE}, {"dial_code": dial_code, "phone": "1"}, BERLIN) == sent


def test_the_inverse_keeps_an_italian_zero() -> None:
    assert FOODICS.put({"phone": "+390612345678"}, None, BERLIN) == {"dial_code": 39, "phone": "0612345678"}


def test_foodics_requires_a_phone_and_never_loses_it() -> None:
    record = {"dial_code": 49, "phone": "17612345678"}
    assert FOODICS.put({"phone": None}, record, BERLIN) == {}
    assert FOODICS.missing({"company": "Quelltal AG"}, BERLIN) == ("missing_phone", "needs dial_code and phone")
    assert FOODICS.missing({"phone": MOBILE}, BERLIN) == ("missing_name", "needs name")


def test_a_hidden_field_is_no_opinion_and_never_written() -> None:
    readings = FOODICS.read({"name": "Ana Schmidt"}, BERLIN)
    assert all(readings[unit] == ABSENT for unit in ("phone", "mobile", "email", "gender", "is_blocked", "birth_date"))
    values = {"phone": MOBILE, "email": "ana@example.com", "gender": "male", "is_blocked": True}
    assert FOODICS.put(values, {"name": "Ana Schmidt"}, BERLIN) == {}


def test_a_field_hidden_beside_one_that_is_shown_is_not_written() -> None:
    assert INVENTORUM.put({"company": "Quelltal AG"}, {"first_name": "Ana", "last_name": "Schmidt"}, BERLIN) == {}
    assert FOODICS.put({"phone": MOBILE}, {"phone": "565445254"}, BERLIN) == {}


def test_money_is_nobodys_field() -> None:
    assert "house_account_balance" not in FOODICS.paths
    assert "house_account_balance" in FOODICS.pass_through
    assert not any(path.startswith("shipping_address") for path in INVENTORUM.paths)


@pytest.mark.parametrize("raw", ["Ana@Example.COM", " ana@example.com ", "mailto:ana@example.com"])
def test_an_address_stays_as_typed(raw: str) -> None:
    assert FLOW.read({"email": raw}, BERLIN)["email"].value == "ana@example.com"
    assert FLOW.put({"email": "ana@example.com"}, {"email": raw}, BERLIN) == {}


@pytest.mark.parametrize(
    ("raw", "country", "number"),
    [
        ("DE288362273", "", "DE288362273"),
        ("de 288.362.273", "", "DE288362273"),
        ("288362273", "DE", "DE288362273"),
        ("923 609 016 MVA", "Norge", "NO923609016"),
        ("923609016", "", "NO923609016"),
    ],
)
def test_a_vat_number_stays_as_typed(raw: str, country: str, number: str) -> None:
    oslo = Context("NO", ("NO",), "Europe/Oslo")
    record = {"vatNumber": raw, "countryCode": country}
    assert FLOW.read(record, oslo)["vat_number"].value == number
    assert FLOW.put({"vat_number": number}, record, oslo) == {}


@pytest.mark.parametrize("raw", ["DE288362270", "12", "none", [], {}, True])
def test_an_invalid_vat_number_is_unclear_and_kept(raw: Any) -> None:
    reading = FLOW.read({"vatNumber": raw}, BERLIN)["vat_number"]
    assert reading.state is State.UNCLEAR
    assert reading.problem
    assert FLOW.put({"vat_number": None}, {"vatNumber": raw}, BERLIN) == {}


@pytest.mark.parametrize("raw", ["", None, " ", "-"])
def test_no_vat_number(raw: Any) -> None:
    assert FLOW.read({"vatNumber": raw}, BERLIN)["vat_number"].value is None
