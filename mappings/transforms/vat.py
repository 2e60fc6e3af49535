"""VAT numbers to one form with their country's prefix, checked by the country's own rule.

EU states, Norway, Switzerland and the United Kingdom are checked by `python-stdnum`; Saudi Arabia and the Emirates
publish a length and a frame only. A number that fails is no key, and stays where it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mappings.transforms.typed_text import fold_text, word_set


@dataclass(frozen=True, slots=True)
class Vat:
    """`number` with prefix (`DE288362273`; `NO923609016`, no MVA; Greece `EL…`) or a `problem`, a fixed phrase.

    `country` is ISO 3166-1 alpha-2 (`GR` for the prefix `EL`, `GB` for `XI`; `EU` for one-stop-shop numbers).
    """

    number: str | None
    country: str | None = None
    valid: bool = False
    evidence: str = ""
    problem: str = ""


_NOTHING = Vat(None)

_CHECKED = word_set(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK EU GB CH NO SA AE"
)
_PREFIX_OF = {"GR": "EL"}
_COUNTRY_OF = {"EL": "GR", "XI": "GB"}
_TERRITORY_OF = {"MC": "FR", "IM": "GB", "SJ": "NO", "LI": "CH"}

_LABEL = re.compile(
    r"""(?:U\W*ST\W*-?\s*ID(?:ENT(?:IFIKATIONSNUMMER)?)?\W*(?:NR|NUMMER|NO)?|UMSATZSTEUER\W*ID\w*\W*(?:NR|NUMMER)?|UID\W*(?:NR|NUMMER)?
    |V\.?A\.?T\W*(?:REG(?:ISTRATION)?)?\W*(?:NUMBER|NUM|NO|NR|ID)?|TAX\W*(?:REGISTRATION)?\W*(?:NUMBER|NO|ID)|T\.?R\.?N\W*(?:NO|NUMBER)?
    |MVA\W*(?:NR|NUMMER)|ORG(?:ANISASJONS)?\W*(?:NR|NUMMER)|(?:N[°O]?\W*(?:DE\W*)?)?T\.?V\.?A\W*(?:INTRA\w*)?|BTW\W*(?:NR|NUMMER)?|P\W*IVA|PARTITA\W*IVA
    |MOMS\W*(?:REG)?\W*(?:NR|NUMMER)?|CVR\W*(?:NR|NUMMER)?|ALV\W*(?:NRO|NUMERO)?|N\.?I\.?F|C\.?I\.?F|NIPC|NIP|ΑΦΜ|Α\.Φ\.Μ|IČ\W*DPH|DIČ|PVM\W*KODAS|ADÓSZÁM|OIB
    |الرقم\s+الضريبي|رقم\s+التسجيل\s+الضريبي|رقم\s+ضريبي|ضريبة|NUMBER|NUMMER|NR|NO(?=[.:]))(?![A-Z])[\s.:#№=-]*""",
    re.VERBOSE,
)
_STEUERNUMMER = re.compile(r"\d{2,3}/\d{3,4}/\d{4,5}")
_STEUERNUMMER_LABEL = re.compile(r"ST(?:EUER)?\W*-?\s*(?:NR|NUMMER)|STEUER\W*NO")
_SEPARATORS = re.compile(r"[\s.\-/_:·,‐‑‒–—'’()]+")
_READY = re.compile(r"(?:[A-Z]{2})?[0-9]{8,15}")
_PREFIX_INSIDE = re.compile(rf"\b(?:{'|'.join(sorted(_CHECKED | set(_COUNTRY_OF)))})(?=[\s.:-]?[A-Z]?\d)")
_SUFFIX = {"NO": ("MVA", "MOMS"), "CH": ("MWST", "TVA", "IVA", "TPV", "VAT")}
_LONGEST = 120


def parse_vat(raw: object, *, country: str | None = None) -> Vat:
    """The number in normal form. `country` (ISO) is the address's; it serves where no prefix is written."""
    text = raw if isinstance(raw, str) else fold_text(raw)
    if text is None:
        return _NOTHING if raw is None else Vat(None, problem="not a VAT number")
    if len(text) > _LONGEST:
        return Vat(None, problem="too long for a VAT number")
    return _parse(text, country.strip().upper() if isinstance(country, str) else "")


