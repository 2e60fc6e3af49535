"""One name field into its parts and back: titles, suffixes, comma forms, and who is no person at all.

Splitting is not invertible in general, so what a system gave is kept, and a name is only split again when it changed.
What cannot be split safely is kept whole as the given name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mappings.transforms import name_words as words
from mappings.transforms import organisation_words as firms
from mappings.transforms.name_kinds import (
    is_household,
    is_ordinary,
    is_ordinary_word,
    is_organisation,
    is_placeholder,
    strip_legal_form,
)
from mappings.transforms.name_order import split_words
from mappings.transforms.name_scripts import is_arabic, is_east_asian, join_east_asian, split_arabic, split_east_asian
from mappings.transforms.typed_text import clean_text, word_set

__all__ = [
    "ParsedName",
    "clean_text",
    "is_household",
    "is_ordinary",
    "is_organisation",
    "is_placeholder",
    "join_name",
    "parse_name",
    "strip_legal_form",
    "two_plain_words",
]


@dataclass(frozen=True, slots=True)
class ParsedName:
    """A name field as read. Only a `person` has parts; `given` is all given names, `note` what the split rests on."""

    kind: str
    title: str = ""
    given: str = ""
    middle: str = ""
    family: str = ""
    suffix: str = ""
    note: str = ""


_LONGEST = 200
_FAMILY_FIRST = word_set("HU VN CN TW HK SG MO KR JP")

_PLAIN_WORD = re.compile("[A-ZÀ-ÖØ-ÞŁŚŠŽČĆŻŹİŞĞŐŰ][a-zß-öø-ÿĀ-ž]{2,30}|[\u0621-\u063a\u0641-\u064a]{3,30}")
_TELLING = frozenset().union(
    words.TITLES,
    words.TITLE_PARTS,
    *words.LOCAL_TITLES.values(),
    words.TRAILING_TITLES,
    words.SUFFIXES,
    words.MAIDEN_MARKS,
    words.PARTICLES,
    words.NOBILITY,
    words.THEOPHORIC,
    words.KUNYA,
    words.CHAIN,
    words.AL_FAMILY,
    words.ATTACHED,
    firms.LEGAL_FORMS,
    map(str.lower, firms.SHORT_FORMS),
    firms.LEADING_FORMS,
    firms.LEADING_WORDS,
    firms.ENDING_WORDS,
    firms.TRADES,
    firms.PARTNERS,
    firms.HOUSEHOLDS,
    firms.HOUSEHOLD_ENDINGS,
    firms.JOINTS,
    firms.PLACEHOLDERS,
    firms.PLACES_IN_HOUSE,
    ("co", "alias", "aka"),
)
"""Words that mean something: a name with one of them goes the long way."""

_BRACKETS = re.compile(r"\s*[(\[{][^()\[\]{}]*[)\]}]\s*|\s*[\"„“«][^\"„“”«»]+[\"“”»]\s*|(?<=\s)['‘][^'’]+['’](?=\s)")
_OPENING = frozenset("([{\"„“«'‘")
_NO_SPACE_BEHIND_TITLE = re.compile(r"(?<!\S)((?:Dr|Prof|Mrs|Mr|Ms|Fr|Hr|Ing|Sra|Sr|Mag|Dott)\.)(?=[A-ZÀ-Þ]|med\b)")
_ARABIC_SHORT_TITLE = re.compile(r"^([دمأا])\s*[./]\s*(?=\S)")
_ATTENTION = re.compile(
    r"^(?:z\. ?hd?\.?(?: ?v\.)?|zu händen(?: von)?|attn?\.?|attention|c/o|à l'attention de|t\.a\.v\.)\s*:?\s+",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\s*[,،，;]\s*")
_NO_LETTER = re.compile(r"[\W_]+")
_HONORIFIC = re.compile(r"(\w+?)(先生|女士|小姐|さん|様|さま|님|씨)")
_BORN_IN_NORWEGIAN = ("f.", "f.:")
_CUTS = word_set("c/o alias aka a.k.a. a.k.a")


def parse_name(raw: object, *, country: str | None = None) -> ParsedName:
    """The parts of a name in one field; `country` (ISO) settles what form alone leaves open (two surnames in ES)."""
    text = clean_text(raw[: 4 * _LONGEST] if isinstance(raw, str) and len(raw) > 8 * _LONGEST else raw)
    if text is None:
        return ParsedName("placeholder", note="nothing there")
    region = country.strip().upper() if isinstance(country, str) else None
    if plain := two_plain_words(text, region):
        return ParsedName("person", given=plain[0], family=plain[1], note=TWO_PLAIN_WORDS)
    if len(text) > _LONGEST:
        whole = clean_text(raw) or text
        return ParsedName("person", given=whole, note="too long to split, kept whole")
    return _parse(text, region)


TWO_PLAIN_WORDS = "two plain words"


def two_plain_words(text: str, country: str | None) -> tuple[str, str] | None:
    """(given, family) of clean text that is a given and a family name and nothing else; None where more must be asked."""
    first, _, last = text.partition(" ")
    if not last or " " in last or country in _FAMILY_FIRST or not (_is_plain_word(first) and _is_plain_word(last)):
        return None
    return first, last


@lru_cache(maxsize=65_536)
def _is_plain_word(word: str) -> bool:
    return bool(_PLAIN_WORD.fullmatch(word)) and word.lower() not in _TELLING and is_ordinary_word(word)


def join_name(given: str | None, middle: str | None, family: str | None) -> str:
    """The parts as one name field shows them, in the order that their script writes them."""
    first = " ".join(part for part in (given, middle) if part)
    if first and family and not first.isascii() and is_east_asian(first) and is_east_asian(family):
        return join_east_asian(first, family)
    return " ".join(part for part in (first, family) if part)


@lru_cache(maxsize=65_536)
def _parse(text: str, country: str | None) -> ParsedName:
    if is_placeholder(text):
        return ParsedName("placeholder", note="names nobody")
    if is_organisation(_without_brackets(text), country=country):
        return ParsedName("org", note="a legal form or a trade in it")
    if is_household(text):
        return ParsedName("household", note="several people in one field")
    return _person(text, country)


def _without_brackets(text: str) -> str:
    """The name without a nickname, a maiden name or a remark in brackets or quotes."""
    if _OPENING.isdisjoint(text):
        return text
    outside = " ".join(_BRACKETS.sub(" ", text).split())
    return outside if _NO_LETTER.fullmatch(outside) is None and outside else text


def _person(text: str, country: str | None) -> ParsedName:
    text = _ATTENTION.sub("", _without_brackets(text))
    if "." in text or "/" in text:
        text = _ARABIC_SHORT_TITLE.sub(r"\1. ", _NO_SPACE_BEHIND_TITLE.sub(r"\1 ", text))
    titles: list[str] = []
    suffixes: list[str] = []
    parts: list[list[str]] = []
    for part in _COMMA.split(text):
        tokens = _glued(part.split())
        if not tokens or (parts and _is_maiden_mark(tokens[0])):
            continue
        if parts and all(_is_suffix(token, bare=True) for token in tokens):
            suffixes += tokens
            continue
        found, tokens = _take_titles(tokens, country)
        titles += found
        if tokens:
            tokens, behind, address = _take_behind(tokens, country)
            suffixes += behind
            titles += address
            parts.append(tokens)
    if not parts:
        return ParsedName("placeholder", " ".join(titles), note="a title without a name")
    given, family, note = _in_order(parts, titles, country)
    return ParsedName("person", " ".join(titles), given, "", family, " ".join(suffixes), note)


def _in_order(parts: list[list[str]], titles: list[str], country: str | None) -> tuple[str, str, str]:
    if len(parts) > 1:
        family, given = parts[0], [token for part in parts[1:] for token in part]
        moved = _trailing_particles(given)
        return (
            " ".join(given[: len(given) - moved]),
            " ".join(given[len(given) - moved :] + family),
            "the family name before a comma",
        )
    tokens = parts[0]
    if len(tokens) == 1 and titles and _is_family_title(titles[-1]):
        return "", tokens[0], "one name behind a form of address"
    if is_east_asian("".join(tokens)):
        split = split_east_asian(tokens, country)
        return (
            (*split, "family name first")
            if split
            else (" ".join(tokens), "", "kept whole: only a dictionary could split it")
        )
    if len(tokens) == 1:
        return tokens[0], "", "one word is a given name"
    note = "Arabic order" if is_arabic(tokens, country) else "by words and particles"
    return (*(split_arabic(tokens) if note == "Arabic order" else split_words(tokens, country)), note)


def _is_family_title(title: str) -> bool:
    return title.lower().replace(".", "") in words.FAMILY_TITLES or _HONORIFIC.fullmatch("x" + title) is not None


def _trailing_particles(given: list[str]) -> int:
    """`Berg, Jan van den`: how many particles stand behind the given names."""
    count = 0
    while count < len(given) - 1 and given[-1 - count].lower() in words.PARTICLES and given[-1 - count].islower():
        count += 1
    return count


def _glued(tokens: list[str]) -> list[str]:
    """The words; lone hyphens and numbers stay at their word, symbols are dropped, maiden names and aliases cut off.

    Three digits and more are no part of anybody's name: a phone, a customer number.
    """
    glued: list[str] = []
    for index, token in enumerate(tokens):
        cut = _is_maiden_mark(token) or token in _CUTS
        if cut and glued and index < len(tokens) - 1 and (index >= 2 or token.lower() not in ("nee", "born", "roz")):
            break
        hyphen = token in ("-", "–") and index < len(tokens) - 1
        if glued and (hyphen or (token.isdigit() and len(token) < 3) or glued[-1].endswith((" -", " –"))):
            glued[-1] += " " + token
        elif _NO_LETTER.fullmatch(token) is None and not (token.isdigit() and len(token) >= 3):
            glued.append(token)
    return glued


def _is_maiden_mark(token: str) -> bool:
    return token.lower().strip(".") in words.MAIDEN_MARKS or token in _BORN_IN_NORWEGIAN


def _take_titles(tokens: list[str], country: str | None) -> tuple[list[str], list[str]]:
    count = 0
    while count < len(tokens) and _is_title(tokens[count], country, first=count == 0):
        count += 1
    return tokens[:count], tokens[count:]


def _is_title(token: str, country: str | None, *, first: bool) -> bool:
    dotted = "." in token
    norm = token.lower().replace(".", "").strip("/:")
    if norm in words.TITLES or norm in words.LOCAL_TITLES.get(country or "", ()):
        return dotted or norm not in words.DOTTED_TITLES or (country == "AT" and token.isupper())
    pieces = [piece for piece in re.split(r"[.\-/]", token.lower()) if piece]
    if not pieces or not all(piece in words.TITLE_PARTS for piece in pieces):
        return False
    return (dotted and len(pieces) > 1 and len(pieces[0]) > 1) or (not first and (dotted or len(norm) > 2))


def _take_behind(tokens: list[str], country: str | None) -> tuple[list[str], list[str], list[str]]:
    """(name, suffixes, titles): generations and degrees behind a name, and forms of address that stand there."""
    if len(tokens) == 1 and (found := _HONORIFIC.fullmatch(tokens[0])):
        return [found[1]], [], [found[2]]
    tokens = list(tokens)
    suffixes: list[str] = []
    titles: list[str] = []
    while len(tokens) > 1:
        token, lower = tokens[-1], tokens[-1].lower().strip(".")
        address = lower in words.TRAILING_TITLES
        degree = (
            "." in token and len(tokens) > 2 and lower not in ("sr", "jr") and _is_title(token, country, first=False)
        )
        if address or degree:
            titles.insert(0, tokens.pop())
        elif _is_suffix(token, bare=False) and (len(tokens) > 2 or lower == "jr"):
            suffixes.insert(0, tokens.pop())
        else:
            break
    return tokens, suffixes, titles


def _is_suffix(token: str, *, bare: bool) -> bool:
    norm = token.lower().replace(".", "").replace("-", "")
    if norm not in words.SUFFIXES:
        return False
    if bare or norm in ("jr", "sr", "phd", "esq", "2nd", "3rd"):
        return True
    if "." in token and len(norm) > 1:
        return True
    return norm in words.BARE_SUFFIXES and token.isupper()
