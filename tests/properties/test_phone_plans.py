"""The short ways of reading phone numbers against the phone library's own parser, for every region it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from mappings.transforms import phone_plans, phones
from mappings.transforms.phones import Phone, parse_phone

REGIONS = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS))
NEAR = st.sampled_from(["DE", "NO", "SA", "AE", "AT", "IT", "GB", "SE", "FI", "VA", "JE"])
DIGITS = st.text("0123456789", min_size=1, max_size=16)
TYPES = [*sorted(phone_plans.KINDS), *[PhoneNumberType.MOBILE] * 6, *[PhoneNumberType.FIXED_LINE] * 4]


@st.composite
def national_numbers(draw: st.DrawFn, region: str) -> str:
    """Digits near a valid national number of this region: its sample of some type, with other digits at its end or start."""
    sample = phonenumbers.example_number_for_type(region, draw(st.sampled_from(TYPES)))
    if sample is None:
        return draw(DIGITS)
    digits = phonenumbers.national_significant_number(sample)
    keep = draw(st.sampled_from([0, 2, 4, *range(len(digits) + 1)]))
    tail = draw(st.text("0123456789", min_size=len(digits) - keep, max_size=len(digits) - keep))
    return (
        draw(st.sampled_from(["", "0", "00", "8", "1", str(sample.country_code)])) * draw(st.booleans())
        + digits[:keep]
        + tail
    )


@contextmanager
def _by_the_library() -> Iterator[None]:
    """No short way: the library parses every number and says its kind and region."""

    def read(text: str, region: str | None) -> Phone | None:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return None
        kind = phone_plans.KINDS.get(phonenumbers.number_type(number))
        home = phonenumbers.region_code_for_number(number)
        national = phonenumbers.national_significant_number(number)
        if kind is None or home is None or len(national) > phones._MAX_NATIONAL.get(home, 15):
            return None
        return Phone(f"+{number.country_code}{national}", kind, home, None, number.country_code, national)

    with patch.object(phones, "_read", read):
        yield


def check_kinds(region: str, national: str) -> None:
    """Kind and region of a national number are what the library says."""
    code = phonenumbers.country_code_for_region(region)
    number = phonenumbers.PhoneNumber(country_code=code, national_number=int(national))
    assume(phonenumbers.national_significant_number(number) == national)
    kind = phone_plans.KINDS.get(phonenumbers.number_type(number))
    expected = None if kind is None else (kind, phonenumbers.region_code_for_number(number))
    assert phone_plans.kind_and_region(code, national) == expected


def check_reading(text: str, dial_code: int | None, country: str | None, region: str) -> None:
    """The short way says nothing, or exactly what the long way with the library says."""
    context = (phones._dial_code(dial_code), country or "", (region,))
    short = phones._well_formed(text, *context)
    if short is None:
        return
    with _by_the_library():
        assert short == phones._parse.__wrapped__(text, *context)


@settings(max_examples=500, deadline=None)
@given(data=st.data(), region=REGIONS)
def test_kinds_and_regions_are_the_librarys(data: st.DataObject, region: str) -> None:
    check_kinds(region, data.draw(national_numbers(region)))


@settings(max_examples=800, deadline=None)
@given(data=st.data(), home=REGIONS | NEAR, country=st.none() | REGIONS, region=REGIONS | NEAR)
def test_the_short_way_says_what_the_long_way_says(
    data: st.DataObject, home: str, country: str | None, region: str
) -> None:
    check_reading(*data.draw(spellings(home, country)), region)


@st.composite
def spellings(draw: st.DrawFn, home: str, country: str | None) -> tuple[str, int | None, str | None]:
    """(text, dial code, country): a number of `home` as tills write it, at home or abroad."""
    national = draw(national_numbers(home))
    code = phonenumbers.country_code_for_region(home)
    place = draw(st.integers(1, len(national)))
    spaced = f"{national[:place]} {national[place:]}"
    front = draw(
        st.sampled_from(["", "0", "+", f"+{code}", f"+{code} ", f"+{code} 0", f"00{code}", f"{code}", f"+{code}{code}"])
    )
    dial_code = draw(st.sampled_from([None, None, code, 49]))
    return front + draw(st.sampled_from([national, spaced])), dial_code, draw(st.sampled_from([country, home]))


@pytest.mark.deep
@settings(max_examples=5_000, deadline=None)
@given(data=st.data(), home=REGIONS, country=st.none() | REGIONS, region=REGIONS | NEAR)
def test_both_ways_agree_at_length(data: st.DataObject, home: str, country: str | None, region: str) -> None:
    check_kinds(home, data.draw(national_numbers(home)))
    check_reading(*data.draw(spellings(home, country)), region)


def test_most_numbers_of_tills_go_the_short_way() -> None:
    """Or nothing is gained: the property above would hold for a short way that never answers."""
    for text, dial_code, region in (
        ("+4917612345678", None, "NO"),
        ("0176 12345678", None, "DE"),
        ("0049 176 12345678", None, "DE"),
        ("406 12 345", None, "NO"),
        ("565445254", 966, "SA"),
        ("0565445254", 966, "SA"),
        ("+966 56 544 5254", None, "SA"),
        ("030 22334455", None, "DE"),
    ):
        short = phones._well_formed(text, phones._dial_code(dial_code), "", (region,))
        assert short is not None, text
        assert short == parse_phone(text, dial_code=dial_code, regions=[region])
