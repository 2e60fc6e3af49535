"""What is planned for one customer in one system, and which reason is given when nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mappings.canonical import ABSENT, EMPTY, UNITS, Address, Reading, State, Value
from pipeline.model import Change, Merged, Target, Verdict
from pipeline.plan import Present, in_order, plan_customer

KEY = ("oslo", "7")
TARGET = Target("oslo", "read-write", create=True, only={}, deletes="keep", complete=True)
VALUES: dict[str, Value] = {**dict.fromkeys(UNITS), "email": "ana@example.com", "phone": "+4915112345678"}


class Till:
    """A mapping in miniature: e-mail, phone (read in the light of the country), country, a flag, a field it never writes."""

    units = frozenset({"email", "phone", "address", "is_vip", "is_blocked"})
    writable = units - {"is_blocked"}

    def put(self, values: Mapping[str, Value], payload: Any) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for unit, value in values.items():
            if unit == "address":
                new["billing.country"] = value.country if isinstance(value, Address) else None
            elif unit in self.writable:
                new[unit] = value
        return {p: v for p, v in new.items() if v is not None} if payload is None else new

    def missing(self, values: Mapping[str, Value]) -> tuple[str, str] | None:
        return None if values.get("phone") else ("missing_phone", "needs phone")

    def at(self, payload: Any, path: str) -> Any:
        for part in path.split("."):
            payload = payload.get(part) if isinstance(payload, dict) else None
        return payload

    def read(self, payload: Mapping[str, Any]) -> dict[str, Reading]:
        country = self.at(payload, "billing.country")
        found = {"address": Reading(State.VALUE, Address(country=country)) if country else EMPTY}
        for unit in self.units - {"address"}:
            raw = payload.get(unit)
            if raw == "??":
                found[unit] = Reading(State.UNCLEAR)
            elif unit not in payload:
                found[unit] = ABSENT
            elif unit == "is_vip" and raw is False:
                found[unit] = Reading(State.DEFAULT, False)
            elif unit == "phone" and raw and raw.startswith("0"):
                found[unit] = Reading(State.VALUE, {"DE": "+49", "AT": "+43"}[country or "DE"] + raw[1:])
            else:
                found[unit] = EMPTY if raw is None else Reading(State.VALUE, raw)
        return found


WRITER = Till()


def present(open_balance: bool = False, **payload: Any) -> Present:
    payload = {"email": "ana@example.com", "phone": "+4915112345678", "is_vip": False, **payload}
    return Present("7", payload, "hash", WRITER.read(payload), open_balance)


def plan(record: Present | None, merged: Merged | None = None, target: Target = TARGET, **more: Any) -> Verdict:
    facts: dict[str, Any] = {
        "has_key": True, "deleted_there": False, "deleted_elsewhere": (), "held": None, "ignored": False, "edited": False,
    }  # fmt: skip
    merged = merged or Merged(VALUES, {"email": ("berlin", "1")})
    return plan_customer("c1", merged, target, record, writer=WRITER, **(facts | more))


def test_nobody_there_is_a_create_of_all_that_can_be_held() -> None:
    verdict = plan(None)
    assert verdict == Verdict(
        "c1", "oslo", "create",
        change=Change(
            "oslo", "create", "c1", None,
            {"email": (None, "ana@example.com"), "phone": (None, "+4915112345678")},
            {"email": (None, "ana@example.com"), "phone": (None, "+4915112345678")},
            "not in oslo yet",
        ),
    )  # fmt: skip


def test_an_update_has_only_what_differs_with_before_and_after() -> None:
    verdict = plan(present(email="old@example.com"))
    assert verdict.change == Change(
        "oslo", "update", "c1", "7",
        {"email": ("old@example.com", "ana@example.com")}, {"email": ("old@example.com", "ana@example.com")},
        "from berlin:1", "hash",
    )  # fmt: skip


def test_nothing_differs() -> None:
    assert plan(present()) == Verdict("c1", "oslo", "unchanged")


def test_what_the_vendor_filled_in_is_not_emptied() -> None:
    """The record says `is_vip: false` by itself, nobody said anything: a write would come back for ever (law 3)."""
    assert plan(present(is_vip=False)).outcome == "unchanged"


def test_a_value_that_was_not_understood_is_not_overwritten() -> None:
    verdict = plan(present(phone="??"))
    assert (verdict.outcome, verdict.reason, verdict.detail) == ("excluded", "not_understood", "phone: not_understood")


def test_an_unclear_value_with_nothing_to_put_in_its_place_is_left_in_silence() -> None:
    merged = Merged({**VALUES, "phone": None}, {})
    assert plan(present(phone="??"), merged).outcome == "unchanged"


def test_a_difference_that_was_agreed_is_kept_and_the_rest_is_written() -> None:
    merged = Merged(VALUES, {}, differs={(KEY, "phone"): "cleared_there"})
    assert plan(present(phone=None), merged).reason == "cleared_there"
    verdict = plan(present(phone=None, email="old@example.com"), merged)
    assert verdict.outcome == "update"
    assert verdict.detail == "phone: cleared_there"
    assert verdict.change is not None
    assert set(verdict.change.paths) == {"email"}


def test_an_agreed_difference_that_is_none_any_more_is_no_reason() -> None:
    merged = Merged(VALUES, {}, differs={(KEY, "phone"): "cleared_there"})
    assert plan(present(), merged).outcome == "unchanged"


def test_a_field_that_is_read_but_never_written_is_none_of_the_systems() -> None:
    """It was worked out from another field (a company's name in the name field), and is no reason against anybody."""
    merged = Merged({**VALUES, "is_blocked": True}, {})
    assert plan(present(is_blocked=None), merged).outcome == "unchanged"


def test_a_write_that_changes_no_meaning_is_not_made() -> None:
    """A mapping that would rewrite without effect must not make every run write (law 3)."""

    class Restless(Till):
        def put(self, values: Mapping[str, Value], payload: Any) -> dict[str, Any]:
            return {"spelling": "new"} if values else {}

    verdict = plan_customer(
        "c1", Merged(VALUES, {}), TARGET, present(email="old@example.com"), writer=Restless(), has_key=True, deleted_there=False,
        deleted_elsewhere=(), held=None, ignored=False, edited=False,
    )  # fmt: skip
    assert verdict.outcome == "unchanged"


def test_a_local_number_is_written_out_when_the_country_moves() -> None:
    """It would be read as another country's number from then on, and travel as if a person had changed it."""
    merged = Merged({**VALUES, "address": Address(country="AT")}, {})
    verdict = plan(present(phone="015112345678", billing={"country": "DE", "note": "kept"}), merged)
    assert verdict.change is not None
    assert verdict.change.paths == {
        "billing.country": ("DE", "AT"), "phone": ("015112345678", "+4915112345678"),
    }  # fmt: skip
    assert verdict.change.fields == {"country": ("DE", "AT")}


CONFLICTING = Merged(VALUES, {}, held="conflict_review")


@pytest.mark.parametrize(
    ("facts", "outcome", "reason"),
    [
        ({"ignored": True, "deleted_there": True}, "excluded", "ignored"),
        ({"deleted_there": True, "merged": CONFLICTING}, "excluded", "deleted_there"),
        ({"merged": CONFLICTING, "target": replace(TARGET, access="read-only")}, "held", "conflict_review"),
        ({"target": replace(TARGET, access="read-only", paused=True)}, "excluded", "read_only"),
        ({"target": replace(TARGET, paused=True, create=False)}, "excluded", "paused"),
        ({"target": replace(TARGET, create=False), "held": "held_for_review"}, "excluded", "creating_off"),
        ({"target": replace(TARGET, deletes="propagate"), "deleted_elsewhere": ["berlin"], "held": "held_for_review"},
         "excluded", "deleted_elsewhere"),
        ({"deleted_elsewhere": ["berlin"]}, "create", ""),
        ({"held": "held_for_review", "target": replace(TARGET, only={"country": ["DE"]})}, "held", "held_for_review"),
        ({"target": replace(TARGET, only={"country": ["DE"]}), "has_key": False}, "excluded", "not_in_audience"),
        ({"has_key": False, "merged": Merged({**VALUES, "phone": None}, {})}, "excluded", "no_key"),
        ({"merged": Merged({**VALUES, "phone": None}, {}), "target": replace(TARGET, reachable=False)},
         "excluded", "missing_phone"),
        ({"target": replace(TARGET, reachable=False, complete=False)}, "held", "unreachable"),
        ({"target": replace(TARGET, complete=False)}, "excluded", "not_pulled"),
    ],
)  # fmt: skip
def test_why_nobody_is_created(facts: dict[str, Any], outcome: str, reason: str) -> None:
    """Each case also has the next reason in line, so that the order is tested too."""
    verdict = plan(None, **facts)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("facts", "outcome", "reason"),
    [
        ({"ignored": True, "merged": CONFLICTING}, "excluded", "ignored"),
        ({"merged": CONFLICTING, "target": replace(TARGET, access="read-only")}, "held", "conflict_review"),
        ({"target": replace(TARGET, access="read-only", paused=True)}, "excluded", "read_only"),
        ({"target": replace(TARGET, paused=True, reachable=False)}, "excluded", "paused"),
        ({"target": replace(TARGET, reachable=False)}, "held", "unreachable"),
        ({"held": "held_for_review", "has_key": False}, "update", ""),
        ({"target": replace(TARGET, create=False, only={"country": ["SA"]})}, "update", ""),
    ],
)
def test_why_nothing_is_updated(facts: dict[str, Any], outcome: str, reason: str) -> None:
    verdict = plan(present(email="old@example.com"), **facts)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


