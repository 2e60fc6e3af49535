"""Yes and no in every spelling (`flag`), and values with a table of spellings (`table`): gender, customer type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.canonical import ABSENT, EMPTY, Reading, State, Value
from mappings.transforms.lens import KEEP, MISSING, Given, Lens, Option, Raw, Raws, Spec, Transform, unclear
from mappings.transforms.typed_text import clean_text

_WORDS = {
    True: ("true", "1", "yes", "y", "on", "t", "ja", "j", "oui", "sí", "si", "نعم"),
    False: ("false", "0", "no", "n", "off", "f", "nein", "nei", "non", "لا"),
}
_BOOLEANS = {word: value for value, words in _WORDS.items() for word in words}

FLAGS = frozenset({"is_business", "marketing_consent", "is_vip", "is_favourite", "is_blocked"})


def spelling(raw: Raw) -> str | None:
    """A scalar as text for a look-up: `1`, `1.0` and `"1"` are one spelling; None for nothing, objects and lists."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    text = clean_text(raw)
    return None if text is None else text.casefold()


def flag_of(raw: Raw) -> bool | None:
    """Yes or no, or None where it is neither.

    >>> flag_of("1"), flag_of(0), flag_of("maybe")
    (True, False, None)
    """
    return raw if isinstance(raw, bool) else _BOOLEANS.get(spelling(raw) or "")


def _build_flag(spec: Spec) -> Lens:
    unit, rule = spec.units[0], spec.rule
    yes, no = (Reading(State.VALUE, True, rule),), (Reading(State.VALUE, False, rule),)
    empty, absent, neither = (EMPTY,), (ABSENT,), (unclear(rule, "neither yes nor no"),)

    def get(given: Given) -> tuple[Reading, ...]:
        raw = given.raws[0]
        if raw is True:
            return yes
        if raw is False:
            return no
        if raw is MISSING:
            return absent
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return empty
        value = flag_of(raw)
        return neither if value is None else yes if value else no

    def put(asked: Mapping[str, Value], _given: Given) -> Raws:
        value = asked.get(unit)
        return (value if isinstance(value, bool) else KEEP,)  # a flag cannot be empty

    return Lens((unit,), get, put)


def _build_table(spec: Spec) -> Lens:
    unit, rule = spec.units[0], spec.rule
    table: Mapping[Any, Value] = spec.options["table"]
    otherwise: Value = spec.options["otherwise"]
    known = {spelling(raw): (Reading(State.VALUE, value, rule),) for raw, value in table.items()}
    spelled: dict[Value, Raw] = {}
    for raw, value in table.items():
        spelled.setdefault(value, raw)
    rest = None if otherwise is None else (Reading(State.VALUE, otherwise, rule, "every other value"),)

    def get(given: Given) -> tuple[Reading, ...]:
        raw = given.raws[0]
        if raw is MISSING:
            return (ABSENT,)
        text = None if isinstance(raw, dict | list) else spelling(raw)
        found = known.get(text) if text is not None else None
        if found is not None:
            return found
        if rest is not None:
            return rest
        return (EMPTY,) if raw is None or raw == "" else (unclear(rule, "not in the table"),)

    def put(asked: Mapping[str, Value], _given: Given) -> Raws:
        value = asked.get(unit)
        if value is None:
            return (KEEP if rest is not None else spec.blank,)
        return (spelled.get(value, KEEP),)  # a value without a spelling cannot be held here: nothing is sent

    return Lens((unit,), get, put)


FLAG = Transform(
    about="Yes or no: booleans, 1 and 0, and words in several languages are read; a JSON boolean is written.",
    units=FLAGS,
    roles={"flag": "the field"},
    required=frozenset({"flag"}),
    build=_build_flag,
)

TABLE = Transform(
    about="A field with a fixed set of values. A canonical value without a spelling of its own is never written.",
    units=FLAGS | {"gender"},
    roles={"value": "the field"},
    required=frozenset({"value"}),
    build=_build_table,
    options={
        "table": Option(
            dict,
            None,
            "the system's value → the canonical one; the first spelling of a value is the one written",
            required=True,
        ),
        "otherwise": Option(
            (bool, str), None, "the canonical value of everything that is not in the table, empty and missing too"
        ),
    },
)
