"""Hypothesis strategies: canonical values, and records as the three vendors hold them, international and untidy."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from mappings.canonical import Address, Name

GIVEN = [
    "Ana",
    "Anna Maria",
    "Jürgen",
    "Åse",
    "Karl-Theodor",
    "محمد",
    "Siobhán",
    "Jean-Luc",
    "Иван",
    "Bjørn Tore",
    "Zoë",
]
FAMILY = [
    "Schmidt",
    "von der Schmidt",
    "Ødegård",
    "van den Berg",
    "O'Brien",
    "العتيبي",
    "García Márquez",
    "Müller-Lüdenscheidt",
]
COMPANIES = ["Nordlicht Handels GmbH", "Fjellvik Bygg AS", "مؤسسة النور التجارية", "Quelltal AG", "Beispiel & Söhne KG"]
PHONES = [
    "+4917612345678",
    "+4740612345",
    "+966565445254",
    "+493022334455",
    "+390612345678",
    "+12015550123",
    "+4580123456",
]
PHONE_SPELLINGS = [
    "0176 12 34 56 78",
    "(0)30-22334455",
    "40 61 23 45",
    "٠٥٦٥٤٤٥٢٥٤",
    "978437427278",
    "8277236",
    "0176-1234567O",
    "n/a",
]
EMAILS = ["ana@example.com", "post@example.no", "kontor+kasse@example.org", "jörg@example.net"]
EMAIL_SPELLINGS = ["Ana@Example.COM ", "mailto:ana@example.com", "not an address", "a@b@c", "  "]
VATS = ["DE288362273", "NO923609016", "ATU13585627"]
VAT_SPELLINGS = ["de 288 362 273", "923 609 016 MVA", "288362273", "DE000000000", "-"]
COUNTRIES = ["DE", "NO", "SA", "AT", "AE", "IT"]
COUNTRY_SPELLINGS = ["Deutschland", "norge", "المملكة العربية السعودية", "Narnia", "DEU", "uk"]
STREETS = [
    "Voltastrasse 5",
    "Straße des 17. Juni 135",
    "12 Main Street",
    "Karl Johans gate",
    "شارع الملك فهد",
    "Am Markt 3-5 b",
]
ZIPS = ["13355", "0150", "61-222", "D-10115"]
CITIES = ["Berlin", "Oslo", "الرياض", "San Sebastián"]
NOTES = ["Hund im Auto", "zwei\nZeilen", "erst klingeln\r\ndann warten"]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(),
    st.text(max_size=12),
    st.just([]),
    st.just({}),
    st.just([{"a": 1}]),
)


def untidy(values: list[str]) -> st.SearchStrategy[str]:
    """Values with odd white space and case around and inside them."""
    dress = st.sampled_from(
        [
            str,
            str.upper,
            lambda v: f"  {v}",
            lambda v: v.replace(" ", "  "),
            lambda v: v.replace(" ", "\u00a0") + "\u200e",
        ]
    )
    return st.builds(lambda value, how: how(value), st.sampled_from(values), dress)


def text_field(*pools: list[str]) -> st.SearchStrategy[Any]:
    """A text field: mostly real values in various spellings, sometimes empty, sometimes anything at all."""
    return st.one_of(untidy([value for pool in pools for value in pool]), st.sampled_from(["", None]), JUNK)


FLAG_FIELD = st.one_of(st.sampled_from([True, False, 1, 0, "1", "0", "true", "Nein", None, "", "?"]), JUNK)
ADDRESS_RECORD = {
    "address1": text_field(STREETS, ["Voltastrasse", "Karl Johans gate"]),
    "address2": text_field(["5", "12 b", "Hinterhaus", "c/o Weber", "Nr. 7"]),
    "zipcode": text_field(ZIPS),
    "city": text_field(CITIES),
    "state": text_field(["Berlin", "Bayern"]),
    "country": text_field(COUNTRIES, COUNTRY_SPELLINGS),
    "first_name": text_field(GIVEN),
    "last_name": text_field(FAMILY),
    "company": text_field(COMPANIES),
    "title": text_field(["Mr."]),
    "id": st.integers(1, 9),
}
_PEOPLE = ["Laufkunde", "-", "Hans & Eva Meier", *COMPANIES]
_V9 = st.fixed_dictionaries(
    {"national_number": text_field(PHONE_SPELLINGS, ["17612345678"])},
    optional={
        "country_code": text_field(["49", "47"]),
        "county_code": text_field(["49"]),
        "type": st.just("normal"),
        "id": st.integers(1, 9),
    },
)

INVENTORUM = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers(1, 999),
        "first_name": text_field(GIVEN, _PEOPLE),
        "middle_name": text_field(["Maria"]),
        "last_name": text_field(FAMILY, _PEOPLE),
        "company": text_field(COMPANIES),
        "title": text_field(["Mr.", "Mrs.", "Ms."]),
        "email": text_field(EMAILS, EMAIL_SPELLINGS),
        "phone_number": text_field(PHONES, PHONE_SPELLINGS),
        "phone_numbers": st.one_of(st.lists(st.one_of(_V9, JUNK), max_size=3), JUNK),
        "birthday": text_field(
            [
                "1985-04-29T22:00:00Z",
                "1985-04-30T02:00:00+02:00",
                "1990-01-01",
                "0000-00-00",
                "1985-04-30T10:49:52.1234567Z",
            ]
        ),
        "is_b2b": FLAG_FIELD,
        "email_marketing_agreed": FLAG_FIELD,
        "is_vip": FLAG_FIELD,
        "is_favourite": FLAG_FIELD,
        "note": text_field(NOTES),
        "tax_number": text_field(VATS, VAT_SPELLINGS),
        "billing_address": st.one_of(st.fixed_dictionaries({}, optional=ADDRESS_RECORD), st.none(), JUNK),
        "shipping_address": st.lists(st.fixed_dictionaries({}, optional=ADDRESS_RECORD), max_size=2),
        "total_sales": st.just("0"),
    },
)

FLOW_RETAIL = st.fixed_dictionaries(
    {},
    optional={
        "customerUid": st.just("c-1"),
        "customerType": text_field(["COMPANY", "PRIVATE"]),
        "firstname": text_field(GIVEN, _PEOPLE),
        "lastname": text_field(FAMILY, _PEOPLE),
        "companyName": text_field(COMPANIES),
        "email": text_field(EMAILS, EMAIL_SPELLINGS),
        "mobile": text_field(PHONES, PHONE_SPELLINGS),
        "address": text_field(STREETS),
        "postalCode": text_field(ZIPS),
        "city": text_field(CITIES),
        "countryCode": text_field(COUNTRIES, COUNTRY_SPELLINGS),
        "vatNumber": text_field(VATS, VAT_SPELLINGS),
        "internalNote": text_field(NOTES),
        "ledgerNumber": st.just("000417"),
    },
)

FOODICS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("8d831"),
        "name": text_field(
            [f"{given} {family}" for given, family in zip(GIVEN, FAMILY, strict=False)],
            _PEOPLE,
            ["Dr. Ana Schmidt", "Schmidt, Ana"],
        ),
        "dial_code": st.one_of(st.sampled_from([966, "966", 49, "+47", None, "", "x"]), JUNK),
        "phone": text_field(["565445254", "0565445254", "+966565445254", "17612345678"], PHONE_SPELLINGS),
        "email": text_field(EMAILS, EMAIL_SPELLINGS),
        "gender": st.one_of(st.sampled_from([1, 2, "1", 3, None]), JUNK),
        "birth_date": text_field(["1986-09-17", "1986-09-17 00:00:00", "1986-13-01"]),
        "is_blacklisted": FLAG_FIELD,
        "house_account_balance": st.floats(allow_nan=False),
        "is_loyalty_enabled": st.just(1),
        "tags": st.just([{"id": "fhhsd8r5"}]),
    },
)

_FLAT = {
    "given": GIVEN,
    "family": FAMILY,
    "company": COMPANIES,
    "email": EMAILS,
    "phone": PHONES,
    "vat": VATS,
    "street": STREETS,
}
MEMORY = st.fixed_dictionaries(
    {},
    optional={
        **{name: text_field(pool) for name, pool in _FLAT.items()},
        "extra": text_field(["5", "Hinterhaus"]),
        "country": text_field(COUNTRIES),
        "birth_date": text_field(["1986-09-17"]),
        "gender": text_field(["male", "female"]),
        "is_vip": FLAG_FIELD,
        "note": text_field(NOTES),
    },
)

RECORDS = {"inventorum": INVENTORUM, "flow_retail": FLOW_RETAIL, "foodics": FOODICS, "memory": MEMORY}


def _or_none(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, *values])


def _name(given: str, family: str) -> Name:
    return Name(f"{given} {family}", given, None, family)


NAMES = st.builds(_name, st.sampled_from(GIVEN), st.sampled_from(FAMILY))
ADDRESSES = st.builds(
    Address,
    street=st.sampled_from(STREETS),
    extra=_or_none(["Hinterhaus", "c/o Weber"]),
    postal_code=_or_none(ZIPS),
    city=_or_none(CITIES),
    state=_or_none(["Bayern"]),
    country=_or_none(COUNTRIES),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "name": NAMES,
    "company": _or_none(COMPANIES),
    "is_business": st.booleans(),
    "email": _or_none(["ana@example.com", "post@example.no", "jörg@example.net"]),
    "phone": _or_none(PHONES),
    "vat_number": _or_none(VATS),
    "birth_date": st.one_of(st.none(), st.dates(date(1880, 1, 1), date(2025, 12, 31))),
    "gender": _or_none(["male", "female"]),
    "address": st.one_of(st.none(), ADDRESSES),
    "marketing_consent": st.booleans(),
    "is_vip": st.booleans(),
    "is_favourite": st.booleans(),
    "is_blocked": st.booleans(),
    "note": _or_none(["Hund im Auto", "zwei\nZeilen"]),
}
ANY_VALUES = st.fixed_dictionaries({}, optional=VALUES)
