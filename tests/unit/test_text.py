"""Notes and plain text."""

from __future__ import annotations

import doctest

import pytest

from mappings import Context, load_mappings
from mappings.canonical import EMPTY, State
from mappings.transforms import text
from mappings.transforms.text import note_of

BERLIN = Context("DE", ("DE",), "Europe/Berlin")
FLOW = load_mappings(None)["flow_retail"]


def test_examples() -> None:
    assert doctest.testmod(text).failed == 0


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("eine Zeile", "eine Zeile"),
        ("zwei\r\nZeilen\r", "zwei\nZeilen"),
        ("  Rand  \n  innen  eingerückt \n\n", "Rand\n  innen  eingerückt"),
        ("\u200e\u00a0", None),
        ("", None),
        (None, None),
        (5, "5"),
    ],
)
def test_a_note_keeps_its_lines(raw: object, expected: str | None) -> None:
    assert note_of(raw) == expected


def test_a_note_stays_as_typed_until_it_changes() -> None:
    record = {"internalNote": " Hund im Auto\r\nklingeln "}
    assert FLOW.put({"note": "Hund im Auto\nklingeln"}, record, BERLIN) == {}
    assert FLOW.put({"note": "Katze"}, record, BERLIN) == {"internalNote": "Katze"}
    assert FLOW.put({"note": None}, record, BERLIN) == {"internalNote": ""}


@pytest.mark.parametrize("record", [{}, {"internalNote": ""}, {"internalNote": None}])
def test_empty_null_and_missing_are_one_to_flow_retail(record: dict[str, object]) -> None:
    assert FLOW.read(record, BERLIN)["note"] == EMPTY
    assert FLOW.put({"note": None}, record, BERLIN) == {}
    assert FLOW.put({"note": "neu"}, record, BERLIN) == {"internalNote": "neu"}


def test_an_object_is_no_note() -> None:
    assert FLOW.read({"internalNote": {"a": 1}}, BERLIN)["note"].state is State.UNCLEAR
