"""The decision table of docs/merging.md, row by row, and what cannot be said in a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from mappings.canonical import ABSENT, EMPTY, UNITS, Address, Name, Reading, State, Value
from pipeline.merge import flips, merge, next_base
from pipeline.model import Base, Merged, Side

DOC = Path(__file__).parents[2] / "docs" / "merging.md"
RANKS = {"berlin": 0, "oslo": 1, "riyadh": 2}
FLAGS = {"is_vip", "is_blocked", "marketing_consent"}
RECORD = re.compile(
    r"(?P<system>\w+) (?P<new>new )?(?P<first>[^>@(]+?)(?: > (?P<second>[^@(]+?))?"
    r"(?: @(?P<at>\d+)| \((?P<after>\d+),(?P<before>\d+)\])?"
)


def rows() -> list[dict[str, str]]:
    """Every row of every table of the document that has a Records column."""
    found, head = [], []
    for line in DOC.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if "Records" in cells:
            head = cells
        elif cells and not set(cells[0]) <= {"-"}:
            found.append(dict(zip(head, cells, strict=True)))
    return found


def value_of(unit: str, text: str) -> Value:
    if text == "-":
        return None
    if unit in FLAGS:
        return {"yes": True, "no": False}[text]
    if unit == "name":
        given, _, family = text.partition("+")
        return Name(f"{given} {family}", given, None, family) if family else Name(text)
    if unit == "address":
        street, city, extra = text.split(";")
        return Address(street or None, extra or None, None, city or None)
    return text


def reading_of(unit: str, text: str) -> Reading:
    if text in {"-", "?", "x"}:
        return {"-": EMPTY, "?": Reading(State.UNCLEAR), "x": ABSENT}[text]
    state = State.DEFAULT if text.startswith("~") else State.VALUE
    return Reading(state, value_of(unit, text.removeprefix("~")))


def coarse(system: str, value: Value) -> Value:
    """What a system can hold of a value: riyadh has one name field, and no second address line."""
    if system == "riyadh" and isinstance(value, Name):
        return Name(value.full)
    if system == "riyadh" and isinstance(value, Address):
        return Address(value.street, None, value.postal_code, value.city, value.state, value.country)
    return value


def minute(text: str | None) -> datetime | None:
    return None if text is None else datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=int(text))


def side_of(unit: str, text: str, settled: Mapping[str, Value]) -> Side:
    match = RECORD.fullmatch(text)
    assert match, text
    first, _, differs = match["first"].partition("!")
    seen, now = reading_of(unit, first), reading_of(unit, match["second"] or first)
    key = (match["system"], "1")
    in_step = coarse(key[0], settled.get(unit)) == seen.value
    base = Base(seen, settled.get(unit) if in_step else seen.value, differs or None)
    return side(key, {unit: now}, {} if match["new"] else {unit: base}, match)


def side(key: tuple[str, str], readings: Mapping[str, Reading], base: Mapping[str, Base], time: Any = None) -> Side:
    def holds(unit: str, value: Value) -> bool:
        return readings.get(unit, ABSENT).value == coarse(key[0], value)

    time = time or {"at": None, "after": None, "before": None}
    at, after, before = minute(time["at"]), minute(time["after"]), minute(time["before"])
    return Side(key, readings, base, at, after, before, RANKS[key[0]], holds)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['Field']}: {row['Settled']}; {row['Records']}")
def test_decision_table(row: dict[str, str]) -> None:
    """Whatever order the records come in."""
    unit = row["Field"]
    settled = {} if row["Settled"] == "none" else {unit: value_of(unit, row["Settled"])}
    records = re.split(r", (?=berlin|oslo|riyadh)", row["Records"])
    sides = [side_of(unit, record, settled) for record in records]
    settled_from = {unit: sides[0].key} if settled else {}
    for ordered in permutations(sides):
        merged = merge(ordered, settled, row["Policy"], None, settled_from)  # type: ignore[arg-type]
        assert merged.values[unit] == value_of(unit, row["Becomes"])
        assert merged.sources.get(unit, ("", ""))[0] == row["From"]
        assert ", ".join(key[0] for conflict in merged.conflicts for key, _ in conflict.candidates) == row["Conflict"]
        kept = sorted(f"{key[0]} {reason}" for (key, _), reason in merged.differs.items())
        assert ", ".join(kept) == row["Kept"]
        assert (merged.held or "") == row["Held"]
        assert set(merged.values) == set(UNITS)


def test_the_table_is_read_whole() -> None:
    assert len(rows()) > 80


def test_a_record_emptied_of_all_that_names_a_person_is_held_and_not_heard() -> None:
    """Flow Retail's and Foodics's own privacy tools blank a customer: copying that would erase a person everywhere."""
    identity: dict[str, Value] = {
        "name": Name("Ana Roth"),
        "email": "ana@example.com",
        "phone": "+4915112345678",
        "company": None,
    }
    base = {unit: Base(Reading(State.VALUE, v) if v else EMPTY, v) for unit, v in identity.items()}
    base["note"] = Base(EMPTY)
    gone = side(("oslo", "1"), {**dict.fromkeys(identity, EMPTY), "note": Reading(State.VALUE, "anonymised")}, base)
    merged = merge([gone], {**identity, "note": None}, "newest")
    assert merged.held == "suspected_anonymisation"
    assert {unit: merged.values[unit] for unit in identity} == identity
    assert merged.values["note"] is None
    assert next_base(gone, merged) == base


def test_an_anonymisation_outranks_a_conflict_among_the_others() -> None:
    """Two of the four emptied are enough, where there were no more."""
    base = {"name": Base(Reading(State.VALUE, Name("Ana")), Name("Ana")), "email": Base(Reading(State.VALUE, "A"), "A")}
    gone = side(("riyadh", "1"), dict.fromkeys(base, EMPTY), base)
    others = [side_of("company", text, {"company": "A"}) for text in ("berlin A > B @1", "oslo A > C @2")]
    merged = merge([gone, *others], {"name": Name("Ana"), "email": "A", "company": "A"}, "review")
    assert (merged.held, len(merged.conflicts)) == ("suspected_anonymisation", 1)


@pytest.mark.parametrize("left", ["name", "email", "phone", "company"])
def test_a_record_that_still_names_somebody_is_no_anonymisation(left: str) -> None:
    base = {unit: Base(Reading(State.VALUE, "A"), "A") for unit in ("name", "email", "phone", "company")}
    readings = {unit: base[unit].seen if unit == left else EMPTY for unit in base}
    assert merge([side(("oslo", "1"), readings, base)], dict.fromkeys(base, "A"), "newest").held is None


def test_the_last_field_emptied_is_an_edit() -> None:
    base = {"name": Base(Reading(State.VALUE, Name("Ana")), Name("Ana")), "email": Base(EMPTY)}
    merged = merge(
        [side(("oslo", "1"), dict.fromkeys(base, EMPTY), base)], {"name": Name("Ana"), "email": None}, "newest"
    )
    assert (merged.held, merged.values["name"]) == (None, None)


def test_lost_scopes_are_no_anonymisation() -> None:
    base = {unit: Base(Reading(State.VALUE, "A"), "A") for unit in ("name", "email", "phone", "company")}
    assert merge([side(("oslo", "1"), {}, base)], dict.fromkeys(base, "A"), "newest").held is None


def test_what_a_person_decided_ends_a_conflict() -> None:
    sides = [side_of("company", text, {"company": "A"}) for text in ("berlin A > B @1", "oslo A > C @2")]
    assert merge(sides, {"company": "A"}, "review").held == "conflict_review"
    merged = merge(sides, {"company": "A"}, "review", {"company": "B"})
    assert (merged.values["company"], merged.sources["company"], merged.held, merged.conflicts) == (
        "B", ("berlin", "1"), None, (),
    )  # fmt: skip


def test_a_frozen_field_stays_and_each_record_keeps_its_form() -> None:
    sides = [side_of("company", text, {"company": "A"}) for text in ("berlin A", "oslo A > a @2")]
    merged = merge(sides, {"company": "A"}, "newest", frozen={"company"})
    assert merged.values["company"] == "A"
    assert merged.differs == {(("oslo", "1"), "company"): "frozen"}


@pytest.mark.parametrize(
    ("winners", "expected"),
    [
        ([("berlin", "A"), ("oslo", "a")], False),
        ([("berlin", "A"), ("oslo", "a"), ("berlin", "A")], True),
        ([("berlin", "A"), ("berlin", "a"), ("berlin", "A")], False),
        ([("berlin", "A"), ("oslo", "a"), ("berlin", "B")], False),
        ([("berlin", "A"), ("oslo", "A"), ("berlin", "A")], False),
        ([("riyadh", "C"), ("berlin", "A"), ("oslo", "a"), ("berlin", "A")], True),
    ],
)
def test_three_flips_between_two_systems(winners: list[tuple[str, str]], expected: bool) -> None:
    assert flips([((system, "1"), value) for system, value in winners]) is expected


def test_a_loser_that_could_not_be_written_is_not_heard_again() -> None:
    """Law 6: its write was refused, so it still says B in the next run, when the winner's C is settled."""
    sides = [side_of("company", text, {"company": "A"}) for text in ("berlin A > B @1", "oslo A > C @2")]
    merged = merge(sides, {"company": "A"}, "newest")
    again = [side(s.key, s.readings, next_base(s, merged)) for s in sides]
    second = merge(again, merged.values, "newest", None, merged.sources)
    assert second == Merged(merged.values, merged.sources)
    lagging = next_base(sides[0], merged)["company"]
    assert (lagging.seen.value, lagging.agreed) == ("B", "A")


