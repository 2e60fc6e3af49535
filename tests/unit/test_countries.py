"""Country names to ISO codes."""

from __future__ import annotations

import doctest

import pytest

from mappings.transforms import countries
from mappings.transforms.countries import CODES, country_code


def test_examples() -> None:
    assert doctest.testmod(countries).failed == 0


def test_the_codes_are_all_there() -> None:
    assert len(CODES) == 250
    assert all(country_code(code) == code for code in CODES)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("DE", "DE"),
        (" de ", "DE"),
        ("DEU", "DE"),
        ("276", "DE"),
        ("Deutschland", "DE"),
        ("GERMANY", "DE"),
        ("Allemagne", "DE"),
        ("Tyskland", "DE"),
        ("ألمانيا", "DE"),
        ("Germania", "DE"),
        ("Noreg", "NO"),
        ("Norge", "NO"),
        ("Österreich", "AT"),
        ("OESTERREICH", "AT"),
        ("Saudi-Arabien", "SA"),
        ("السعودية", "SA"),
        ("المملكه العربيه السعوديه", "SA"),
        ("KSA", "SA"),
        ("U.A.E.", "AE"),
        ("الإمارات", "AE"),
        ("مصر", "EG"),
        ("United States", "US"),
        ("U.S.A.", "US"),
        ("USA", "US"),
        ("UK", "GB"),
        ("Great Britain", "GB"),
        ("Holland", "NL"),
        ("Czech Republic", "CZ"),
        ("Česko", "CZ"),
        ("Türkiye", "TR"),
        ("Turkey", "TR"),
        ("Россия", "RU"),
        ("Ελλάδα", "GR"),
        ("日本", "JP"),
        ("中国", "CN"),
        ("대한민국", "KR"),
        ("भारत", "IN"),
        ("Côte d’Ivoire", "CI"),
        ("Åland", "AX"),
        ("Hong Kong", "HK"),
        ("टोगो", "TG"),
        ("टोंगा", "TO"),
    ],
)
def test_a_country_in_any_language(raw: str, code: str) -> None:
    assert country_code(raw) == code


@pytest.mark.parametrize(
    "raw", ["Berlin", "Narnia", "XX", "EU", "ZZ", "", " ", "Congo", "-", "x" * 500, "\ud800", None, 49, True, [], {}]
)
def test_what_is_no_country_is_none(raw: object) -> None:
    """`Berlin` is a city and `Congo` is two countries: nothing is guessed."""
    assert country_code(raw) is None
