"""Ways to reach somebody, and the VAT number.

Phones come as one string (`phone`), as dial code and number (`phone_parts`), and as string or list (`phone_either`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mappings.canonical import ABSENT, EMPTY, Reading, State, Value
from mappings.transforms.emails import parse_email, plain_address
from mappings.transforms.lens import KEEP, MISSING, Given, Lens, Put, Raw, Raws, Spec, Transform, text_of, unclear
from mappings.transforms.phones import match_key, mobile_of, parse_phone, split_e164
from mappings.transforms.vat import parse_vat

_NO_PHONE = (ABSENT, ABSENT)
_EMPTY_PHONE = (EMPTY, EMPTY)


def _build_email(spec: Spec) -> Lens:
    rule = spec.rule

    def get(given: Given) -> tuple[Reading, ...]:
        raw = given.raws[0]
        if plain := plain_address(raw):
            return (Reading(State.VALUE, plain, rule),)
        if raw is MISSING:
            return (ABSENT,)
        email = parse_email(raw)
        if email.address is not None:
            return (Reading(State.VALUE, email.address, rule),)
        return (unclear(rule, email.problem),) if email.problem else (EMPTY,)

    return Lens(("email",), get, _put_text("email", spec.blank), memo=False)


def _build_vat(spec: Spec) -> Lens:
    rule = spec.rule

    def get(given: Given) -> tuple[Reading, ...]:
        raw = given.raws[0]
        if raw is MISSING:
            return (ABSENT,)
        vat = parse_vat(raw, country=given.country or given.context.region)
        if vat.valid and vat.number is not None:
            return (Reading(State.VALUE, vat.number, rule, vat.evidence),)
        if not vat.problem and text_of(raw) is None and not isinstance(raw, dict | list | bool):
            return (EMPTY,)
        return (unclear(rule, vat.problem or "not a VAT number", vat.evidence),)

    return Lens(("vat_number",), get, _put_text("vat_number", spec.blank))


def _put_text(unit: str, blank: Raw) -> Put:
    def put(asked: Mapping[str, Value], _given: Given) -> Raws:
        if unit not in asked:
            return (KEEP,)
        return (blank if asked[unit] is None else asked[unit],)

    return put


def _read_phone(rule: str, raw: Raw, dial_code: int | None, given: Given) -> tuple[Reading, Reading]:
    phone = parse_phone(raw, dial_code=dial_code, country=given.country, regions=given.context.regions)
    if phone.e164 is not None:
        value = Reading(State.VALUE, phone.e164, rule, phone.evidence)
        key = match_key(phone)
        return value, EMPTY if key is None else Reading(State.VALUE, key, rule, phone.evidence)
    if phone.problem:
        return unclear(rule, phone.problem, phone.evidence), EMPTY
    return _EMPTY_PHONE


def _build_phone(spec: Spec) -> Lens:
    rule = spec.rule

    def get(given: Given) -> tuple[Reading, ...]:
        raw = given.raws[0]
        if raw is MISSING:
            return _NO_PHONE
        return _EMPTY_PHONE if raw is None or raw == "" else _read_phone(rule, raw, None, given)

    return Lens(("phone", "mobile"), get, _put_text("phone", spec.blank), memo=False)


def _build_phone_parts(spec: Spec) -> Lens:
    rule = spec.rule

    def get(given: Given) -> tuple[Reading, ...]:
        dial_code, number = given.raws
        if number is MISSING:
            return _NO_PHONE
        if number is None or number == "":
            return _EMPTY_PHONE
        return _read_phone(rule, number, _dial_code(dial_code), given)

    def put(asked: Mapping[str, Value], given: Given) -> Raws:
        if "phone" not in asked or given.raws[0] is MISSING:  # half a number would be somebody else's
            return (KEEP, KEEP)
        value = asked["phone"]
        if not isinstance(value, str):
            return (KEEP, spec.blank)  # the dial code alone says nothing and may be required
        dial_code, national = split_e164(value)
        code = int(dial_code)
        return (KEEP if _dial_code(given.raws[0]) == code else code, national)

    return Lens(("phone", "mobile"), get, put, memo=False)


def _build_phone_either(spec: Spec) -> Lens:
    rule = spec.rule

    def get(given: Given) -> tuple[Reading, ...]:
        number, numbers = given.raws
        if number is not MISSING and text_of(number) is not None:
            return _read_phone(rule, number, None, given)
        if not isinstance(numbers, list):
            return _NO_PHONE if number is MISSING and numbers is MISSING else _EMPTY_PHONE
        at = _usable(numbers)
        if at is None:
            return _EMPTY_PHONE
        entry = numbers[at]
        return _read_phone(rule, entry.get("national_number"), _entry_code(entry), given)

    def put(asked: Mapping[str, Value], given: Given) -> Raws:
        if "phone" not in asked:
            return (KEEP, KEEP)
        value = asked["phone"]
        number, numbers = given.raws
        # The shape that the record has is the one its API version takes (reference of Inventorum, section 3).
        if not isinstance(numbers, list) or (number is not MISSING and text_of(number) is not None):
            return (spec.blank if value is None else value, KEEP)
        if not isinstance(value, str):
            return (KEEP, [])  # a second number left behind would be read as the phone from now on
        at = _usable(numbers)
        entry = _entry(value, {} if at is None else numbers[at])
        return (KEEP, [*numbers, entry] if at is None else [*numbers[:at], entry, *numbers[at + 1 :]])

    return Lens(("phone", "mobile"), get, put, memo=False)


def _usable(numbers: list[Any]) -> int | None:
    """The place of the first entry that holds a number."""
    for place, entry in enumerate(numbers):
        if isinstance(entry, dict) and text_of(entry.get("national_number")) is not None:
            return place
    return None


def _entry_code(entry: Mapping[str, Any]) -> int | None:
    # Documented as `county_code`, seen as `country_code` (reference of Inventorum, section 3).
    return _dial_code(entry.get("country_code") or entry.get("county_code"))


def _entry(e164: str, old: Mapping[str, Any]) -> dict[str, Any]:
    dial_code, national = split_e164(e164)
    spellings = [key for key in ("country_code", "county_code") if key in old] or ["country_code", "county_code"]
    kind = {} if "type" in old else {"type": "mobile" if mobile_of(e164) else "normal"}
    return {**old, "national_number": national, **dict.fromkeys(spellings, str(dial_code)), **kind}


def _dial_code(raw: Raw) -> int | None:
    text = None if raw is MISSING else text_of(raw)
    digits = (text or "").removeprefix("+").removeprefix("00")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 4 else None


EMAIL = Transform(
    about="An e-mail address; compared in lower case and NFC. An impossible one stays as it is and is not matched on.",
    units=frozenset({"email"}),
    roles={"email": "the field"},
    required=frozenset({"email"}),
    build=_build_email,
)

VAT = Transform(
    about="A VAT number, written with its country prefix. A missing one is taken from the record's country, else the "
    "system's region.",
    units=frozenset({"vat_number"}),
    roles={"number": "the field"},
    required=frozenset({"number"}),
    build=_build_vat,
)

PHONE = Transform(
    about="A phone number in one field; written in E.164. An extension stays until the number changes.",
    units=frozenset({"phone"}),
    roles={"number": "the field"},
    required=frozenset({"number"}),
    build=_build_phone,
)

PHONE_PARTS = Transform(
    about="A phone number as dial code (integer) and national significant number (text).",
    units=frozenset({"phone"}),
    roles={"dial_code": "the calling code without +", "number": "the national number"},
    required=frozenset({"dial_code", "number"}),
    build=_build_phone_parts,
)

PHONE_EITHER = Transform(
    about="Inventorum's phone: one string (version 10) or a list of objects (version 9). The shape that is there is "
    "written, the string for new records. Other entries of the list, ids and types stay.",
    units=frozenset({"phone"}),
    roles={"number": "the string", "numbers": "the list"},
    required=frozenset({"number", "numbers"}),
    build=_build_phone_either,
)
