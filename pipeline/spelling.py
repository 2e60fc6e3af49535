"""How one given name can be written: folding, familiar forms, Arabic tables and consonant skeletons. Pure.

TOKEN      one word of a name, folded: case, accents, umlaut spellings and vowel marks gone, script kept
KEY        a token as it sounds, roughly: Sophie = Sofi, Matthias = Matias
FORMS      the full names that a token can stand for: Bob -> robert; محمد, Mohamed -> one entry of the Arabic table
SKELETON   the consonants of a token in one alphabet, for comparing across scripts
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml
from anyascii import anyascii

DATA = Path(__file__).parent / "data"

ARABIC = re.compile(r"[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]")
_ARABIC_MARKS = re.compile(
    r"[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640\u200c-\u200f\u202a-\u202e\u2066-\u2069]"
)
_ARABIC_FOLD = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ؤ": "و", "ئ": "ي", "ء": ""}
)
# Both ways of writing an umlaut (ü, ue), an ø or an å end at one letter; what else has these pairs (Michael) is folded alike on both sides.
_LATIN_PAIRS = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "å": "a", "æ": "a", "œ": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i"}
)
_WORDS = re.compile(r"[^\W_]+(?:['’`´.][^\W_]+)*", re.UNICODE)


class Closeness(IntEnum):
    """How two given-name tokens stand to each other, from two people to one name."""

    FAR = 0
    """Two names."""
    SPELLING = 1
    """Perhaps one name misspelt, perhaps two: too short to tell by itself."""
    NEAR = 2
    """Most likely one name misspelt."""
    INITIAL = 3
    """One is the other's first letter."""
    SAME = 4


def tokens(text: str) -> tuple[str, ...]:
    """The folded words of a name, in order; hyphens, dots and apostrophes do not count."""
    if not text.isascii():
        text = _ARABIC_MARKS.sub("", unicodedata.normalize("NFKC", text))
    return tuple(folded for word in _WORDS.findall(text) if (folded := fold(word)))


@lru_cache(maxsize=200_000)
def fold(word: str) -> str:
    """One word without case, accents, umlaut spelling or vowel marks; Arabic keeps its script, other scripts become Latin."""
    if ARABIC.search(word):
        bare = word.translate(_ARABIC_FOLD)
        return bare.removeprefix("ال") if len(bare) > 4 else bare
    lower = word if word.isascii() else word.casefold().translate(_LETTERS)
    if not lower.isascii():
        stripped = "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))
        lower = stripped if stripped.isascii() else anyascii(stripped)
    letters = "".join(c for c in lower.casefold() if c.isalnum())
    if len(letters) > 3:  # "Sue" and "Mae" are whole names, not an umlaut spelling
        for pair, single in _LATIN_PAIRS:
            letters = letters.replace(pair, single)
    return letters


@lru_cache(maxsize=200_000)
def closeness(left: str, right: str) -> Closeness:
    """How close two folded given-name tokens are."""
    if left == right:
        return Closeness.SAME
    across = bool(ARABIC.search(left)) != bool(ARABIC.search(right))
    if len(left) == 1 or len(right) == 1:
        fits = skeleton(left)[:1] == skeleton(right)[:1] if across else left[0] == right[0]
        return Closeness.INITIAL if fits else Closeness.FAR
    if forms(left) & forms(right):
        return Closeness.SAME
    if across:
        # No table knows both: the written consonants decide (an Arabic spelling leaves most vowels out).
        return Closeness.NEAR if skeleton(left) and skeleton(left) == skeleton(right) else Closeness.FAR
    if sound(left) == sound(right):
        return Closeness.SAME
    return _misspelt(left, right)


@cache
def forms(token: str) -> frozenset[str]:
    """The names that a folded token can stand for; empty when no table knows it."""
    return _table().get(token, frozenset()) | _table().get(sound(token), frozenset())


@lru_cache(maxsize=200_000)
def sound(token: str) -> str:
    """A Latin token as it sounds in the languages of our tills, roughly; letters that carry a distinction stay."""
    if not token.isascii():
        return token
    text = token
    for written, heard in (
        ("sch", "s"),
        ("ph", "f"),
        ("th", "t"),
        ("ck", "k"),
        ("ch", "k"),
        ("qu", "kv"),
        ("x", "ks"),
        ("dt", "t"),
        ("kh", "k"),
    ):
        text = text.replace(written, heard)
    text = re.sub(r"c(?=[eiy])", "s", text).translate(str.maketrans("cwyzq", "kvisk"))
    text = re.sub(r"(?<=[aeiou])h(?![aeiou])", "", text)
    return re.sub(r"(.)\1+", r"\1", text)


