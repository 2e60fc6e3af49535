"""The lens laws of every shipped mapping, over untidy international records.

put(get(s)) = s: nothing is rewritten that did not change. get(put(c, s)) = c: what was written is read back, as far as
the system can hold it.
"""

from __future__ import annotations

import copy
from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings import Context, Mapping, load_mappings
from mappings.canonical import UNIT_COLUMNS, Address, Name, Reading, State, Value
from tests.properties.records import ANY_VALUES, RECORDS, VALUES

MAPPINGS = load_mappings(None)
CONTEXTS = st.sampled_from(
    [
        Context("DE", ("DE",), "Europe/Berlin"),
        Context("NO", ("NO", "DE"), "Europe/Oslo"),
        Context("SA", ("SA",), "Asia/Riyadh"),
        Context(None, (), "Pacific/Kiritimati"),
    ]
)
EVERY = pytest.mark.parametrize("connector", sorted(RECORDS))
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
DEEP = settings(QUICK, max_examples=1000)


def applied(payload: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The record after a till took these fields."""
    after = copy.deepcopy(payload)
    for path, value in fields.items():
        *parents, last = path.split(".")
        level = after
        for parent in parents:
            if not isinstance(level.get(parent), dict):
                level[parent] = {}
            level = level[parent]
        level[last] = value
    return after


def holdable(mapping: Mapping, unit: str, value: Value) -> Value:
    """What is left of a value where a system has no place for some of its parts."""
    parts = mapping.parts[unit]
    if isinstance(value, Address):
        kept = [
            part if column in parts else None
            for column, part in zip(UNIT_COLUMNS["address"], astuple(value), strict=True)
        ]
        return Address(*kept)
    return replace(value, middle=None) if isinstance(value, Name) and "middle_name" not in parts else value


def says(mapping: Mapping, unit: str, reading: Reading, value: Value) -> bool:
    """Whether a reading is the value, as far as the system can hold it."""
    if reading.state is State.ABSENT:
        return True
    if value is None:  # an address whose country the vendor fills in, a flag that cannot be empty
        return reading.value is None or reading.state is State.DEFAULT
    if mapping.connector == "foodics" and isinstance(value, Name):  # one field: the whole, wherever it is split
        return isinstance(reading.value, Name) and reading.value.full == value.full
    return reading.value == holdable(mapping, unit, value)


def check_nothing_is_rewritten(connector: str, payload: dict[str, Any], context: Context) -> None:
    mapping = MAPPINGS[connector]
    before = copy.deepcopy(payload)
    readings = mapping.read(payload, context)
    assert mapping.rewrites(payload, context) == []
    assert payload == before
    for unit, reading in readings.items():
        if reading.state is not State.UNCLEAR and unit in mapping.units:
            assert mapping.holds(unit, reading.value, payload, context), unit


def check_reread(connector: str, payload: dict[str, Any], context: Context) -> None:
    mapping = MAPPINGS[connector]
    readings = mapping.read(payload, context)
    for unit in mapping.units:
        assert mapping.reread(unit, mapping.raw(payload, unit), context) == readings[unit], unit


def check_put_then_get(connector: str, payload: dict[str, Any], values: dict[str, Value], context: Context) -> None:
    mapping = MAPPINGS[connector]
    before = mapping.read(payload, context)
    if "address" in values:  # another country may make a number readable that was not understood
        values = {
            u: v
            for u, v in values.items()
            if u not in {"phone", "vat_number"} or u not in before or before[u].state is not State.UNCLEAR
        }
    fields = mapping.put(values, payload, context)
    after_payload = applied(payload, fields)
    assert set(fields) <= mapping.paths
    assert mapping.put(values, after_payload, context) == {}, "a second write would follow the first"
    after = mapping.read(after_payload, context)
    coupled = {"name", "company", "is_business"} if connector == "foodics" else set()
    for unit, reading in after.items():
        if unit == "mobile":
            continue
        if unit not in values:
            if unit not in coupled and not (unit in {"phone", "vat_number"} and "address" in values):
                kept_middle = (
                    payload.get("middle_name") is not None
                )  # read-only: it is what is left where a company stood
                left = before[unit].problem == "organisation in the name field" and (
                    reading.value is None or kept_middle
                )
                assert left or reading.same(before[unit]), f"{unit} was not asked for"
        elif before[unit].state is State.UNCLEAR and values[unit] is None:
            assert reading == before[unit], f"{unit} was not understood and is kept"
        elif unit == "name" and not {"first_name", "last_name"} <= payload.keys() and connector == "inventorum":
            pass  # a key that was not returned is not written
        elif (
            before[unit].state is not State.ABSENT
            and unit not in coupled
            and not (unit == "phone" and connector == "foodics")
        ):
            one_way = unit == "is_business" and connector == "flow_retail" and values[unit] is False
            unread = unit == "address" and bool(reading.problem)  # a country that we cannot read is kept
            middle = unit == "name" and payload.get("middle_name") is not None  # read-only
            assert one_way or unread or middle or says(mapping, unit, reading, values[unit]), (
                unit,
                reading,
                values[unit],
            )


def check_create(connector: str, values: dict[str, Value], context: Context) -> None:
    mapping = MAPPINGS[connector]
    fields = mapping.put(values, None, context)
    assert not any(value in (None, "") for value in fields.values())
    if mapping.missing(values, context) is not None:
        return
    record = applied({}, fields)
    for unit, reading in mapping.read(record, context).items():
        value = values.get(unit)
        if (
            unit != "mobile"
            and value is not None
            and unit != "is_business"
            and not (connector == "foodics" and unit == "company")
        ):
            assert says(mapping, unit, reading, value), (unit, reading, value)
    left = mapping.put({u: v for u, v in values.items() if v is not None}, record, context)
    assert all(value is False for value in left.values()), left


@EVERY
@QUICK
@given(data=st.data(), context=CONTEXTS)
def test_what_a_record_says_already_is_never_rewritten(connector: str, data: st.DataObject, context: Context) -> None:
    check_nothing_is_rewritten(connector, data.draw(RECORDS[connector]), context)


@EVERY
@QUICK
@given(data=st.data(), context=CONTEXTS)
def test_a_kept_raw_value_reads_as_the_record_did(connector: str, data: st.DataObject, context: Context) -> None:
    check_reread(connector, data.draw(RECORDS[connector]), context)


@EVERY
@QUICK
@given(data=st.data(), values=ANY_VALUES, context=CONTEXTS)
def test_what_was_written_is_read_back_and_nothing_else_changes(
    connector: str, data: st.DataObject, values: dict[str, Value], context: Context
) -> None:
    check_put_then_get(connector, data.draw(RECORDS[connector]), values, context)


@EVERY
@QUICK
@given(values=ANY_VALUES, context=CONTEXTS)
def test_a_new_record_says_what_it_was_made_of(connector: str, values: dict[str, Value], context: Context) -> None:
    check_create(connector, values, context)


@QUICK
@given(name=VALUES["name"], context=CONTEXTS)
def test_a_name_comes_back_whole_through_a_single_field(name: Name, context: Context) -> None:
    """No loss through a narrow system: what Foodics shows is the full name, and the echo is not written back."""
    foodics, inventorum = MAPPINGS["foodics"], MAPPINGS["inventorum"]
    till = applied({}, inventorum.put({"name": name}, None, context))
    narrow = applied({}, foodics.put({"name": name}, None, context))
    echo = foodics.read(narrow, context)["name"]
    assert isinstance(echo.value, Name)
    assert echo.value.full == name.full
    assert foodics.holds("name", name, narrow, context)
    assert inventorum.read(till, context)["name"].value == name


@pytest.mark.deep
@EVERY
@DEEP
@given(data=st.data(), values=ANY_VALUES, context=CONTEXTS)
def test_all_laws_at_length(connector: str, data: st.DataObject, values: dict[str, Value], context: Context) -> None:
    payload = data.draw(RECORDS[connector])
    check_nothing_is_rewritten(connector, payload, context)
    check_reread(connector, payload, context)
    check_put_then_get(connector, payload, values, context)
    check_create(connector, values, context)