@pytest.mark.parametrize(
    "target", [replace(TARGET, access="read-only"), replace(TARGET, paused=True), replace(TARGET, reachable=False)]
)
def test_a_record_that_agrees_is_unchanged_whatever_stands_against_writing(target: Target) -> None:
    assert plan(present(), target=target).outcome == "unchanged"


PROPAGATE = replace(TARGET, deletes="propagate")


@pytest.mark.parametrize(
    ("facts", "outcome", "reason"),
    [
        ({"target": PROPAGATE}, "delete", ""),
        ({"target": TARGET}, "unchanged", ""),
        ({"target": PROPAGATE, "edited": True}, "unchanged", ""),
        ({"target": PROPAGATE, "ignored": True}, "excluded", "ignored"),
        ({"target": PROPAGATE, "merged": CONFLICTING}, "held", "conflict_review"),
        ({"target": PROPAGATE, "held": "held_for_review"}, "held", "held_for_review"),
        ({"target": replace(PROPAGATE, access="read-only")}, "excluded", "read_only"),
        ({"target": replace(PROPAGATE, paused=True)}, "excluded", "paused"),
        ({"target": replace(PROPAGATE, reachable=False)}, "held", "unreachable"),
    ],
)
def test_a_deletion_elsewhere(facts: dict[str, Any], outcome: str, reason: str) -> None:
    verdict = plan(present(), deleted_elsewhere=["berlin"], **facts)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_a_delete_shows_what_goes_and_why() -> None:
    change = plan(present(), deleted_elsewhere=["berlin"], target=PROPAGATE).change
    assert change is not None
    assert (change.record_id, change.reason, change.based_on, change.paths) == ("7", "deleted in berlin", "hash", {})
    assert change.fields["email"] == ("ana@example.com", None)


