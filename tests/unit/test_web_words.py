"""What the pages say in words: every reason that the engine knows has a meaning, and times read as people say them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mappings import load_mappings
from pipeline.decide import NOT_YET
from pipeline.merge_unit import LASTING
from pipeline.web import data, words

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ENGINE = Path(__file__).parents[2] / "pipeline"


def test_every_reason_of_the_engine_has_a_meaning_and_a_remedy() -> None:
    planned = set(re.findall(r'"(?:excluded|held)", "(\w+)"', (ENGINE / "plan.py").read_text("utf-8")))
    assert {"no_key", "deleted_there", "unreachable"} <= planned, "the pattern finds them no more"
    demanded = {need.reason for mapping in load_mappings(None).values() for need in mapping.requirements}
    assert {"missing_phone", "missing_name"} <= demanded
    for reason in planned | demanded | set(NOT_YET) | set(LASTING) | set(data.HELD_REASONS):
        assert words.meaning(reason) != words.plain(reason), f"{reason} has no meaning"
        assert words.remedy(reason), f"nobody is told what to do about {reason}"


def test_what_passes_by_itself_is_held_and_not_left_out() -> None:
    assert set(NOT_YET) - {"not_pulled"} <= set(data.HELD_REASONS)


def test_an_unknown_reason_is_shown_in_its_own_words() -> None:
    assert (words.meaning("till_on_fire"), words.remedy("till_on_fire"), words.meaning(None)) == (
        "till on fire",
        "",
        "",
    )


def test_a_reason_may_name_its_field() -> None:
    assert words.meaning("wrong_type:vat_number") == "A field holds something that does not belong there. (VAT number)"
    assert words.remedy("wrong_type:vat_number")


@pytest.mark.parametrize(
    ("moment", "local", "distance"),
    [
        ("2026-03-02T09:59:57Z", "10:59", "just now"),
        ("2026-03-02T09:59:30Z", "10:59", "30 s ago"),
        ("2026-03-02T09:58:30Z", "10:58", "2 min ago"),
        ("2026-03-02T09:30:00Z", "10:30", "30 min ago"),
        ("2026-03-02T12:10:00Z", "13:10", "in 2 h"),
        ("2026-03-01T23:30:00Z", "00:30", "10 h ago"),
        ("2026-02-27T10:00:00Z", "27 Feb 11:00", "3 d ago"),
        ("2025-12-31T10:00:00Z", "31 Dec 2025", "61 d ago"),
    ],
)
def test_times_as_people_say_them(moment: str, local: str, distance: str) -> None:
    """In the workspace's time zone; the day only where it is another one."""
    assert (words.local(moment, "Europe/Berlin", NOW), words.distance(moment, NOW)) == (local, distance)


@pytest.mark.parametrize(
    ("finished", "said"),
    [("10:00:02", "2 s"), ("10:02:05", "2 min 5 s"), ("11:30:00", "1 h 30 min")],
)
def test_how_long_a_run_took(finished: str, said: str) -> None:
    assert words.duration("2026-03-02T10:00:00Z", f"2026-03-02T{finished}Z") == said
