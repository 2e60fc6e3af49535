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
from phonenumbers import PhoneNumber, PhoneNumberType

from mappings.transforms.typed_text import fold_text


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

_KINDS = {
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
_PERSONAL = ("mobile", "fixed_or_mobile")
_VANITY = ("toll_free", "premium_rate", "shared_cost", "company")
_OPEN_PLANS = ("DE", "AT", "SE", "FI")
_MAX_NATIONAL = {"DE": 11}  # the library's German plan also takes longer ones, which are readings with 49 left inside

_LONGEST = 120
_LABELS = (
    r"mobiltelefon|mobilnummer|mobile?|mobil|mob|handynummer|handy|telefonnummer|telefoon|telefon|telefono|teléfono|telephone"
    r"|téléphone|telnr|tel|tlf|tfn|phone|fon|portable|port|móvil|movil|cellulare|cellular|cell|cel|gsm|privat|private|home|work|office"
    r"|büro|buero|dienstlich|geschäftlich|arbeit|festnetz|kontor|whatsapp|wa|nr|no|number|nummer|numéro|numero"
    r"|m|t|p|h|w|هاتف|جوال|الجوال|موبايل|تلفون|تليفون|رقم|الهاتف|واتساب|тел|моб|τηλ|κιν|電話|电话|手机|携帯"
)
# A one-letter label needs its colon or dot, else it is a slip of the finger.
_LABEL_BEFORE = re.compile(rf"^\W*(?:(?:{_LABELS})(?:[.:/=]+\s*|\s+|(?=[+(]|\d{{2}})))+(?=[+(\d])", re.IGNORECASE)
_LABEL_AFTER = re.compile(rf"\s*[(\[,;-]?\s*\b(?:{_LABELS})\b\.?\s*[)\]]?\s*$", re.IGNORECASE)
_ONE_LETTER_BARE = re.compile(r"^\W*[^\W\d_]{1,2}\s*(?=[+(\d])")
_EXTENSION = re.compile(
    r"[\s,;(.-]*(?:;ext=|(?:extension|extn?|durchwahl|dw|nebenstelle|app|apparat|anexo|int|linje|доб|poste|interno|wew|تحويلة)[.:\s]*|x\s?|#\s?|~\s?)"
    r"(\d{1,7})\)?\s*#?$",
    re.IGNORECASE,
)
_BETWEEN_NUMBERS = re.compile(
    r"[/;,|&\\]|\s(?:oder|or|und|and|og|eller|ou|et|o|y|e|u|i|lub|veya|أو|او|و|или)\s|\s-\s|(?<=\d)\s+(?=\+)"
)
_LETTER = re.compile(r"[^\W\d_]")
_LETTERS = re.compile(r"[^\W\d_]+")
_OUTER_WORDS = re.compile(
    r"^(?:[^\W\d_][^\d+]{2,}?[\s:(]+(?=[+(\d]))?([+(]?[\d\s().+/-]*\d)(?:[\s,(]+[^\W\d_][^\d]{2,})?$"
)


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
    return _parse(text, _dial_code(dial_code), _region(country), tuple(filter(None, map(_region, regions))))


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


@lru_cache(maxsize=65_536)
def split_e164(e164: str) -> tuple[int, str]:
    """Calling code and national significant number, Italian zeros included; (0, '') when it is no E.164 number."""
    digits = e164.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return 0, ""
    for length in (1, 2, 3):
        if int(digits[:length]) in library.COUNTRY_CODE_TO_REGION_CODE and digits[0] != "0":
            return int(digits[:length]), digits[length:]
    return 0, ""


# --- from text to digits -------------------------------------------------------------------------------------------


@lru_cache(maxsize=65_536)
def _parse(raw: str, dial_code: str, country: str, regions: tuple[str, ...]) -> Phone:
    text = fold_text(raw)
    if text is None:
        return NOTHING
    text = _SPREADSHEET_FLOAT.sub(r"\1", text.translate(_DASHES).removeprefix("tel:"))
    text, extension = _take_extension(text)
    text = _LABEL_AFTER.sub("", _LABEL_BEFORE.sub("", text)) if _LETTER.search(text) else text
    if not any(character.isdigit() for character in text):
        return Phone(None, problem="no digits")
    context = (dial_code, country, regions)
    if _LETTER.search(text):
        return _with_letters(text, extension, context)
    return _finish(_resolve(text, *context), extension)


_SPREADSHEET_FLOAT = re.compile(r"^(\d{6,})\.0$")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−ー"), "-")


def _take_extension(text: str) -> tuple[str, str | None]:
    if found := _EXTENSION.search(text):
        before = text[: found.start()]
        if sum(character.isdigit() for character in before) >= 5:
            return before, found[1]
    return text, None


def _with_letters(text: str, extension: str | None, context: tuple[str, str, tuple[str, ...]]) -> Phone:
    """`1-800-FLOWERS` is a number, a remark around the number is no part of it, a lone letter is a typing error."""
    if any(len(run) < 3 for run in _LETTERS.findall(text)) and not re.search(r"[^\W\d_]{3}", text):
        return Phone(None, problem="letters inside the number")
    if text.isascii() and re.fullmatch(r"[+\d\s().-]+[A-Za-z][A-Za-z\d\s.-]{2,}", text):
        keypad = library.convert_alpha_characters_in_number(text)
        vanity = _resolve(keypad, *context)
        if vanity.kind in _VANITY:
            return _finish(vanity, extension)
    if bare := _OUTER_WORDS.match(text):
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
        yield dial_code, _region_of(dial_code, country), f"read with its dial code {dial_code}"
        return
    if country:
        yield "", country, f"read in {country}, the country of the address"
    for region in regions:
        if region != country:
            yield "", region, f"read in {region}, the system's region"


def _two_numbers(text: str, dial_code: str, country: str, regions: tuple[str, ...]) -> bool:
    """`0176 12345678 / 030 1234567`: what stands before a separator is a number by itself and more digits follow."""
    for found in _BETWEEN_NUMBERS.finditer(text):
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
    code = str(library.country_code_for_region(region))
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
    return _described(number)


def _read_plainly(text: str, region: str | None) -> Phone | None:
    """The same without the library's parser, which takes half the time, where it would have nothing to do.

    None where it would: a code, trunk or carrier prefix in front, or a number that is not valid as it stands.
    """
    if text[0] == "+":
        code, national = split_e164(text)
    elif region and text.isdigit():
        code = library.country_code_for_region(region)
        if text.startswith(str(code)):
            return None
        national = text[1:] if text[0] == "0" and _has_trunk_zero(code) else text
    else:
        return None
    if not 5 <= len(national) <= 15 or national[0] == "0" or not _is_plain_plan(code):
        return None
    return _described(PhoneNumber(country_code=code, national_number=int(national)))


@lru_cache
def _is_plain_plan(code: int) -> bool:
    """Whether numbers of this code have at most a trunk zero in front: no carrier codes, no rewriting."""
    return all(prefix in ("", "0") for prefix in _trunk_prefixes(code))


@lru_cache
def _has_trunk_zero(code: int) -> bool:
    return all(prefix == "0" for prefix in _trunk_prefixes(code))


def _trunk_prefixes(code: int) -> list[str]:
    plans = map(library.PhoneMetadata.metadata_for_region, library.COUNTRY_CODE_TO_REGION_CODE.get(code, ()))
    return [str(plan.national_prefix_for_parsing or "") if plan else "?" for plan in plans]


def _described(number: PhoneNumber) -> Phone | None:
    kind = _KINDS.get(library.number_type(number))  # an invalid number has no type
    region = library.region_code_for_number(number)
    if kind is None or region is None:
        return None
    national = library.national_significant_number(number)
    if len(national) > _MAX_NATIONAL.get(region, 15):
        return None
    return Phone(f"+{number.country_code}{national}", kind, region, None, number.country_code, national)


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
    text = fold_text(raw) or ""
    if len(text) > 12:
        return ""
    digits = "".join(filter(str.isdigit, text)).lstrip("0")
    return digits if digits and split_e164(digits + "000")[0] and len(digits) <= 4 else ""


def _region(raw: object) -> str:
    """A region that the library knows, in capitals, or ''."""
    region = raw.strip().upper() if isinstance(raw, str) else ""
    return region if region in library.SUPPORTED_REGIONS else ""


def _region_of(dial_code: str, country: str) -> str:
    """The region to read a national number in: the address's if it has this code, else the code's main one."""
    code = split_e164(dial_code + "000")[0]
    regions = library.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    return country if country in regions else (regions[0] if regions and regions[0] != "001" else "")
