"""Plain text: one line (`text`) and several lines (`note`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from mappings.canonical import ABSENT, EMPTY, Reading, State, Value
from mappings.transforms.lens import KEEP, MISSING, Given, Lens, Raw, Raws, Spec, Transform, odd, text_of, unclear
from mappings.transforms.typed_text import clean_text

_LINE_END = re.compile(r"\r\n?|\u2028|\u2029")


def note_of(raw: Raw) -> str | None:
    """A note's text: lines kept, line ends unified, ends trimmed; None when nothing visible is left.

    >>> note_of("  Hund im Auto\\r\\nklingeln ")
    'Hund im Auto\\nklingeln'
    """
    if not isinstance(raw, str):
        return text_of(raw)
    lines = _LINE_END.sub("\n", raw).split("\n")
    text = "\n".join(line.rstrip() if line.isascii() else line.rstrip("\u00a0 \t") for line in lines).strip()
    return text if clean_text(text) else None


def _build(spec: Spec, shape: Callable[[Raw], str | None]) -> Lens:
    unit, rule = spec.units[0], spec.rule

    def get(given: Given) -> tuple[Reading, ...]:
        raw = given.raws[0]
        if raw is MISSING:
            return (ABSENT,)
        if odd(raw):
            return (unclear(rule, "not text"),)
        value = shape(raw)
        return (EMPTY,) if value is None else (Reading(State.VALUE, value, rule),)

    def put(asked: Mapping[str, Value], _given: Given) -> Raws:
        if unit not in asked:
            return (KEEP,)
        value = asked[unit]
        return (spec.blank if value is None else value,)

    return Lens((unit,), get, put)


_PLAIN_TEXT = frozenset({"company", "note"})

TEXT = Transform(
    about="One line of text. White space is collapsed for comparison; the own spelling stays until the text changes.",
    units=_PLAIN_TEXT,
    roles={"text": "the field"},
    required=frozenset({"text"}),
    build=lambda spec: _build(spec, text_of),
)

NOTE = Transform(
    about="Text of several lines; lines are kept.",
    units=_PLAIN_TEXT,
    roles={"text": "the field"},
    required=frozenset({"text"}),
    build=lambda spec: _build(spec, note_of),
)
