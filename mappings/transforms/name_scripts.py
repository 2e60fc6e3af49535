"""Names whose parts are found by other rules than European ones: Arabic names in both scripts, and East Asian names.

Each function takes cleaned words without titles and returns (given names, family name).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mappings.transforms import name_words as words

Parts = tuple[str, str]

_ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]")
_MARKS = re.compile("[\u064b-\u065f\u0670\u0640]")  # vowel signs and tatweel: kept in names, ignored in comparisons
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af々]")
_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7af]")
_KATAKANA_NAME = re.compile("[\u30a0-\u30ff]+")
_LATIN_LINKS = ("ud", "ul", "ur", "ed", "uz", "us")


# --- Arabic --------------------------------------------------------------------------------------------------------


def is_arabic(tokens: Sequence[str], country: str | None) -> bool:
    """Whether the words follow Arabic rules: by script, by country, or by an article or father's name in them."""
    if any(_ARABIC.search(token) for token in tokens):
        return True
    norms = [_plain(token) for token in tokens]
    if country in words.ARAB:
        return True
    last = len(norms) - 1
    for index, norm in enumerate(norms):
        if norm in words.THEOPHORIC and index < last:
            return True
        if norm in ("abu", "abou", "umm") and index < last:
            return True
        if index and index < last and (norm in words.AL_FAMILY or norm in ("ibn", "bint", "binti")):
            return True
        if norm == "bin" and 0 < index < last and norms[index - 1] not in words.CHINESE_FAMILY:
            return True
        if index and norm.startswith(words.AL_PREFIX) and len(norm) > 5:
            return True
    return False


def split_arabic(tokens: Sequence[str]) -> Parts:
    """A father's name (bin) and a kunya (Abu) are given names; the family name has the article or is the last.

    >>> split_arabic("Mohammed bin Salman Al Saud".split())
    ('Mohammed bin Salman', 'Al Saud')
    """
    units = _units(tokens)
    if len(units) < 2:
        return " ".join(tokens), ""
    start = len(units) - 1
    while start > 1 and units[start][1] == "article" and units[start - 1][1] == "article":
        start -= 1
    return " ".join(text for text, _ in units[:start]), " ".join(text for text, _ in units[start:])


def _units(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """The words grouped into names: [('Mohammed', 'name'), ('bin Salman', 'chain'), ('Al Saud', 'article')]."""
    units: list[tuple[str, str]] = []
    index = 0
    while index < len(tokens):
        length, kind = _unit_at(tokens, index)
        text = " ".join(tokens[index : index + length])
        if kind == "attached" and units:
            units[-1] = (f"{units[-1][0]} {text}", units[-1][1])
        else:
            units.append((text, kind))
        index += length
    return _fathers_joined(units)


def _fathers_joined(units: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A father's name joins the name before it, unless it is the last: then it serves as the family name."""
    joined: list[tuple[str, str]] = []
    for position, (text, kind) in enumerate(units):
        if kind == "chain" and joined and position < len(units) - 1:
            joined[-1] = (f"{joined[-1][0]} {text}", joined[-1][1])
        else:
            joined.append((text, kind))
    return joined


def _unit_at(tokens: Sequence[str], index: int) -> tuple[int, str]:
    """How many words belong together from `index` on, and what they are."""
    norm = _plain(tokens[index])
    left = len(tokens) - index - 1
    if norm in words.CHAIN and left and (index or norm in ("ابن", "ibn")):
        return 1 + _unit_at(tokens, index + 1)[0], "chain" if index else "name"
    if norm in words.THEOPHORIC and left:
        length = 2 if _plain(tokens[index + 1]) in words.AL_FAMILY and left > 1 else 1
        return 1 + length, "article" if norm.startswith("ال") else "name"
    if norm in words.KUNYA and left:
        return 1 + _unit_at(tokens, index + 1)[0], "name"
    if norm in words.AL_FAMILY and left:
        attached = _plain(tokens[index + 1]) in words.ATTACHED
        return (2, "attached") if attached else (1 + _unit_at(tokens, index + 1)[0], "article")
    if norm in _LATIN_LINKS and left and _plain(tokens[index + 1]) in words.ATTACHED:
        return 2, "attached"
    if index and (norm in ("allah", "ullah", "uddin", "eddine") or (norm in words.ATTACHED and _ARABIC.search(norm))):
        return 1, "attached"
    if norm.startswith(words.AL_PREFIX) and index:
        return 1, "attached" if norm.split("-", 1)[1] in words.ATTACHED else "article"
    return 1, "article" if norm.startswith("ال") and len(norm) > 4 and index else "name"


def _plain(token: str) -> str:
    return _MARKS.sub("", token).lower().strip(".,").replace("‑", "-")


# --- East Asian ----------------------------------------------------------------------------------------------------


def is_east_asian(text: str) -> bool:
    """Whether the name is written in Han, Kana or Hangul."""
    return _EAST_ASIAN.search(text) is not None


def split_east_asian(tokens: Sequence[str], country: str | None) -> Parts | None:
    """Family name first, with or without a space; None where only a dictionary could tell the two apart."""
    if len(tokens) == 1 and "・" in tokens[0]:  # a foreign name in katakana keeps its own order
        given, _, family = tokens[0].rpartition("・")
        return given, family
    if len(tokens) >= 2:
        return " ".join(tokens[1:]), tokens[0]
    word = tokens[0]
    length = _family_length(word, country)
    return (word[length:], word[:length]) if length else None


def join_east_asian(given: str, family: str) -> str:
    """Family name first; closed up where that can be split again."""
    closed = family + given
    if split_east_asian([closed], None) == (given, family):
        return closed
    if _KATAKANA_NAME.fullmatch(given) and _KATAKANA_NAME.fullmatch(family):
        return f"{given}・{family}"
    return f"{family} {given}"


def _family_length(word: str, country: str | None) -> int:
    if _HANGUL.match(word):
        return 0 if len(word) < 2 else 2 if word[:2] in words.HANGUL_DOUBLE_FAMILY and len(word) > 2 else 1
    japanese = country == "JP" or _KANA.search(word) or len(word) >= 4
    if japanese and word[:2] not in words.HAN_DOUBLE_FAMILY:
        return next((n for n in (3, 2) if len(word) > n and word[:n] in words.JAPANESE_FAMILY), 0)
    if not 2 <= len(word) <= 4:
        return 0
    return 2 if word[:2] in words.HAN_DOUBLE_FAMILY and len(word) > 2 else 1