def test_a_field_that_was_not_returned_keeps_its_base() -> None:
    lost = side_of("company", "berlin A > x @1", {"company": "A"})
    assert next_base(lost, merge([lost], {"company": "A"}, "newest")) == lost.base


def test_records_that_joined_from_another_customer_fill_and_do_not_erase() -> None:
    """A record passed without base is heard; a unit that was never settled is decided as at first contact."""
    berlin = side_of("company", "berlin A", {"company": "A"})
    oslo = side(("oslo", "1"), {"note": Reading(State.VALUE, "N")}, {})
    merged = merge([berlin, oslo], {"company": "A", "note": None}, "newest", None, {"company": berlin.key})
    assert (merged.values["company"], merged.values["note"]) == ("A", "N")
    split = merge([berlin], {}, "newest")
    assert split.values["company"] == "A"


def test_two_records_of_one_system_tie_by_record_key() -> None:
    sides = [side(("oslo", n), {"company": Reading(State.VALUE, n)}, {}) for n in ("2", "1")]
    assert merge(sides, {}, "newest").sources["company"] == ("oslo", "1")


def test_a_clock_put_back_is_no_reason_to_fail() -> None:
    """Intervals that end before they begin could make each of three older than the next."""
    texts = ("berlin A > B (9,3]", "oslo A > C @5", "riyadh A > D (9,3]")
    sides = [side_of("company", text, {"company": "A"}) for text in texts]
    assert merge(sides, {"company": "A"}, "newest").values["company"] in {"B", "C", "D"}


