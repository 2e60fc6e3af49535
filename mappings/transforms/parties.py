"""Who a record is: a person's name and a company's over several fields (`party`), or both in one field (`one_name`).

A placeholder (*Laufkunde*) and an organisation in a name field are no person's name: they read as DEFAULT without a
value, so that another system's name may fill the record while the placeholder itself goes nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping

from mappings.canonical import ABSENT, EMPTY, Name, Reading, State, Value
from mappings.transforms.lens import (
    KEEP,
    MISSING,
    Given,
    Lens,
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
from mappings.transforms.names import (
    TWO_PLAIN_WORDS,
    is_ordinary,
    is_organisation,
    is_placeholder,
    join_name,
    parse_name,
    two_plain_words,
)

_PERSON_PARTS = frozenset({"full_name", "given_name", "middle_name", "family_name"})


def name_of_parts(given: str | None, middle: str | None, family: str | None) -> Name | None:
    """A name from fields that are already apart; a household in the family field alone is kept whole.

    >>> name_of_parts("Ana", None, "Schmidt")
    Name(full='Ana Schmidt', given='Ana', middle=None, family='Schmidt')
    """
    if given and family and middle is None and given.isascii():
        return Name(f"{given} {family}", given, None, family)
    if not (given or middle or family):
        return None
    if given is None and middle is None and family is not None and " " in family:
        whole = parse_name(family)
        if whole.kind == "household":
            return Name(family)
    return Name(join_name(given, middle, family), given, middle, family)


def name_of_text(text: str, country: str | None) -> Name:
    """A name from one field, split where that is safe; what cannot be split is kept whole.

    >>> name_of_text("von der Schmidt, Ana", None)
    Name(full='Ana von der Schmidt', given='Ana', middle=None, family='von der Schmidt')
    """
    parsed = parse_name(text, country=country)
    if parsed.kind != "person" or not (parsed.given or parsed.family):
        return Name(text)
    given, middle, family = parsed.given or None, parsed.middle or None, parsed.family or None
    return Name(join_name(given, middle, family), given, middle, family)


def _build_party(spec: Spec) -> Lens:
    rule = spec.rule
    with_company = "company" in spec.units
    placeholder = Reading(State.DEFAULT, None, rule, "", "placeholder name")
    organisation = Reading(State.DEFAULT, None, rule, "", "organisation in the name field")
    middle_is_ours = spec.can_write("middle")

    def get(given: Given) -> tuple[Reading, ...]:
        raws = given.raws
        first, middle, family, company_text = texts_of(raws)
        company = EMPTY if raws[3] == "" or raws[3] is None else _company(rule, raws[3], company_text)
        if raws[0] is MISSING and raws[2] is MISSING:
            return (ABSENT, company) if with_company else (ABSENT,)
        name = name_of_parts(first, middle, family)
        if any_odd(raws[:3]):
            reading = unclear(rule, "not text")
        elif name is None:
            reading = EMPTY
        elif is_ordinary(name.full):
            reading = Reading(State.VALUE, name, rule)
        elif is_placeholder(name.full):
            reading = placeholder
        elif is_organisation(name.full):
            reading = organisation
            if company.state is State.EMPTY:
                company = Reading(State.VALUE, name.full, rule, "organisation in the name field")
        else:
            reading = Reading(State.VALUE, name, rule)
        return (reading, company) if with_company else (reading,)

    def put(asked: Mapping[str, Value], given: Given) -> Raws:
        now, new = given.now, list[Raw]((KEEP,) * 4)
        lodged = with_company and now["company"].evidence == organisation.problem  # the company lives in the name field
        if "company" in asked:
            new[3] = spec.blank if asked["company"] is None else asked["company"]
        # Emptied, a company field would let the other organisation in the name field show as the company.
        shows_through = (
            with_company and asked.get("company", KEEP) is None and now["name"].problem == organisation.problem
        )
        if "name" in asked or ("company" in asked and lodged) or shows_through:
            wanted = asked.get("name", now["name"].value)
            new[:3] = _parts(wanted if isinstance(wanted, Name) else None, given.raws)
            if lodged and "company" not in asked:
                new[3] = now["company"].value  # it moves to its own field rather than be lost
        return new

    def _parts(wanted: Name | None, raws: Raws) -> list[Raw]:
        old_middle = text_of(raws[1])
        if wanted is None:
            given, middle, family = None, None, None
        elif wanted.given is None and wanted.middle is None and wanted.family is None:
            given, middle, family = None, None, wanted.full
        else:
            given, middle, family = wanted.given, wanted.middle, wanted.family
        if not middle_is_ours:
            given, middle = _without_middle(given, middle, old_middle), None
        wanted_parts = (given, middle, family)
        parts: list[Raw] = []
        for raw, part in zip(raws, wanted_parts, strict=False):
            parts.append(KEEP if text_of(raw) == part and not odd(raw) else spec.blank if part is None else part)
        return parts

    lacking = frozenset[str]() if "middle" in spec.roles else frozenset({"middle_name"})
    return Lens(spec.units, get, put, {"name": _PERSON_PARTS - lacking}, memo=False)


def _without_middle(given: str | None, middle: str | None, kept: str | None) -> str | None:
    """The given-name field of a system without a writable middle name, whose read-only one shows `kept`."""
    both = " ".join(part for part in (given, middle) if part) or None
    if both is None or kept is None:
        return both
    return both.removesuffix(f" {kept}")


def _company(rule: str, raw: Raw, text: str | None) -> Reading:
    if raw is MISSING:
        return ABSENT
    if odd(raw):
        return unclear(rule, "not text")
    if text is None:
        return EMPTY
    if is_placeholder(text):
        return Reading(State.DEFAULT, None, rule, "", "placeholder company")
    return Reading(State.VALUE, text, rule)


def _build_one_name(spec: Spec) -> Lens:
    rule = spec.rule
    units = spec.units
    placeholder = Reading(State.DEFAULT, None, rule, "", "placeholder name")
    is_business = Reading(State.VALUE, True, rule, "organisation in the name field")

    def get(given: Given) -> tuple[Reading, ...]:
        found = dict.fromkeys(units, ABSENT)  # what the one name does not show, it says nothing about
        raw = given.raws[0]
        if raw is not MISSING:
            text = text_of(raw)
            if odd(raw):
                found["name"] = unclear(rule, "not text")
            elif text is None:
                found["name"] = EMPTY
            elif plain := two_plain_words(text, given.country):
                found["name"] = Reading(State.VALUE, Name(text, plain[0], None, plain[1]), rule, TWO_PLAIN_WORDS)
            elif is_placeholder(text):
                found["name"] = placeholder
            elif "company" in found and is_organisation(text):
                found["company"] = Reading(State.VALUE, text, rule, "organisation in the name field")
                if "is_business" in found:
                    found["is_business"] = is_business
            else:
                evidence = parse_name(text, country=given.country).note
                found["name"] = Reading(State.VALUE, name_of_text(text, given.country), rule, evidence)
        return tuple(found.values())

    def put(asked: Mapping[str, Value], given: Given) -> Raws:
        if not asked.keys() & {"name", "company"}:
            return (KEEP,)
        shown, now = text_of(given.raws[0]), given.now
        name, company = asked.get("name"), asked.get("company")
        shows_company = "company" in now and now["company"].state is State.VALUE
        if shows_company:
            if "company" not in asked:  # the company it shows is the right one: a narrower form is not rewritten
                return (KEEP,)
            new = company if isinstance(company, str) else name.full if isinstance(name, Name) else None
        elif isinstance(name, Name):
            new = _with_title(name, given.raws[0], given.country)
        elif "name" in asked:
            new = company if isinstance(company, str) else None
        elif now["name"].state is State.VALUE or now["name"].state is State.UNCLEAR:
            return (KEEP,)  # it shows a person: the company has no room here
        else:
            new = company if isinstance(company, str) else None
        return (KEEP if new == shown else spec.blank if new is None else new,)

    return Lens(units, get, put, {"name": _PERSON_PARTS, "is_business": frozenset()}, memo=False)


def _with_title(name: Name, raw: Raw, country: str | None) -> str:
    """The new text of a single name field: a title that the record shows and names do not hold stays in front."""
    old = parse_name(raw, country=country) if text_of(raw) else None
    if old is None or old.kind != "person":
        return name.full
    now = name_of_text(text_of(raw) or "", country)
    if now.full == name.full:  # split elsewhere, yet the same to read
        return text_of(raw) or name.full
    titled = " ".join(part for part in (old.title, name.full) if part)
    return titled if name_of_text(titled, country).full == name.full else name.full


PARTY = Transform(
    about="A person's name in parts, and a company's name. An organisation in the name fields fills the company; a "
    "middle name goes into the given-name field where the system has no writable field for it.",
    units=frozenset({"name", "company"}),
    roles={"given": "given name", "middle": "middle name", "family": "family name", "company": "company name"},
    required=frozenset({"given", "family"}),
    build=_build_party,
    together=True,
)

ONE_NAME = Transform(
    about="One field for whoever it is: the person, else the company. What it does not show is no opinion.",
    units=frozenset({"name", "company", "is_business"}),
    roles={"name": "the field"},
    required=frozenset({"name"}),
    build=_build_one_name,
    together=True,
)
