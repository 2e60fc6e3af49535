"""Phone numbers: every hard case, not one wrong person's number, and how a reading is explained."""

import json
from pathlib import Path
from typing import Any

import pytest

from mappings.transforms.phones import match_key, mobile_of, parse_phone, same_number, split_e164

CASES = Path(__file__).parents[1] / "cases"
KNOWN_MISSES: dict[str, str] = {}
"""Input → why it is not read as expected. None at present."""


def cases(name: str) -> list[Any]:
    return [json.loads(line) for line in (CASES / name).read_text().splitlines()]


def read(case: dict[str, Any]) -> Any:
    context = dict(case["context"])
    region = context.pop("default_region", None)
    return parse_phone(case["input"], **context, regions=[region] if region else [])


@pytest.mark.parametrize("case", cases("phones.jsonl"), ids=lambda case: repr(case["input"]))
def test_a_hard_number_is_read_as_its_numbering_plan_says(case: dict[str, Any]) -> None:
    phone, expected = read(case), case["expected"]
    if str(case["input"]) in KNOWN_MISSES:
        assert phone.e164 in (None, expected["e164"]), "a miss may be silent, never somebody else's number"
        return
    assert phone.e164 == expected["e164"]
    if phone.e164:
        assert (phone.kind, phone.region, phone.extension, phone.dial_code, phone.national) == tuple(
            expected[name] for name in ("type", "region", "ext", "dial_code", "national")
        )


@pytest.mark.parametrize("case", cases("phones_more.jsonl"), ids=lambda case: f"{case['input']!r} {case['context']}")
def test_further_spellings_of_tills(case: dict[str, Any]) -> None:
    phone = read(case)
    assert (phone.e164, phone.extension) == (case["expected"]["e164"], case["expected"]["ext"])


def test_at_least_97_percent_of_the_cases_are_right_and_none_is_somebody_elses() -> None:
    rows = cases("phones.jsonl")
    right = [row for row in rows if read(row).e164 == row["expected"]["e164"]]
    wrong = [row for row in rows if read(row).e164 not in (None, row["expected"]["e164"])]
    assert len(right) >= 0.97 * len(rows)
    assert wrong == []


@pytest.mark.parametrize(
    ("raw", "context", "evidence"),
    [
        ("+4917612345678", {"country": "NO"}, "read by its own + or 00"),
        ("0176 12345678", {"country": "DE", "regions": ["NO"]}, "read in DE, the country of the address"),
        ("0176 12345678", {"regions": ["DE"]}, "read in DE, the system's region"),
        ("565445254", {"dial_code": 966, "country": "DE"}, "read with its dial code 966"),
    ],
)
def test_the_evidence_says_where_the_country_came_from(raw: str, context: Any, evidence: str) -> None:
    assert parse_phone(raw, **context).evidence == evidence


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("0176-1234567O", "letters inside the number"),
        ("0176 12345678 / 030 1234567", "more than one number"),
        ("55555555", "a placeholder"),
        ("978437427278", "no valid number of that country"),
        ("n/a", "no digits"),
        ([1], "not a number"),
        ("1" * 10_000, "too long for a phone number"),
    ],
)
def test_what_is_not_understood_says_why(raw: object, problem: str) -> None:
    """The phrases are few and fixed, so that `mappings preview` can count them, and hold no part of the number."""
    assert parse_phone(raw, country="DE").problem == problem


def test_nothing_there_is_no_problem() -> None:
    assert [parse_phone(raw).problem for raw in (None, "", "  ")] == ["", "", ""]


def test_a_key_is_a_mobile_without_extension() -> None:
    assert match_key(parse_phone("0176 12345678", country="DE")) == "+4917612345678"
    assert match_key(parse_phone("2015550123", country="US")) == "+12015550123"  # the US do not tell mobiles apart
    assert match_key(parse_phone("+49 176 12345678 ext. 5")) is None
    assert match_key(parse_phone("030 1234567", country="DE")) is None
    assert match_key(parse_phone("80012345", country="NO")) is None
    assert mobile_of("+4917612345678") == "+4917612345678"
    assert [mobile_of(number) for number in ("+49301234567", "4917612345678", "+49", "", "+4980012")] == [None] * 5


def test_the_second_region_is_asked_only_where_the_first_has_no_such_number() -> None:
    assert parse_phone("91234567", country="NO", regions=["DE"]).e164 == "+4791234567"
    assert parse_phone("0176 12345678", country="NO", regions=["DE"]).e164 == "+4917612345678"
    assert parse_phone("0176 12345678", dial_code=966, regions=["DE"]).e164 is None


def test_a_short_german_landline_without_area_code_is_nobodys() -> None:
    """In an open plan 8277236 is a local number; read as area 08277 it would ring somewhere else."""
    assert parse_phone("8277236", country="DE").e164 is None
    assert parse_phone("030 827723", country="DE").e164 == "+4930827723"


def test_a_till_spelling_that_means_the_number_may_stay() -> None:
    assert same_number("0176 12 34 56 78", "+4917612345678", country="DE")
    assert not same_number("0176 12 34 56 79", "+4917612345678", country="DE")


def test_splitting_keeps_italian_zeros() -> None:
    assert split_e164("+390669883145") == (39, "0669883145")
    assert split_e164("+80012345678") == (800, "12345678")
    assert [split_e164(text) for text in ("", "+", "abc", "+0123", "+999123")] == [(0, "")] * 5
