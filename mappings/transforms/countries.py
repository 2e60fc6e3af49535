"""Country names in any language to ISO 3166-1 alpha-2: CLDR's territory names, and what people say instead.

The tables are built on first need, nearer languages first: most records carry a code and need none of them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from mappings.transforms.typed_text import clean_text

# ISO 3166-1, and XK, which CLDR and the telephone numbering plan use for Kosovo.
_ISO_CODES = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
CODES = frozenset(_ISO_CODES.split())

# The order settles a name that means two countries in two languages: the earlier language wins. The home markets of the
# three vendors and their neighbours come first.
_NEAR_LANGUAGES = ("en", "de", "nb", "nn", "ar", "fr", "da", "sv", "nl", "es")
_MORE_LANGUAGES = """
    it pt pl tr fi cs sk hu ro el ru uk bg hr sr sl et lv lt ga mt is sq mk bs ca eu gl fa he ur hi bn ta id ms th vi zh
    zh_Hant ja ko
"""

_SAID_INSTEAD = {
    "AE": "UAE|U A E|Emirates|The Emirates|Emirate|VAE|الامارات|الإمارات العربية|دولة الإمارات العربية المتحدة",
    "AT": "Oesterreich|Republik Österreich",
    "BA": "Bosnia|Bosnien",
    "CD": "DR Congo|Democratic Republic of the Congo",
    "CG": "Republic of the Congo",
    "CI": "Ivory Coast",
    "CH": "Switzerland CH|Die Schweiz|Confoederatio Helvetica",
    "CZ": "Czech Republic|Tschechische Republik|Česká republika",
    "DE": "BRD|Bundesrepublik Deutschland|Federal Republic of Germany|Deutschl|Germany DE",
    "DK": "Kongeriget Danmark",
    "EG": "Arab Republic of Egypt|جمهورية مصر العربية",
    "GB": "UK|U K|Great Britain|England|Scotland|Wales|Northern Ireland|Großbritannien|Storbritannia|Britain",
    "HK": "Hong Kong|Hongkong",
    "IE": "Republic of Ireland|Eire|Irish Republic",
    "IR": "Islamic Republic of Iran",
    "JO": "Hashemite Kingdom of Jordan",
    "KR": "Korea|Republic of Korea",
    "KW": "State of Kuwait|دولة الكويت",
    "MM": "Burma|Birma",
    "MO": "Macau|Macao",
    "MK": "Macedonia|Mazedonien",
    "NL": "Holland|The Netherlands|Nederlande",
    "NO": "Kongeriket Norge",
    "PS": "Palestine|State of Palestine|Palästina|Palestina|فلسطين",
    "QA": "State of Qatar|دولة قطر",
    "RU": "Russian Federation|Russische Föderation",
    "SA": "KSA|K S A|Saudi|Saudi Arabien|Kingdom of Saudi Arabia|The Kingdom of Saudi Arabia|السعودية|Saudia",
    "SY": "Syrian Arab Republic",
    "SZ": "Swaziland",
    "TR": "Turkey|Republic of Türkiye",
    "US": "USA|U S A|U S|America|United States of America|Vereinigte Staaten von Amerika|EUA|EEUU|EE UU",
    "VA": "Vatican|Vatikan|Holy See",
}

_MARKS = re.compile(r"[\u0300-\u036f\u064b-\u065f\u0670\u0640]")
_AMBIGUOUS = frozenset({"congo", "kongo"})  # two countries in every language
_ARABIC = str.maketrans("أإآٱىة", "اااايه")
_LATIN = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"})


def country_code(raw: object) -> str | None:
    """The ISO code of a country's code or name, or None where it is none we know.

    >>> country_code("de"), country_code("Norvège"), country_code("المملكة العربية السعودية"), country_code("Berlin")
    ('DE', 'NO', 'SA', None)
    """
    if not isinstance(raw, str):
        return None
    return raw if raw in CODES else _look_up(raw)


@lru_cache(maxsize=4096)
def _look_up(raw: str) -> str | None:
    text = clean_text(raw)
    if text is None or len(text) > 100:
        return None
    code = text.upper()
    if code in CODES:
        return code
    if len(code) == 3 and code.isascii() and code.isalnum():  # alpha-3 and numeric codes
        return _three(code)
    folded = _fold(text)
    if not folded or folded in _AMBIGUOUS:
        return None
    for stage in range(len(_STAGES)):
        found = _names(stage).get(folded)
        if found is not None:
            return found
    return None


def _three(code: str) -> str | None:
    by_table = _names(0).get(_fold(code))  # KSA, UAE and USA are said; KSA is no ISO code
    if by_table is not None:
        return by_table
    from babel.core import get_global

    aliases: Any = get_global("territory_aliases")
    found: list[str] = aliases.get(code) or []
    return found[0] if len(found) == 1 and found[0] in CODES else None


def _fold(text: str) -> str:
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).translate(_ARABIC).translate(_LATIN)
    # Not \W: the vowel signs of Indic scripts are marks, and names differ by nothing else.
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain).split())


# A stage is built only when the one before did not know the name.
_STAGES: tuple[tuple[str, ...], ...] = ((), _NEAR_LANGUAGES, tuple(_MORE_LANGUAGES.split()))


@lru_cache(maxsize=len(_STAGES))
def _names(stage: int) -> dict[str, str]:
    if stage == 0:
        return {_fold(name): code for code, names in _SAID_INSTEAD.items() for name in names.split("|")}
    from babel import Locale

    names: dict[str, str] = {}
    for language in _STAGES[stage]:
        territories: Any = Locale.parse(language).territories
        for code, name in territories.items():
            if code.removesuffix("-alt-short").removesuffix("-alt-variant") in CODES:
                names.setdefault(_fold(name), code[:2])
    return names