def test_money_on_it_keeps_a_record() -> None:
    verdict = plan(present(open_balance=True), deleted_elsewhere=["berlin"], target=PROPAGATE)
    assert (verdict.outcome, verdict.reason) == ("excluded", "open_balance")


@pytest.mark.parametrize(
    ("only", "values", "inside"),
    [
        ({"country": ["DE", "AT"]}, {"address": Address(country="AT")}, True),
        ({"country": ["DE", "AT"]}, {"address": Address(country="NO")}, False),
        ({"country": ["DE"]}, {"address": Address(city="Bonn")}, False),
        ({"is_business": True}, {"is_business": True}, True),
        ({"is_business": True}, {"is_business": None}, False),
        ({"is_business": False}, {"is_business": None}, True),
        ({"marketing_consent": True}, {"marketing_consent": False}, False),
        ({"marketing_consent": None}, {"marketing_consent": False}, True),
    ],
)
def test_who_may_be_created(only: dict[str, Any], values: dict[str, Value], inside: bool) -> None:
    """What is unknown is not a yes."""
    verdict = plan(None, Merged({**VALUES, **values}, {}), replace(TARGET, only=only))
    assert verdict.outcome == ("create" if inside else "excluded")


def test_a_field_that_was_not_returned_is_offered_and_the_mapping_decides() -> None:
    """Only the mapping knows a field that a system lacks from one that it left out this time; neither is written by it."""
    merged = Merged({**VALUES, "is_vip": True}, {})
    record = present()
    del record.payload["is_vip"]
    asked: list[str] = []

    class Asked(Till):
        def put(self, values: Mapping[str, Value], payload: Any) -> dict[str, Any]:
            asked.extend(values)
            return {}

    record = replace(record, readings=WRITER.read(record.payload))
    verdict = plan_customer(
        "c1", merged, TARGET, record, writer=Asked(), has_key=True, deleted_there=False,
        deleted_elsewhere=(), held=None, ignored=False, edited=False,
    )  # fmt: skip
    assert (asked, verdict.outcome) == (["is_vip"], "unchanged")


def test_canonical_order() -> None:
    """By system; what frees a phone number before what may need it; then by customer."""
    wanted = [
        Change("berlin", "update", "c2", "1", {}, {}, ""), Change("oslo", "update", "c3", "1", {}, {}, ""),
        Change("oslo", "create", "c1", None, {}, {}, ""), Change("oslo", "create", "c2", None, {}, {}, ""),
        Change("oslo", "delete", "c0", "9", {}, {}, ""),
    ]  # fmt: skip
    assert in_order(wanted[::-1]) == wanted
