"""Phone numbers to E.164, with the evidence for the country they were read in.

`phonenumbers` knows the numbering plans; this module decides which of a number's possible readings is meant, and
refuses where two people could be meant: a number that belongs to somebody else is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import phonenumbers as library

from mappings.transforms.phone_plans import (
    calling_code,
    has_trunk_zero,
    is_plain_plan,
    kind_and_region,
    known_region,
    known_regions,
    region_of,
    split_e164,
)
from mappings.transforms.phone_text import BETWEEN_NUMBERS, LETTER, LETTERS, OUTER_WORDS, bare_number
from mappings.transforms.typed_text import fold_text

__all__ = ["NOTHING", "Phone", "match_key", "mobile_of", "parse_phone", "same_number", "split_e164"]


@dataclass(frozen=True, slots=True)
class Phone:
    """One number as read. Without `e164` there is a `problem` (a fixed phrase), or nothing was there at all.

    `national` is the national significant number as text, Italian zeros included; `region` is 001 for no country's.
    """

    e164: str | None
    kind: str = ""
    region: str | None = None
    extension: str | None = None
    dial_code: int | None = None
    national: str | None = None
    evidence: str = ""
    problem: str = ""


NOTHING = Phone(None)

_PERSONAL = ("mobile", "fixed_or_mobile")
_VANITY = ("toll_free", "premium_rate", "shared_cost", "company")
_OPEN_PLANS = ("DE", "AT", "SE", "FI")
_MAX_NATIONAL = {"DE": 11}  # the library's German plan also takes longer ones, which are readings with 49 left inside

_LONGEST = 120


def parse_phone(
    raw: object, *, dial_code: object = None, country: str | None = None, regions: Sequence[str] = ()
) -> Phone:
    """The number that is meant. Evidence for its country, in order: `dial_code`, `+` or `00`, `country`, `regions`.

    `dial_code` is what a system keeps beside the number (966, '+966', '00966'; 0 and nonsense count as none);
    `country` is the record's own, `regions` are the system's and the workspace's, all ISO 3166-1 alpha-2.
    """
    text = raw if isinstance(raw, str) else fold_text(raw)
    if text is None:
        return NOTHING if raw is None else Phone(None, problem="not a number")
    if len(text) > _LONGEST:
        return Phone(None, problem="too long for a phone number")
    context = (_dial_code(dial_code), known_region(country), known_regions(tuple(regions)))
    return _well_formed(text, *context) or _parse(text, *context)


def match_key(phone: Phone) -> str | None:
    """The number when it can identify a person: mobile, or the kind that does not tell (US, DK); no extension."""
    return phone.e164 if phone.kind in _PERSONAL and not phone.extension else None


@lru_cache(maxsize=65_536)
def mobile_of(e164: str) -> str | None:
    """The number when it can identify a person, from its canonical form."""
    if not e164.startswith("+"):
        return None
    found = _read(e164, None)
    return e164 if found and found.e164 == e164 and found.kind in _PERSONAL else None


def same_number(
    raw: object, e164: str, *, dial_code: object = None, country: str | None = None, regions: Sequence[str] = ()
) -> bool:
    """Whether what a till holds already means this number, so that its own spelling may stay."""
    return parse_phone(raw, dial_code=dial_code, country=country, regions=regions).e164 == e164


# --- the short way -------------------------------------------------------------------------------------------------


def _well_formed(text: str, dial_code: str, country: str, regions: tuple[str, ...]) -> Phone | None:
    """What `_parse` says of a number that is plainly one, without its detours; None where only `_parse` can tell.

    Plain is: digits, spaces and at most a leading `+`; no calling code inside the national number; valid as it stands, or behind
    its trunk zero. A property test compares both ways, with the library's own parser, for every region.
    """
    digits = text.replace(" ", "")
    marked = digits[:1] == "+"
    if marked:
        digits = digits[1:]
    if not (digits.isdigit() and digits.isascii()):
        return None
    if digits[:2] == "00" and not marked:
        marked, digits = True, digits[2:]
    region = ""
    if marked:
        code, national = split_e164(digits)
        evidence = "read by its own + or 00"
    else:
        region = "" if dial_code else country or (regions[0] if regions else "")
        code = int(dial_code) if dial_code else calling_code(region) if region else 0
        national = digits[1:] if digits[0] == "0" and has_trunk_zero(code) else digits
        if dial_code:
            evidence = f"read with its dial code {dial_code}"
        else:
            evidence = f"read in {region}, the {'country of the address' if country else _SYSTEM_REGION}"
    if not 5 <= len(national) <= 15 or national[0] == "0" or national.startswith(str(code)) or not is_plain_plan(code):
        return None
    found = kind_and_region(code, national)
    if found is None or len(national) > _MAX_NATIONAL.get(found[1], 15):
        return None
    kind, home = found
    short_local = region in _OPEN_PLANS and kind == "fixed" and digits[0] != "0" and len(digits) <= 8
    typed_by_staff = national in _RUNS or digits in _RUNS or digits.count(digits[-1]) >= 7
    if short_local or typed_by_staff:
        return None
    return Phone(f"+{code}{national}", kind, home, None, code, national, evidence)


_SYSTEM_REGION = "system's region"


# --- from text to digits -------------------------------------------------------------------------------------------


@lru_cache(maxsize=65_536)
def _parse(raw: str, dial_code: str, country: str, regions: tuple[str, ...]) -> Phone:
    text, extension = bare_number(raw)
    if not text and fold_text(raw) is None:
        return NOTHING
    if not any(character.isdigit() for character in text):
        return Phone(None, problem="no digits")
    context = (dial_code, country, regions)
    if LETTER.search(text):
        return _with_letters(text, extension, context)
    return _finish(_resolve(text, *context), extension)


def _with_letters(text: str, extension: str | None, context: tuple[str, str, tuple[str, ...]]) -> Phone:
    """`1-800-FLOWERS` is a number, a remark around the number is no part of it, a lone letter is a typing error."""
    if any(len(run) < 3 for run in LETTERS.findall(text)) and not re.search(r"[^\W\d_]{3}", text):
        return Phone(None, problem="letters inside the number")
    if text.isascii() and re.fullmatch(r"[+\d\s().-]+[A-Za-z][A-Za-z\d\s.-]{2,}", text):
        keypad = library.convert_alpha_characters_in_number(text)
        vanity = _resolve(keypad, *context)
        if vanity.kind in _VANITY:
            return _finish(vanity, extension)
    if bare := OUTER_WORDS.match(text):
        return _finish(_resolve(bare[1], *context), extension)
    return Phone(None, problem="letters inside the number")


def _finish(phone: Phone, extension: str | None) -> Phone:
    return replace(phone, extension=extension) if extension and phone.e164 else phone


# --- from digits to the reading that is meant ----------------------------------------------------------------------


def _resolve(text: str, dial_code: str, country: str, regions: tuple[str, ...]) -> Phone:
    if _two_numbers(text, dial_code, country, regions):
        return Phone(None, problem="more than one number")
    plus, digits = _international(text)
    if not digits:
        return Phone(None, problem="more than one number")
    if digits.lstrip("0") in _RUNS or len(set(digits)) == 1:
        return Phone(None, problem="a placeholder")
    if plus:
        found = _explicit(digits)
        if found or "+" in text:
            return _judged(found, "read by its own + or 00", "no valid number of that country")
        digits = "00" + digits  # not everywhere is 00 the way abroad: Australia dials 0011
    first = ""
    for code, region, evidence in _readings(dial_code, country, regions):
        first = first or evidence
        found = _with_code(code, digits, region) if code else None
        if found is None and region:
            found = _national(digits, region)
        if found is not None:
            return _judged(found, evidence, "")
        if code:  # the till says which country it is: nothing else is tried
            return Phone(None, problem="no valid number of that dial code")
    return Phone(None, problem="no valid number of that country" if first else "no country known for it")


def _readings(dial_code: str, country: str, regions: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """(calling code, region, evidence) in the order of trust."""
    if dial_code:
        yield dial_code, region_of(dial_code, country), f"read with its dial code {dial_code}"
        return
    if country:
        yield "", country, f"read in {country}, the country of the address"
    for region in regions:
        if region != country:
            yield "", region, f"read in {region}, the {_SYSTEM_REGION}"


def _two_numbers(text: str, dial_code: str, country: str, regions: tuple[str, ...]) -> bool:
    """`0176 12345678 / 030 1234567`: what stands before a separator is a number by itself and more digits follow."""
    for found in BETWEEN_NUMBERS.finditer(text):
        before, after = text[: found.start()], text[found.end() :]
        if sum(map(str.isdigit, before)) >= 6 and any(map(str.isdigit, after)):
            plus, digits = _international(before)
            if plus:
                if _explicit(digits):
                    return True
                continue
            for code, region, _ in _readings(dial_code, country, regions):
                if (_with_code(code, digits, region) if code else _national(digits, region)) is not None:
                    return True
    return False


def _international(text: str) -> tuple[bool, str]:
    """Whether the number says itself that it is international, and its digits after the mark.

    A code written twice (`+49 +49 176…`, `+00966…`) counts once.
    """
    head, mark, tail = text.rpartition("+")
    if mark and "+" not in head and not any(map(str.isdigit, tail)):
        head, tail = "", head  # pasted from a right-to-left text, the plus stands behind
    digits = "".join(filter(str.isdigit, tail))
    before = "".join(filter(str.isdigit, head)).lstrip("0")
    if mark and (not before or digits.startswith(before)):
        digits = digits.lstrip("0") if digits.startswith("00") else digits
        return not digits.startswith("0"), digits
    if mark:
        return True, ""  # digits before a plus that are not its code: not one number
    if digits.startswith("00") and not digits.startswith("000"):
        return True, digits[2:]
    return False, digits


def _explicit(digits: str) -> Phone | None:
    """`digits` begin with a calling code."""
    code, national = split_e164("+" + digits)
    return _with_code(str(code), national, "") if code else None


def _with_code(code: str, digits: str, region: str) -> Phone | None:
    """A number whose calling code is known, whether or not the code was written into the number as well.

    The library reads `+49 4917612345678` as a valid German landline: where the code occurs twice, the reading without
    it wins when the other is invalid, too long for the plan, or not a mobile while this one is.
    """
    if (
        code == "39"
        and digits.startswith("03")
        and (mobile := _read("+39" + digits[1:], None))
        and mobile.kind == "mobile"
    ):
        return mobile  # +39 (0)340…: the trunk zero of other countries; Italian mobiles have none
    direct = _read("+" + code + digits, None)
    if region and direct is None:  # only the region knows its trunk prefix and carrier codes
        direct = _read(digits, region)
        direct = direct if direct and str(direct.dial_code) == code else None
    inner = digits.lstrip("0")
    if not inner.startswith(code):
        return direct
    repeated = _read("+" + inner, None)
    if repeated is None or direct is None:
        return repeated or direct
    return repeated if repeated.kind == "mobile" != direct.kind else direct


def _national(digits: str, region: str) -> Phone | None:
    """A number without any mark, read in a region.

    Written without its trunk zero and beginning with the calling code, a landline is far likelier `49 30 …` without its
    plus than the area 04930 without its zero; a mobile (Norway's 47123456, Italy's 3931234567) is one as it stands.
    """
    direct = _read(digits, region)
    if _lacks_area_code(direct, digits, region):
        return None
    code = str(calling_code(region))
    inner = digits.lstrip("0")
    if not inner.startswith(code) or (direct and direct.kind in _PERSONAL):
        return direct
    marked = _read("+" + inner, None)
    if marked is None or direct is None:
        return marked or direct
    return direct if inner != digits and marked.kind != "mobile" else marked


def _lacks_area_code(direct: Phone | None, digits: str, region: str) -> bool:
    """Where subscriber numbers vary in length, a short landline without trunk zero is local: its area is not known."""
    return bool(direct and direct.kind == "fixed" and region in _OPEN_PLANS and digits[0] != "0" and len(digits) <= 8)


def _read(text: str, region: str | None) -> Phone | None:
    """What the library makes of `+digits`, or of digits in a region, if that is a valid number of the right length."""
    if direct := _read_plainly(text, region):
        return direct
    try:
        number = library.parse(text, region)
    except library.NumberParseException:
        return None
    return _valid(number.country_code or 0, library.national_significant_number(number))


def _read_plainly(text: str, region: str | None) -> Phone | None:
    """The same without the library's parser, which takes half the time, where it would have nothing to do.

    None where it would: a code, trunk or carrier prefix in front, or a number that is not valid as it stands.
    """
    if text[0] == "+":
        code, national = split_e164(text)
    elif region and text.isdigit():
        code = calling_code(region)
        if text.startswith(str(code)):
            return None
        national = text[1:] if text[0] == "0" and has_trunk_zero(code) else text
    else:
        return None
    if not 5 <= len(national) <= 15 or national[0] == "0" or not is_plain_plan(code):
        return None
    return _valid(code, national)


def _valid(code: int, national: str) -> Phone | None:
    found = kind_and_region(code, national)
    if found is None or len(national) > _MAX_NATIONAL.get(found[1], 15):
        return None
    return Phone(f"+{code}{national}", found[0], found[1], None, code, national)


def _judged(found: Phone | None, evidence: str, problem: str) -> Phone:
    if found is None or found.national is None:
        return Phone(None, problem=problem)
    # Valid to the library, and yet what staff type to get past a required field: 55555555, 0500000000.
    if found.kind in _STAFF_TYPE and (_SAME_DIGIT.search(found.national) or found.national in _RUNS):
        return Phone(None, problem="a placeholder")
    return replace(found, evidence=evidence)


_STAFF_TYPE = (*_PERSONAL, "fixed")
_SAME_DIGIT = re.compile(r"(\d)\1{6,}$")
_RUNS = frozenset({"1234567", "12345678", "123456789", "1234567890", "987654321", "9876543210", "12345678901"})


# --- context -------------------------------------------------------------------------------------------------------


def _dial_code(raw: object) -> str:
    """The digits of a calling code ('966'), or '' for none, zero and nonsense."""
    if type(raw) is int or raw is None:
        return _dial_code_in(str(raw or 0))
    return _dial_code_in(fold_text(raw) or "")


@lru_cache(maxsize=1024)
def _dial_code_in(text: str) -> str:
    if len(text) > 12:
        return ""
    digits = "".join(filter(str.isdigit, text)).lstrip("0")
    return digits if digits and len(digits) <= 4 and split_e164(digits + "000")[0] else ""