@lru_cache(maxsize=65_536)
def _parse(raw: str, country: str) -> Vat:
    if _READY.fullmatch(raw):
        return _with_prefix(raw) or _judge(raw, _home(country))
    text = (fold_text(raw) or "").upper()
    if not text:
        return _NOTHING
    if not any(map(str.isdigit, text)):
        return Vat(None, problem="no digits")
    country = _home(country)
    if country in ("", "DE") and (_STEUERNUMMER.search(text) or _STEUERNUMMER_LABEL.search(text)):
        return Vat(None, problem="a German Steuernummer, not a VAT number")
    compact = _SEPARATORS.sub("", text)
    if found := _with_prefix(compact):
        return found
    bare = _SEPARATORS.sub("", _LABEL.sub("", text))
    if bare != compact and (found := _with_prefix(bare)):
        return found
    for mark in _PREFIX_INSIDE.finditer(text):  # behind words that no list of labels knows
        if any(map(str.isdigit, text[: mark.start()])):  # two numbers in one field: neither is meant alone
            break
        if found := _with_prefix(_SEPARATORS.sub("", text[mark.start() :])):
            return found
    if not country and bare.endswith("MVA") and (number := _checked("NO", bare)):
        return Vat("NO" + number, "NO", True, "its ending MVA")
    return _judge(bare, country)


def _home(country: str) -> str:
    """The state whose VAT numbers a country uses."""
    return _TERRITORY_OF.get(country, _COUNTRY_OF.get(country, country))


def _with_prefix(compact: str) -> Vat | None:
    """The number if it carries a prefix and is valid under it."""
    prefix = compact[:2]
    country = _COUNTRY_OF.get(prefix, prefix)
    if country not in _CHECKED or (country == "CH" and not compact.startswith("CHE")):
        return None
    number = _checked(country, compact[2:])
    if number is None:
        return None
    return Vat(prefix + number if prefix == "XI" else _with(country, number), country, True, f"its prefix {prefix}")


def _judge(compact: str, country: str) -> Vat:
    """What carries no prefix that fits: read in the country of the address, or not at all."""
    prefix = _COUNTRY_OF.get(compact[:2], compact[:2])
    if country in _CHECKED and prefix != country:
        number = _checked(country, compact)
        if number is not None:
            return Vat(_with(country, number), country, True, f"read in {country}, the country of the address")
    if prefix in _CHECKED and compact[2:3] and any(map(str.isdigit, compact)):
        return Vat(None, prefix, problem="wrong length, form or check digit")
    if not country:
        return Vat(None, problem="no country known for it")
    if country == "DE" and compact.isdigit() and len(compact) in (10, 11, 13):
        return Vat(None, country, problem="a German Steuernummer, not a VAT number")
    if country not in _CHECKED:
        return Vat(None, country, problem="no rule for that country")
    return Vat(None, country, problem="wrong length, form or check digit")


def _with(country: str, number: str) -> str:
    return _PREFIX_OF.get(country, country) + number


def _checked(country: str, number: str) -> str | None:
    """The number without prefix in its country's normal form, or None when it is not valid there."""
    for suffix in _SUFFIX.get(country, ()):
        number = number.removesuffix(suffix)
    # Zeros and the like pass several checksums; a frame of constants round nothing passes the two that have none.
    digits = [character for character in number if character.isdigit()]
    if not number.isascii() or not number.isalnum() or len(set(digits)) < (3 if country in ("SA", "AE") else 2):
        return None
    if country == "SA":
        return number if re.fullmatch(r"3\d{13}3", number) else None
    if country == "AE":
        return number if re.fullmatch(r"1\d{14}", number) else None
    return _by_stdnum(country, number)


def _by_stdnum(country: str, number: str) -> str | None:
    from stdnum.exceptions import ValidationError

    try:
        compact = str(_module(country).validate((country if country in ("CH", "EU") else "") + number))
    except (ValidationError, ValueError, IndexError, KeyError):  # the library's own slips on odd input count as invalid
        return None
    return compact.removeprefix(_PREFIX_OF.get(country, country)).removeprefix(country)


@lru_cache
def _module(country: str) -> Any:
    from stdnum.ch import uid
    from stdnum.eu import oss
    from stdnum.no import orgnr
    from stdnum.util import get_cc_module

    special = {"NO": orgnr, "CH": uid, "EU": oss}
    return special.get(country) or get_cc_module(country.lower(), "vat")