_SKELETON_DIGRAPHS = (
    ("chr", "kr"),
    ("sch", "s"),
    ("sh", "s"),
    ("ch", "s"),
    ("kh", "h"),
    ("gh", "j"),
    ("th", "t"),
    ("dh", "d"),
    ("ph", "f"),
    ("ck", "k"),
)
_SKELETON_LETTERS = str.maketrans({"c": "k", "q": "k", "g": "j", "p": "b", "v": "f", "z": "s", "x": "s"})
_SKELETON_ARABIC = str.maketrans(
    dict(zip("بتثجحخدذرزسشصضطظغفقكلمنهپچژگ", "bttjhhddrsssddtdjfkklmnhbssj", strict=False))
)


@lru_cache(maxsize=100_000)
def skeleton(token: str) -> str:
    """The consonants of a token, Arabic or Latin, in one small alphabet; vowels, w and y, and a final h say nothing."""
    if ARABIC.search(token):
        text = token.translate(_SKELETON_ARABIC)
        text = "".join(c for c in text if c.isascii() and c.isalpha())
    else:
        text = token
        for written, heard in _SKELETON_DIGRAPHS:
            text = text.replace(written, heard)
        text = re.sub(r"[aeiouwy]", "", text.translate(_SKELETON_LETTERS))
    text = re.sub(r"(.)\1+", r"\1", text)
    return text[:-1] if len(text) > 1 and text.endswith("h") else text


def _misspelt(left: str, right: str) -> Closeness:
    """One slip of the finger, judged by where it is: endings and vowels are what tells Julian from Juliane and Lena from Lina."""
    if left[0] != right[0] and not (left[:2] == right[1::-1] and left[2:] == right[2:]):
        return Closeness.FAR
    shorter, longer = sorted((left, right), key=len)
    if len(shorter) < 4 or len(longer) - len(shorter) > 1:
        return Closeness.FAR
    slip = _slip(shorter, longer)
    if slip is None or slip == "vowel":
        return Closeness.FAR
    enough = {"swap": 5, "letter": 6}
    return Closeness.NEAR if len(shorter) >= enough[slip] else Closeness.SPELLING


def _slip(shorter: str, longer: str) -> str | None:
    """What single slip turns one word into the other: `swap`, `letter`, `vowel`; None when none, or when it is in the ending."""
    start = 0
    while start < len(shorter) and shorter[start] == longer[start]:
        start += 1
    end = 0
    while end < len(shorter) - start and shorter[-1 - end] == longer[-1 - end]:
        end += 1
    if end == 0:
        return "swap" if len(shorter) == len(longer) and _swapped(shorter, longer, start) else None
    one, other = shorter[start : len(shorter) - end], longer[start : len(longer) - end]
    if not one and len(other) == 1:
        return "letter"
    if len(one) == len(other) == 1:
        return "vowel" if one in "aeiou" and other in "aeiou" else "letter"
    return "swap" if _swapped(shorter, longer, start) and len(one) == 2 else None


def _swapped(one: str, other: str, at: int) -> bool:
    return one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]


@cache
def _table() -> dict[str, frozenset[str]]:
    """Folded token, and its sound -> the full names it can stand for, from both packaged tables."""
    table: dict[str, set[str]] = {}
    languages: dict[str, dict[str, list[str]]] = _load("nicknames.yaml")
    for names in languages.values():
        for full, short_forms in names.items():
            for word in (full, *short_forms):
                for token in {fold(word), sound(fold(word))}:
                    table.setdefault(token, set()).add(fold(full))
    for number, line in enumerate(_load("arabic_names.yaml")):
        arabic, latin = line.split("|")
        for word in (*arabic.split(), *latin.split(",")):
            folded = fold(word.strip())
            # By exact folded spelling only: the sound of Arabic names in Latin letters (Hasan, Hassan; Amr, Omar) is what the table is for.
            table.setdefault(folded, set()).add(f"ar{number}")
    return {token: frozenset(names) for token, names in table.items()}


def _load(file: str) -> Any:
    return yaml.load((DATA / file).read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (safe both ways)