@pytest.mark.parametrize(
    ("edited_at", "winner"),
    [(5, "settled"), (20, "edit")],
    ids=["older than what is settled", "newer than what is settled"],
)
def test_an_edit_in_a_till_that_lagged_behind_contends_with_what_is_settled(edited_at: int, winner: str) -> None:
    """riyadh never got B, said at oslo at minute 10 (its write failed), and somebody there now edits A to C: law 6."""
    said = Reading(State.VALUE, "B")
    oslo = side(
        ("oslo", "1"), {"company": said}, {"company": Base(said, "B")}, {"at": "10", "after": None, "before": None}
    )
    late = Base(Reading(State.VALUE, "A"), "A")
    now = {"company": Reading(State.VALUE, "C")}
    riyadh = side(("riyadh", "1"), now, {"company": late}, {"at": str(edited_at), "after": None, "before": None})
    since = minute("10")
    assert since is not None
    for ordered in permutations([oslo, riyadh]):
        merged = merge(
            ordered, {"company": "B"}, "newest", None, {"company": oslo.key}, settled_since={"company": since}
        )
        assert merged.values["company"] == {"settled": "B", "edit": "C"}[winner]
        assert [key for conflict in merged.conflicts for key, _ in conflict.candidates] == [oslo.key, riyadh.key]
