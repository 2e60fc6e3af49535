"""Laws of the value transforms: total on anything, stable on their own results, and invertible where they say so."""

import time
from typing import Any

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.transforms.emails import parse_email
from mappings.transforms.names import (
    clean_text,
    is_organisation,
    is_placeholder,
    join_name,
    parse_name,
    strip_legal_form,
)
from mappings.transforms.phones import match_key, mobile_of, parse_phone, same_number, split_e164
from mappings.transforms.vat import parse_vat

COUNTRIES = st.sampled_from(
    [
        None,
        "DE",
        "NO",
        "SA",
        "AE",
        "NL",
        "FR",
        "ES",
        "IT",
        "GB",
        "US",
        "PL",
        "TR",
        "HU",
        "BR",
        "VN",
        "CN",
        "JP",
        "zz",
        "",
    ]
)
ANY_TEXT = st.text(st.characters(), max_size=80)  # lone surrogates and control characters included
DIGITS_OF_ALL = st.text("0123456789٠١٢٣٤٥٦٧٨٩۰۱۲０１２ +-/().,xO\u200e\u00a0;#:ab", max_size=30)
CODES = st.text("DENOSAITFRGBCHEXUL0123456789 .-/MVA", max_size=24)
MAILS = st.text("abcABCäß.@-_+ <>;,\u0130\u00df\u200bＡ＠xn0123", max_size=40)
_SPOKEN = """Ana Maria Jürgen Åse Kari O'Neill Müller-Lüdow Schmidt von van den de la der Dr. Prof. Jr. PhD III GmbH AS & und y Herr Frau Sheikh bin Al
    al-Harbi Abdul Rahman Abu محمد بن عبد الله الحربي آل سعود أبو د. 李 小龍 김민준 山田太郎 マイケル・ハンセン , ، - ( ) Graf geb. DUPONT Nguyen Văn García López
    José Luis H. J.R. 3 X n/a Test Иван Петров Сергеевич"""
NAME_WORDS = st.sampled_from(_SPOKEN.split())
NAMES = st.lists(NAME_WORDS, max_size=7).map(" ".join)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(raw=JSON, country=COUNTRIES, other=JSON)
def test_every_transform_is_total_on_every_json_value(raw: Any, country: str | None, other: Any) -> None:
    assert parse_phone(raw, dial_code=other, country=country, regions=["DE"]).e164 is None or isinstance(
        raw, str | int | float
    )
    assert parse_name(raw, country=country).kind in ("person", "org", "household", "placeholder")
    assert parse_vat(raw, country=country).valid in (True, False)
    assert parse_email(raw).address is None or isinstance(raw, str)
    clean = clean_text(raw)
    assert clean is None or (clean == clean.strip() != "" and clean.encode())


@settings(max_examples=300)
@given(text=ANY_TEXT | DIGITS_OF_ALL | CODES | MAILS | NAMES, country=COUNTRIES)
def test_every_transform_is_total_on_text(text: str, country: str | None) -> None:
    for found in (
        parse_phone(text, country=country),
        parse_vat(text, country=country),
        parse_email(text),
        parse_name(text, country=country),
    ):
        assert found == type(found)(**{name: getattr(found, name) for name in found.__slots__})
    assert mobile_of(text) in (None, text)
    assert isinstance(split_e164(text)[1], str)
    assert is_placeholder(text) in (True, False)
    assert is_organisation(text) in (True, False)
    assert strip_legal_form(text) or not text.strip()


@settings(max_examples=300)
@given(text=ANY_TEXT | NAMES)
def test_clean_text_is_its_own_normal_form(text: str) -> None:
    clean = clean_text(text)
    assert clean is None or clean_text(clean) == clean


@settings(max_examples=500)
@given(text=DIGITS_OF_ALL, country=COUNTRIES)
def test_a_number_that_was_read_is_its_own_normal_form_whatever_the_context(text: str, country: str | None) -> None:
    phone = parse_phone(text, country=country)
    if phone.e164 is None:
        return
    again = parse_phone(phone.e164, dial_code=966, country="NO", regions=["SA"])
    assert (again.e164, again.kind, again.region, again.national) == (
        phone.e164,
        phone.kind,
        phone.region,
        phone.national,
    )
    assert phonenumbers.is_valid_number(phonenumbers.parse(phone.e164))
    assert mobile_of(phone.e164) == match_key(again)


EXAMPLES = [
    (region, kind)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
]


