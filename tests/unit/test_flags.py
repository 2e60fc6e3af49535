"""Booleans in every spelling, and tables of values."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from mappings import Context, load_mappings
from mappings.canonical import EMPTY, State
from mappings.transforms import flags
from mappings.transforms.flags import flag_of

RIYADH = Context("SA", ("SA",), "Asia/Riyadh")
FOODICS = load_mappings(None)["foodics"]
FLOW = load_mappings(None)["flow_retail"]
INVENTORUM = load_mappings(None)["inventorum"]


def test_examples() -> None:
    assert doctest.testmod(flags).failed == 0


@pytest.mark.parametrize("raw", [True, 1, 1.0, "1", "true", "TRUE", " yes ", "Ja", "نعم"])
def test_yes_in_every_spelling_stays_as_it_is(raw: Any) -> None:
    assert flag_of(raw) is True
    assert FOODICS.put({"is_blocked": True}, {"is_blacklisted": raw}, RIYADH) == {}
    assert FOODICS.put({"is_blocked": False}, {"is_blacklisted": raw}, RIYADH) == {"is_blacklisted": False}


@pytest.mark.parametrize("raw", [False, 0, "0", "false", "No", "nein"])
def test_no_is_what_the_vendor_fills_in_and_so_a_default(raw: Any) -> None:
    reading = FOODICS.read({"is_blacklisted": raw}, RIYADH)["is_blocked"]
    assert (reading.state, reading.value) == (State.DEFAULT, False)
    assert FOODICS.put({"is_blocked": True}, {"is_blacklisted": raw}, RIYADH) == {"is_blacklisted": True}


@pytest.mark.parametrize("raw", [2, "maybe", [], {}, [True]])
def test_neither_is_unclear(raw: Any) -> None:
    assert FOODICS.read({"is_blacklisted": raw}, RIYADH)["is_blocked"].problem == "neither yes nor no"


def test_a_flag_is_never_emptied() -> None:
    assert FOODICS.read({"is_blacklisted": None}, RIYADH)["is_blocked"] == EMPTY
    assert FOODICS.put({"is_blocked": None}, {"is_blacklisted": True}, RIYADH) == {}


def test_readings_tell_1_from_true_where_it_matters() -> None:
    """1 and True are equal to Python: what one record was read as must not become another's reading."""
    for raw, value in ((1, "male"), (True, None), (2, "female"), ("1", "male"), (1.0, "male")):
        assert FOODICS.read({"gender": raw}, RIYADH)["gender"].value == value


@pytest.mark.parametrize("raw", [3, "x", True, [1]])
def test_a_value_outside_the_table_is_unclear_and_kept(raw: Any) -> None:
    assert FOODICS.read({"gender": raw}, RIYADH)["gender"].problem == "not in the table"
    assert FOODICS.put({"gender": None}, {"gender": raw}, RIYADH) == {}


def test_gender_is_written_as_the_vendor_spells_it() -> None:
    assert FOODICS.put({"gender": "female"}, {"gender": "1"}, RIYADH) == {"gender": 2}
    assert FOODICS.put({"gender": None}, {"gender": 1}, RIYADH) == {"gender": None}


@pytest.mark.parametrize("raw", ["PRIVATE", "", None, "whatever"])
def test_every_customer_type_but_company_is_private(raw: Any) -> None:
    reading = FLOW.read({"customerType": raw}, RIYADH)["is_business"]
    assert (reading.state, reading.value) == (State.DEFAULT, False)
    assert FLOW.put({"is_business": True}, {"customerType": raw}, RIYADH) == {"customerType": "COMPANY"}


def test_company_is_never_turned_back() -> None:
    """Flow Retail's literal for a private person is unknown (its reference, section 7)."""
    assert FLOW.holds("is_business", False, {"customerType": "COMPANY"}, RIYADH)
    assert FLOW.put({"is_business": False}, None, RIYADH) == {"origin": "customer-sync"}


def test_the_title_is_not_gender() -> None:
    """`Mr.` is what every blank record of Inventorum has."""
    assert "gender" not in INVENTORUM.units
    assert "title" in INVENTORUM.pass_through
