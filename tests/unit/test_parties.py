"""Who a record is: names over several fields and in one, companies, placeholders, recipients."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from mappings import Context, load_mappings
from mappings.canonical import ABSENT, EMPTY, Name, State
from mappings.transforms import parties

BERLIN = Context("DE", ("DE",), "Europe/Berlin")
INVENTORUM = load_mappings(None)["inventorum"]
FLOW = load_mappings(None)["flow_retail"]
FOODICS = load_mappings(None)["foodics"]
ANA = Name("Ana Schmidt", "Ana", None, "Schmidt")
ANA_MARIA = Name("Ana Maria von der Schmidt", "Ana Maria", None, "von der Schmidt")


def test_examples() -> None:
    assert doctest.testmod(parties).failed == 0


def person(first: Any = "", last: Any = "", company: Any = "", **more: Any) -> dict[str, Any]:
    return {"first_name": first, "last_name": last, "company": company, **more}


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (person("Ana", "Schmidt"), ANA),
        (person("  Ana ", "Schmidt\u00a0"), ANA),
        (person("Ana", "Schmidt", middle_name="Maria"), Name("Ana Maria Schmidt", "Ana", "Maria", "Schmidt")),
        (person("Suharto", ""), Name("Suharto", "Suharto")),
        (person("", "Meier"), Name("Meier", None, None, "Meier")),
        (person("", "Hans & Eva Meier"), Name("Hans & Eva Meier")),
        (person("Müller", None), Name("Müller", "Müller")),
    ],
)
def test_names_in_parts(record: dict[str, Any], name: Name) -> None:
    reading = INVENTORUM.read(record, BERLIN)["name"]
    assert (reading.state, reading.value) == (State.VALUE, name)


@pytest.mark.parametrize("record", [person(), person(None, None, None)])
def test_no_name_is_empty(record: dict[str, Any]) -> None:
    readings = INVENTORUM.read(record, BERLIN)
    assert (readings["name"], readings["company"]) == (EMPTY, EMPTY)


@pytest.mark.parametrize(
    "record", [person("Laufkunde"), person("", "-"), person("Walk-in", "Customer"), person("Test", "Test")]
)
def test_a_placeholder_goes_nowhere_and_may_be_replaced(record: dict[str, Any]) -> None:
    reading = INVENTORUM.read(record, BERLIN)["name"]
    assert (reading.state, reading.value) == (State.DEFAULT, None)
    assert INVENTORUM.put({"name": None}, record, BERLIN) == {}
    after = {**record, **INVENTORUM.put({"name": ANA}, record, BERLIN)}
    assert (after["first_name"], after["last_name"]) == ("Ana", "Schmidt")


def test_a_read_only_middle_name_is_counted_and_not_written() -> None:
    record = person("Ana", "Schmidt", middle_name="Maria")
    assert INVENTORUM.holds("name", Name("Ana Maria Schmidt", "Ana Maria", None, "Schmidt"), record, BERLIN)
    assert INVENTORUM.put({"name": Name("Eva Maria Schmidt", "Eva Maria", None, "Schmidt")}, record, BERLIN) == {
        "first_name": "Eva"
    }
    assert "middle_name" in INVENTORUM.paths


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        (ANA_MARIA, {"first_name": "Ana Maria", "last_name": "von der Schmidt"}),
        (Name("Ana Maria Schmidt", "Ana", "Maria", "Schmidt"), {"first_name": "Ana Maria"}),
        (Name("Suharto", "Suharto"), {"first_name": "Suharto", "last_name": ""}),
        (Name("Hans & Eva Meier"), {"first_name": "", "last_name": "Hans & Eva Meier"}),
        (None, {"first_name": "", "last_name": ""}),
    ],
)
def test_only_parts_that_differ_are_written(name: Name | None, sent: dict[str, str]) -> None:
    record = person("Ana", "Schmidt")
    assert INVENTORUM.put({"name": name}, record, BERLIN) == sent
    assert INVENTORUM.read({**record, **sent}, BERLIN)["name"].value == (
        name if name is None or name.middle is None else Name(name.full, "Ana Maria", None, "Schmidt")
    )


def test_the_tills_own_spelling_of_a_name_stays() -> None:
    record = person("Ana ", " Schmidt")
    assert INVENTORUM.put({"name": ANA}, record, BERLIN) == {}
    assert INVENTORUM.put({"name": Name("Ana Weber", "Ana", None, "Weber")}, record, BERLIN) == {"last_name": "Weber"}


@pytest.mark.parametrize(
    ("recipient", "follows"),
    [
        ({"first_name": "Ana", "last_name": "Schmidt"}, True),
        ({"first_name": "Eva", "last_name": "Schmidt"}, False),
        ({"first_name": "", "last_name": ""}, False),
        ({}, False),
    ],
)
def test_the_recipient_of_an_address_follows_only_where_it_was_the_customer(
    recipient: dict[str, str], follows: bool
) -> None:
    record = person("Ana", "Schmidt", billing_address={"address1": "Voltastrasse 5", **recipient})
    sent = INVENTORUM.put({"name": Name("Ana Weber", "Ana", None, "Weber")}, record, BERLIN)
    assert sent == {"last_name": "Weber", **({"billing_address.last_name": "Weber"} if follows else {})}


def test_a_company_recipient_follows_apart_from_the_name() -> None:
    record = person(
        "Ana",
        "Schmidt",
        "Quelltal AG",
        billing_address={"company": "Quelltal AG", "first_name": "Eva", "last_name": "Meier"},
    )
    assert INVENTORUM.put(
        {"company": "Quelltal GmbH", "name": Name("Ana Weber", "Ana", None, "Weber")}, record, BERLIN
    ) == {
        "company": "Quelltal GmbH",
        "last_name": "Weber",
        "billing_address.company": "Quelltal GmbH",
    }


def test_a_null_billing_address_stays_null_when_the_name_changes() -> None:
    record = person("Ana", "Schmidt", billing_address=None)
    assert INVENTORUM.put({"name": Name("Eva Schmidt", "Eva", None, "Schmidt")}, record, BERLIN) == {
        "first_name": "Eva"
    }


@pytest.mark.parametrize("record", [person("", "Nordlicht Handels GmbH"), person("Nordlicht Handels", "GmbH")])
def test_an_organisation_in_the_name_fields_is_the_company(record: dict[str, Any]) -> None:
    readings = INVENTORUM.read(record, BERLIN)
    assert readings["company"].value == "Nordlicht Handels GmbH"
    assert (readings["name"].state, readings["name"].value) == (State.DEFAULT, None)
    assert readings["company"].evidence == "organisation in the name field"
    moved = {**record, **INVENTORUM.put({"name": ANA}, record, BERLIN)}
    assert moved == person("Ana", "Schmidt", "Nordlicht Handels GmbH"), "nothing is lost when a person takes the fields"
    renamed = {**record, **INVENTORUM.put({"company": "Quelltal AG"}, record, BERLIN)}
    assert renamed == person("", "", "Quelltal AG")


def test_a_company_in_its_own_field_stays_when_a_person_takes_the_name_fields() -> None:
    record = person("", "Nordlicht Handels GmbH", " Quelltal  AG")
    assert INVENTORUM.put({"name": ANA}, record, BERLIN) == {"first_name": "Ana", "last_name": "Schmidt"}
    assert INVENTORUM.put({"company": "Beispiel KG"}, record, BERLIN) == {"company": "Beispiel KG"}


def test_a_person_and_a_company_are_both_kept_in_flow_retail() -> None:
    values = {"name": ANA, "company": "Nordlicht GmbH", "is_business": True}
    sent = FLOW.put(values, None, BERLIN)
    assert sent == {
        "origin": "customer-sync",
        "customerType": "COMPANY",
        "companyName": "Nordlicht GmbH",
        "firstname": "Ana",
        "lastname": "Schmidt",
    }


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        ({"company": "Nordlicht GmbH"}, None),
        ({"name": ANA}, None),
        ({"name": Name("Suharto", "Suharto")}, "missing_name"),
        ({"name": None, "company": None}, "missing_name"),
        ({}, "missing_name"),
    ],
)
def test_inventorum_needs_a_company_or_first_and_last_name(values: dict[str, Any], sent: str | None) -> None:
    found = INVENTORUM.missing(values, BERLIN)
    assert (found and found[0]) == sent
    assert found is None or found[1] == "needs company, or first_name and last_name"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ana  Schmidt", ANA),
        ("Schmidt, Ana", ANA),
        ("Dr. Ana Schmidt", ANA),
        ("Ana Maria von der Schmidt", ANA_MARIA),
        ("Hans & Eva Meier", Name("Hans & Eva Meier")),
        ("Suharto", Name("Suharto", "Suharto")),
    ],
)
def test_one_name_field_is_split_where_that_is_safe_and_stays_as_typed(text: str, name: Name) -> None:
    reading = FOODICS.read({"name": text}, BERLIN)["name"]
    assert (reading.state, reading.value) == (State.VALUE, name)
    assert FOODICS.put({"name": name}, {"name": text}, BERLIN) == {}


def test_an_echo_of_a_finer_name_is_held_and_not_rewritten() -> None:
    """*Ana Maria von der Schmidt* with a middle name is, to one field, the same text."""
    finer = Name("Ana Maria von der Schmidt", "Ana", "Maria", "von der Schmidt")
    assert FOODICS.holds("name", finer, {"name": "Ana Maria von der Schmidt"}, BERLIN)
    assert FOODICS.holds("name", finer, {"name": "von der Schmidt, Ana Maria"}, BERLIN)


def test_a_title_in_front_stays_when_the_name_changes() -> None:
    assert FOODICS.put({"name": Name("Ana Weber", "Ana", None, "Weber")}, {"name": "Dr. Ana Schmidt"}, BERLIN) == {
        "name": "Dr. Ana Weber"
    }


def test_the_one_name_is_the_person_else_the_company() -> None:
    values = {"name": ANA, "company": "Nordlicht GmbH", "is_business": True}
    assert FOODICS.put(values, None, BERLIN) == {"name": "Ana Schmidt"}
    assert FOODICS.put({**values, "name": None}, None, BERLIN) == {"name": "Nordlicht GmbH"}


@pytest.mark.parametrize(
    ("shown", "values", "sent"),
    [
        # It shows a person: the company has no room, and is no opinion.
        ("Ana Schmidt", {"name": ANA, "company": "Nordlicht GmbH", "is_business": True}, {}),
        ("Ana Schmidt", {"company": "Nordlicht GmbH"}, {}),
        ("Ana Schmidt", {"name": None, "company": "Nordlicht GmbH"}, {"name": "Nordlicht GmbH"}),
        ("Ana Schmidt", {"name": None}, {}),
        ("Ana Schmidt", {"is_business": True}, {}),
        # It shows the company: that stays while it is the right one.
        ("Nordlicht GmbH", {"name": ANA, "company": "Nordlicht GmbH"}, {}),
        ("Nordlicht  GmbH", {"name": ANA}, {}),
        ("Nordlicht GmbH", {"name": ANA, "company": "Quelltal AG"}, {"name": "Quelltal AG"}),
        ("Nordlicht GmbH", {"name": ANA, "company": None}, {"name": "Ana Schmidt"}),
        ("Nordlicht GmbH", {"name": None, "company": None}, {}),
        # It shows nobody.
        ("", {"company": "Nordlicht GmbH"}, {"name": "Nordlicht GmbH"}),
        (None, {"name": ANA, "company": "Nordlicht GmbH"}, {"name": "Ana Schmidt"}),
        ("Laufkunde", {"is_business": True}, {}),
        ("Laufkunde", {"name": None, "company": None}, {}),
        ("Laufkunde", {"company": "Nordlicht GmbH"}, {"name": "Nordlicht GmbH"}),
    ],
)
def test_what_one_name_field_becomes(shown: Any, values: dict[str, Any], sent: dict[str, str]) -> None:
    assert FOODICS.put(values, {"name": shown}, BERLIN) == sent


def test_what_the_one_name_does_not_show_is_no_opinion() -> None:
    readings = FOODICS.read({"name": "Ana Schmidt"}, BERLIN)
    assert (readings["company"], readings["is_business"]) == (ABSENT, ABSENT)
    readings = FOODICS.read({"name": "Nordlicht GmbH"}, BERLIN)
    assert (readings["name"], readings["company"].value, readings["is_business"].value) == (
        ABSENT,
        "Nordlicht GmbH",
        True,
    )
    assert "is_business" not in FOODICS.writable


@pytest.mark.parametrize("raw", [["Ana"], {"first": "Ana"}, True])
def test_an_object_is_no_name(raw: Any) -> None:
    assert FOODICS.read({"name": raw}, BERLIN)["name"].problem == "not text"
    assert INVENTORUM.read(person(raw, "Schmidt", "Quelltal AG"), BERLIN)["name"].problem == "not text"
    assert INVENTORUM.read(person(raw, "Schmidt", "Quelltal AG"), BERLIN)["company"].value == "Quelltal AG"
