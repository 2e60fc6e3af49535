"""Every value says its rule and evidence; the laws are checked on any record, and what breaks them is named without anybody's data."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import Context, load_mappings
from mappings.canonical import State
from mappings.explain import broken_laws, explain_record, with_fields
from tests.properties.records import RECORDS

MAPPINGS = load_mappings(None)
BERLIN = Context("DE", ("DE",), "Europe/Berlin")
SECRET = "Someone Private"


def test_a_value_says_which_rule_made_it_and_why() -> None:
    record = {
        "first_name": "Ana",
        "last_name": "Berg",
        "phone_number": "0664 1234567",
        "tax_number": "U13585627",
        "birthday": "1985-04-29T22:00:00Z",
        "email": "ana at example",
        "billing_address": {"address1": "Ring 1", "city": "Wien", "country": "Österreich"},
    }
    found = {
        one.unit: (one.value, one.rule, one.evidence, one.problem)
        for one in explain_record(MAPPINGS["inventorum"], record, BERLIN)
    }
    assert found["phone"] == ("+436641234567", "phone", "read in AT, the country of the address", "")
    assert found["mobile"] == found["phone"]
    assert found["vat_number"] == ("ATU13585627", "vat", "read in AT, the country of the address", "")
    assert found["birth_date"][1:] == ("birthday", "read in Europe/Berlin", "")
    assert found["email"] == (None, "email", "", "has no @")
    assert "gender" not in found, "what a system has no field for, it says nothing about"


def test_a_split_name_says_how_it_was_split() -> None:
    evidence = {
        text: next(
            one.evidence for one in explain_record(MAPPINGS["foodics"], {"name": text}, BERLIN) if one.unit == "name"
        )
        for text in ("Ana Berg", "Berg, Ana", "Ana Maria von der Schmidt", "Suharto")
    }
    assert evidence == {
        "Ana Berg": "two plain words",
        "Berg, Ana": "the family name before a comma",
        "Ana Maria von der Schmidt": "by words and particles",
        "Suharto": "one word is a given name",
    }


@pytest.mark.parametrize("connector", sorted(RECORDS))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_reading_is_explained(connector: str, data: st.DataObject) -> None:
    mapping = MAPPINGS[connector]
    rules = {rule.name for rule in mapping.rules}
    record, other = data.draw(RECORDS[connector]), data.draw(RECORDS[connector])
    for one in explain_record(mapping, record, BERLIN):
        assert one.rule in rules
        assert bool(one.problem) or one.state is not State.UNCLEAR
        assert one.raw.keys() <= mapping.paths
    assert broken_laws(mapping, record, BERLIN, other) == []


def test_a_rule_that_rewrites_is_named_without_the_value(tmp_path: Path) -> None:
    """A transform of somebody's own that breaks the law: here a field that two followers copy wrongly is simulated by hand."""
    (tmp_path / "till.yaml").write_text(
        dedent("""\
        connector: till
        rules:
          party: {canonical: [name, company], transform: party, fields: {given: first, family: last, company: firm}}
        """)
    )
    mapping = load_mappings(tmp_path)["till"]
    record = {"first": SECRET, "last": "Berg", "firm": ""}
    assert broken_laws(mapping, record, BERLIN, {"first": "Bo", "last": "Lund", "firm": "Lund AS"}) == []
    (rule,) = mapping.rules
    lens = rule.lens
    object.__setattr__(lens, "put", lambda asked, given: ["x" + str(given.raws[0]), "KEEP", "KEEP", "KEEP"])
    (problem, *_) = broken_laws(mapping, record, BERLIN, {"first": "Bo", "last": "Lund", "firm": "Lund AS"})
    assert problem == "rule 'party' would write first again after it was written"
    assert SECRET not in problem


def test_fields_are_set_in_a_copy() -> None:
    record: dict[str, Any] = {"a": {"b": 1}, "c": 2}
    assert with_fields(record, {"a.b": 3, "d.e": 4}) == {"a": {"b": 3}, "c": 2, "d": {"e": 4}}
    assert record == {"a": {"b": 1}, "c": 2}
