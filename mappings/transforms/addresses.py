"""One postal address over several fields (`address`): street and number in one line or two, country by name or code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import astuple

from mappings.canonical import EMPTY, Address, Reading, State, Value
from mappings.transforms.countries import country_code
from mappings.transforms.lens import (
    KEEP,
    Given,
    Lens,
    Option,
    Raw,
    Raws,
    Spec,
    Transform,
    any_odd,
    odd,
    text_of,
    texts_of,
    unclear,
)

# 5 · 12a · 12 b · 3-5 · 7/2 · 12 bis · Nr. 4; \d is every script's digits.
_NUMBER = r"(?:(?:nr|no|n°|№)\.?\s*)?\d{1,5}(?:\s?[a-z]|\s(?:bis|ter))?(?:\s?[-/–+]\s?\d{1,5}\s?[a-z]?){0,2}"
_IS_NUMBER = re.compile(_NUMBER, re.IGNORECASE)
_ENDS_IN_NUMBER = re.compile(rf"(?P<street>.*\S)\s+(?P<number>{_NUMBER})", re.IGNORECASE)
_HAS_DIGIT = re.compile(r"\d")

_ROLES = ("line1", "line2", "postal_code", "city", "state", "country")
_COLUMNS = {
    "line1": "street",
    "line2": "address_extra",
    "postal_code": "postal_code",
    "city": "city",
    "state": "state",
    "country": "country",
}


def join_lines(line1: str | None, line2: str | None) -> tuple[str | None, str | None]:
    """(street, extra) of two address lines: a house number alone in the second belongs to the street.

    >>> join_lines("Voltastrasse", "5"), join_lines("Voltastrasse 5", "Hinterhaus")
    (('Voltastrasse 5', None), ('Voltastrasse 5', 'Hinterhaus'))
    """
    if line1 is None:
        return line2, None
    if line2 is not None and not _HAS_DIGIT.search(line1) and _IS_NUMBER.fullmatch(line2):
        return f"{line1} {line2}", None
    return line1, line2


def split_street(street: str) -> tuple[str, str] | None:
    """(name, house number) of a street line, where the number is safely known: last, and the only one.

    >>> split_street("Voltastrasse 12 b"), split_street("12 Main Street"), split_street("Straße des 17. Juni 135")
    (('Voltastrasse', '12 b'), None, None)
    """
    found = _ENDS_IN_NUMBER.fullmatch(street)
    if found is None or _HAS_DIGIT.search(found["street"]):
        return None
    return found["street"], found["number"]


def _build(spec: Spec) -> Lens:
    rule = spec.rule
    two_lines = "line2" in spec.roles
    country_alone_is_default: bool = spec.options["country_alone_is_default"]

    def get(given: Given) -> tuple[Reading, ...]:
        if any_odd(given.raws):
            return (unclear(rule, "not text"),)
        value, problem = _read(given.raws, two_lines=two_lines)
        if value.street or value.extra or value.postal_code or value.city or value.state:
            return (Reading(State.VALUE, value, rule, "", problem),)
        if value.country is None:
            return (unclear(rule, problem) if problem else EMPTY,)
        return (Reading(State.DEFAULT if country_alone_is_default else State.VALUE, value, rule),)

    def put(asked: Mapping[str, Value], given: Given) -> Raws:
        wanted, raws = asked.get("address"), given.raws
        old, problem = _read(raws, two_lines=two_lines)
        new: list[Raw] = [KEEP] * len(_ROLES)
        if wanted is None and given.now["address"].state is not State.DEFAULT:
            new = [spec.blank if text_of(raw) is not None else KEEP for raw in raws]
            if country_alone_is_default:  # a vendor that fills the country in by itself has no blank one
                new[-1] = KEEP
        if not isinstance(wanted, Address):
            return new
        pairs = zip(astuple(old), astuple(wanted), raws, strict=True)
        new = [
            KEEP if had == want and not odd(raw) else spec.blank if want is None else want for had, want, raw in pairs
        ]
        if problem and wanted.country is None:
            new[-1] = KEEP  # a country that we cannot read is not for us to erase
        if two_lines and (old.street, old.extra) != (wanted.street, wanted.extra):
            new[:2] = _lines(wanted, raws, spec.blank)
        return new

    parts = frozenset(_COLUMNS[role] for role in spec.roles)
    return Lens(("address",), get, put, {"address": parts}, memo=False)


def _read(raws: Raws, *, two_lines: bool) -> tuple[Address, str]:
    """What the raws say, member by member, and what is wrong with the country."""
    line1, line2, postal_code, city, state, nation = texts_of(raws)
    street, extra = join_lines(line1, line2) if two_lines else (line1, line2)
    code = None if nation is None else country_code(nation)
    return Address(street, extra, postal_code, city, state, code), "" if nation is None or code else "unknown country"


def _lines(wanted: Address, raws: Raws, blank: Raw) -> list[Raw]:
    """Both address lines for a new street, in the layout that the record has."""
    line1, line2 = text_of(raws[0]), text_of(raws[1])
    apart = line1 is not None and line2 is not None and join_lines(line1, line2)[1] is None
    if apart and wanted.street is not None and wanted.extra is None and (split := split_street(wanted.street)):
        new: list[Raw] = list(split)
    else:
        new = [wanted.street, wanted.extra]
        if wanted.street is None:
            new = [wanted.extra, None]
    old = (line1, line2)
    return [
        KEEP if had == want and not odd(raw) else blank if want is None else want
        for had, want, raw in zip(old, new, raws, strict=False)
    ]


ADDRESS = Transform(
    about="A postal address. A house number alone in the second line belongs to the street, and the record's layout is "
    "kept; a country's name in any language is read, its code is written.",
    units=frozenset({"address"}),
    roles={
        "line1": "street, with or without number",
        "line2": "house number or further line",
        "postal_code": "postal code",
        "city": "town",
        "state": "state or region",
        "country": "country, code or name",
    },
    required=frozenset({"line1"}),
    build=_build,
    options={
        "country_alone_is_default": Option(
            bool, False, "the vendor fills a country into blank addresses: alone it is no data"
        )
    },
)
