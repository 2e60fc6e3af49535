"""The phone of a customer: one string from version 10 on, a list of objects before (reference, section 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.base import Payload

CODE_KEYS = ("country_code", "county_code")
"""Both spellings of the dial code; the second is the documentation's."""


def in_version(version: int, body: Payload, present: Mapping[str, Any]) -> Payload:
    """The request body with its phone under this version's attribute; the other one would be ignored in silence."""
    if version < 10 and "phone_number" in body:
        rest = {name: value for name, value in body.items() if name != "phone_number"}
        return {**rest, "phone_numbers": _as_list(body["phone_number"], present.get("phone_numbers"))}
    if version < 10 and body.get("phone_numbers"):
        return {**body, "phone_numbers": [_both_codes(phone) for phone in body["phone_numbers"]]}
    if version >= 10 and "phone_numbers" in body:
        rest = {name: value for name, value in body.items() if name != "phone_numbers"}
        return {**rest, "phone_number": _as_text(body["phone_numbers"])}
    return body


def without(keys: frozenset[str], body: Payload) -> Payload:
    """The body without the spellings of the dial code that this server refuses."""
    if not keys or not body.get("phone_numbers"):
        return body
    kept = [{name: value for name, value in phone.items() if name not in keys} for phone in body["phone_numbers"]]
    return {**body, "phone_numbers": kept}


def was_ignored(body: Payload, payload: Payload) -> bool:
    """Whether a phone was sent and the record does not show its digits, in either version's attribute."""
    sent = _digits(body.get("phone_number")) or _digits(_first(body.get("phone_numbers")).get("national_number"))
    if not sent:
        return False
    held = [_digits(payload.get("phone_number"))]
    held += [_digits(phone.get("national_number")) for phone in payload.get("phone_numbers") or []]
    # Either may carry the dial code or the trunk zero.
    return not any(number and (number in sent or sent in number) for number in (n.lstrip("0") for n in held))


def _as_list(number: str, present: Any) -> list[Payload]:
    """The first phone replaced, the others as they are."""
    others = [dict(phone) for phone in present or []]
    if not number:
        return others[1:]
    code, national = _split_dial_code(number)
    first = others[0] if others else {"type": "normal"}
    code = code or str(next((first[key] for key in CODE_KEYS if first.get(key)), ""))
    return [{**first, "national_number": national, **dict.fromkeys(CODE_KEYS, code)}, *others[1:]]


def _as_text(phones: Any) -> str:
    first = _first(phones)
    code, national = (
        _digits(next((first[key] for key in CODE_KEYS if first.get(key)), "")),
        first.get("national_number"),
    )
    text = str(national or "")
    return f"+{code}{text}" if code and text and not text.startswith(("0", "+")) else text


def _both_codes(phone: Mapping[str, Any]) -> Payload:
    code = next((phone[key] for key in CODE_KEYS if phone.get(key)), None)
    return dict(phone) if code is None else {**phone, **dict.fromkeys(CODE_KEYS, code)}


def _first(phones: Any) -> Mapping[str, Any]:
    first = phones[0] if isinstance(phones, list) and phones else None
    return first if isinstance(first, dict) else {}


def _digits(value: Any) -> str:
    return re.sub(r"\D", "", str(value or ""))


def _split_dial_code(number: str) -> tuple[str, str]:
    """("49", "1701234567") for "+491701234567"; no dial code where the number does not begin with +."""
    if not number.startswith("+"):
        return "", number
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return "", number
    return str(parsed.country_code), phonenumbers.national_significant_number(parsed)