@settings(max_examples=400)
@given(place=st.sampled_from(EXAMPLES), last=st.integers(0, 999))
def test_every_spelling_of_a_countrys_number_is_the_same_number(place: tuple[str, int], last: int) -> None:
    """E.164, international, national, 00 and the two fields of Foodics; the library's own formatting is the oracle."""
    region, kind = place
    sample = phonenumbers.example_number_for_type(region, kind)
    if sample is None:
        return
    sample.national_number = sample.national_number // 1000 * 1000 + last
    if not phonenumbers.is_valid_number(sample):
        return
    e164 = phonenumbers.format_number(sample, phonenumbers.PhoneNumberFormat.E164)
    phone = parse_phone(e164)
    if phone.e164 is None:
        assert phone.problem == "a placeholder" or len(e164) > 14
        return
    home = phonenumbers.region_code_for_number(sample)
    assert phone.e164 == e164
    assert split_e164(e164) == (phone.dial_code, phone.national)
    spellings = [
        (phonenumbers.format_number(sample, phonenumbers.PhoneNumberFormat.INTERNATIONAL), {}),
        (phonenumbers.format_number(sample, phonenumbers.PhoneNumberFormat.RFC3966), {}),
        (phonenumbers.format_number(sample, phonenumbers.PhoneNumberFormat.NATIONAL), {"country": home}),
        ("00" + e164[1:], {"country": "DE"}),
        (phone.national, {"dial_code": phone.dial_code, "country": home}),
    ]
    if kind == phonenumbers.PhoneNumberType.MOBILE:  # of a landline, the repeated code could be its area
        spellings.append((e164[1:], {"dial_code": phone.dial_code, "country": home}))
    for text, context in spellings:
        found = parse_phone(text, **context)
        assert found.e164 in (e164, None), f"{text!r} {context} became somebody else's number"
        assert found.e164 == e164 or kind != phonenumbers.PhoneNumberType.MOBILE, f"{text!r} {context}: {found.problem}"
        assert same_number(text, e164, **context) == (found.e164 == e164)


@settings(max_examples=300)
@given(text=CODES, country=COUNTRIES)
def test_a_vat_number_that_was_read_is_its_own_normal_form(text: str, country: str | None) -> None:
    vat = parse_vat(text, country=country)
    if vat.number:
        assert vat.valid
        assert parse_vat(vat.number).number == vat.number
        assert parse_vat(f" {vat.number.lower()} ", country="NO").number == vat.number


@settings(max_examples=300)
@given(text=MAILS)
def test_an_address_that_was_read_is_its_own_normal_form(text: str) -> None:
    address = parse_email(text).address
    if address:
        assert parse_email(address).address == address
        assert parse_email(f" {address.upper()}").address in (address, None) or not address.isascii()


@settings(max_examples=500)
@given(text=NAMES, country=COUNTRIES)
def test_a_split_name_loses_no_word_and_keeps_its_kind(text: str, country: str | None) -> None:
    name = parse_name(text, country=country)
    if name.kind != "person":
        assert (name.given, name.family) == ("", "")
        return
    assert name.given or name.family
    for part in (name.title, name.given, name.family, name.suffix):
        assert clean_text(part) == (part or None)
    typed = "".join(sorted(text))
    kept = "".join(sorted("".join((name.title, name.given, name.family, name.suffix)).replace(" ", "")))
    remaining = list(typed)
    for character in kept:
        assert character in remaining, "nothing is invented"
        remaining.remove(character)


WORD = st.text("abdegiklmnorstu", min_size=3, max_size=8).map(str.title)


@settings(max_examples=300)
@given(
    first=st.lists(WORD, min_size=1, max_size=2),
    particle=st.sampled_from(["", "von", "van den", "de la", "zu", "af"]),
    family=WORD,
)
def test_joining_and_splitting_again_gives_the_same_parts(first: list[str], particle: str, family: str) -> None:
    """Where the words themselves say nothing: splitting in general is not invertible, which is why names are kept."""
    given_names, family_name = " ".join(first), f"{particle} {family}".strip()
    name = parse_name(join_name(given_names, "", family_name))
    if name.kind == "person" and not name.title and not name.suffix and len(name.given.split()) == len(first):
        assert (name.given, name.family) == (given_names, family_name)
    joined = join_name(name.given, name.middle, name.family)
    again = parse_name(joined)
    assert (
        "person" not in (name.kind, again.kind)
        or again.kind != name.kind
        or (again.given, again.family) == (name.given, name.family)
    )


@pytest.mark.parametrize(
    "unit",
    ["9", "a ", "ä", "(", '"', "von ", "bin ", ", ", "-", "@", "\u200e", "a@", "0 / ", "+", "عبد ", ".", "\ud800"],
)
def test_a_megabyte_is_refused_quickly(unit: str) -> None:
    for size in (100, 190, 900, 1_000_000):
        text = (unit * size)[:size]
        start = time.perf_counter()
        for read in (parse_phone, parse_vat, parse_email, parse_name):
            read(text)  # type: ignore[operator]
        assert time.perf_counter() - start < 1.0
