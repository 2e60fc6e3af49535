"""What the numbering plans say about digits: calling codes, regions, and the kind of a national number.

`phonenumbers` holds the plans. Its own functions look every pattern up again for each number; here each plan is compiled once. A
property test holds both together, for every region.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import phonenumbers as library
from phonenumbers import PhoneNumberType

KINDS = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
_BEFORE_FIXED = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")

_Matches = Callable[[str], Any]
_Described = tuple[frozenset[int], _Matches]
"""The lengths of one kind of number, none where any will do, and its pattern."""


def split_e164(e164: str) -> tuple[int, str]:
    """Calling code and national significant number, Italian zeros included; (0, '') when it is no E.164 number."""
    digits = e164[1:] if e164[:1] == "+" else e164
    if not (digits.isascii() and digits.isdigit()):
        return 0, ""
    length = _code_length(digits[:3])
    return (int(digits[:length]), digits[length:]) if length else (0, "")


@lru_cache(maxsize=1200)
def _code_length(start: str) -> int:
    """How many of these first digits are a calling code; 0 for none."""
    return next((n for n in (1, 2, 3) if start[0] != "0" and int(start[:n]) in library.COUNTRY_CODE_TO_REGION_CODE), 0)


def kind_and_region(code: int, national: str) -> tuple[str, str] | None:
    """The kind of a national significant number and its region (001 for no country's), or None when it is not valid."""
    for region, leading, plan in _plans(code):
        if leading is not None:
            if leading(national):
                kind = plan(national)
                return (kind, region) if kind else None
        elif kind := plan(national):
            return kind, region
    return None


@cache
def _plans(code: int) -> tuple[tuple[str, _Matches | None, Callable[[str], str]], ...]:
    """(region, its leading digits where several share the code, national number → kind or '')."""
    regions = library.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    found = []
    for region in regions:
        plan = library.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if plan is not None:
            leading = re.compile(plan.leading_digits).match if plan.leading_digits and len(regions) > 1 else None
            found.append((region, leading, _kinds_of(plan)))
    return tuple(found)


def _kinds_of(plan: Any) -> Callable[[str], str]:
    """A function from national numbers to kinds, in the order in which the library asks for them."""
    general = _described(plan.general_desc)
    special = [
        (KINDS[getattr(PhoneNumberType, name.upper())], described)
        for name in _BEFORE_FIXED
        if (described := _described(getattr(plan, name))) is not None
    ]
    fixed, mobile = _described(plan.fixed_line), _described(plan.mobile)
    one_pattern = bool(plan.same_mobile_and_fixed_line_pattern)

    def is_one(described: _Described | None, national: str, length: int) -> bool:
        return described is not None and (not described[0] or length in described[0]) and bool(described[1](national))

    def kind_of(national: str) -> str:
        length = len(national)
        if not is_one(general, national, length):
            return ""
        for kind, (lengths, matches) in special:
            if (not lengths or length in lengths) and matches(national):
                return kind
        if is_one(fixed, national, length):
            return "fixed_or_mobile" if one_pattern or is_one(mobile, national, length) else "fixed"
        return "mobile" if not one_pattern and is_one(mobile, national, length) else ""

    return kind_of


def _described(desc: Any) -> _Described | None:
    if desc is None or not desc.national_number_pattern:
        return None
    return frozenset(desc.possible_length), re.compile(desc.national_number_pattern).fullmatch


@cache
def is_plain_plan(code: int) -> bool:
    """Whether numbers of this code have at most a trunk zero in front: no carrier codes, no rewriting."""
    return all(prefix in ("", "0") for prefix in _trunk_prefixes(code))


@cache
def has_trunk_zero(code: int) -> bool:
    """Whether national numbers of this code are dialled with a zero in front, in all its regions."""
    return all(prefix == "0" for prefix in _trunk_prefixes(code))


def _trunk_prefixes(code: int) -> list[str]:
    plans = map(library.PhoneMetadata.metadata_for_region, library.COUNTRY_CODE_TO_REGION_CODE.get(code, ()))
    return [str(plan.national_prefix_for_parsing or "") if plan else "?" for plan in plans]


@cache
def calling_code(region: str) -> int:
    """The calling code of a region; 0 for none."""
    return int(library.country_code_for_region(region))


def known_region(raw: object) -> str:
    """A region that the library knows, in capitals, or ''."""
    region = raw.strip().upper() if isinstance(raw, str) else ""
    return region if region in library.SUPPORTED_REGIONS else ""


@lru_cache(maxsize=256)
def known_regions(raws: tuple[str, ...]) -> tuple[str, ...]:
    """Those of these that the library knows."""
    return tuple(filter(None, map(known_region, raws)))


def region_of(code: str, country: str) -> str:
    """The region to read a national number in: the address's if it has this code, else the code's main one."""
    regions = library.COUNTRY_CODE_TO_REGION_CODE.get(split_e164(code + "000")[0], ())
    return country if country in regions else (regions[0] if regions and regions[0] != "001" else "")
