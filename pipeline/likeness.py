"""Whether two names can be one customer's: agree, differ, or cannot tell. Pure; the words of each name are read once.

Given names are compared apart from family names: only a given name can say that two people are two (a family name changes, a
household shares one). Rules and their limits: docs/matching.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from pipeline.spelling import Closeness, closeness, fold, tokens


class Likeness(StrEnum):
    """The answer. SPELLING is a difference that two agreeing keys outweigh; DIFFER is one that nothing but a decision does."""

    AGREE = "agree"
    UNCLEAR = "unclear"
    SPELLING = "spelling"
    DIFFER = "differ"


@dataclass(frozen=True, slots=True)
class PersonName:
    """The words of a person's name. `family` is empty for a mononym; `whole`: it could not be split, all words are in `given`."""

    given: tuple[str, ...]
    family: tuple[str, ...] = ()
    whole: bool = False
    household: bool = False


_TITLES = frozenset(
    [
        "dr",
        "prof",
        "professor",
        "herr",
        "herrn",
        "frau",
        "fr",
        "hr",
        "mr",
        "mrs",
        "ms",
        "miss",
        "fru",
        "sr",
        "sra",
        "senor",
        "senora",
        "dipl",
        "ing",
        "med",
        "mag",
        "sheikh",
        "shaikh",
        "sayyid",
        "eng",
        "شيخ",
        "الشيخ",
        "مهندس",
        "دكتور",
    ]
)
_PARTICLES = frozenset(
    [
        "von",
        "van",
        "der",
        "den",
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "das",
        "do",
        "du",
        "la",
        "le",
        "zu",
        "zur",
        "zum",
        "vom",
        "ten",
        "ter",
        "te",
        "t",
        "het",
        "op",
        "y",
        "e",
        "al",
        "el",
        "ul",
        "as",
        "ash",
        "an",
        "ad",
        "ar",
        "bin",
        "ibn",
        "bint",
        "ben",
        "af",
        "av",
        "بن",
        "ابن",
        "بنت",
        "ال",
        "آل",
    ]
)
_CONNECTORS = re.compile(r"\s(?:&|\+|und|and|og|och|et|en|y|e|و)\s|&|\+", re.IGNORECASE)
_SERVANT = {"abd", "abdel", "abdul", "abdal", "abdu", "عبد"}  # first half of a compound: Abd al-Rahman = Abdulrahman
_MONONYM_OF_TWO = {"abu", "abou", "umm", "um", "ابو", "ام"}


def read_name(given: str | None, middle: str | None, family: str | None, full: str | None) -> PersonName | None:
    """The words of a name from its columns; None where there is no name to compare."""
    if given or middle:
        named = f"{given} {middle}" if given and middle else given or middle or ""
        words = _words(named)
        household = len(words) > 1 and bool(_CONNECTORS.search(f" {named} "))
        relatives = _family_words(family or "")
        if words:
            return PersonName(words, relatives, not relatives and len(words) > 1, household)
    if family and not full:
        return PersonName(_family_words(family) or _words(family)) if tokens(family) else None
    words = _words(full or "")
    if not words:
        return None
    return PersonName(words, whole=len(words) > 1, household=bool(_CONNECTORS.search(full or "")))


def compare_people(left: PersonName | None, right: PersonName | None) -> Likeness:
    """Whether two people's names agree; a missing name can neither veto nor support."""
    if left is None or right is None:
        return Likeness.UNCLEAR
    if left == right:
        return Likeness.UNCLEAR if left.household else Likeness.AGREE
    given = _compare_given(left.given, right.given)
    if given is not Likeness.AGREE and _same_words(left.given + left.family, right.given + right.family):
        return Likeness.AGREE
    if left.whole or right.whole:
        verdict = _compare_whole(left, right)
    elif given in (Likeness.DIFFER, Likeness.SPELLING):
        verdict = _rescue(left, right, given)
    elif left.family and right.family and not _alike_family(left.family, right.family):
        # Anna Rom, now Anna Berg; but A. Rom and Anna Berg have nothing in common but a letter.
        initials = all(len(word) == 1 for word in left.given) or all(len(word) == 1 for word in right.given)
        verdict = Likeness.DIFFER if initials else Likeness.UNCLEAR
    elif given is Likeness.AGREE and bool(left.family) != bool(right.family):
        verdict = Likeness.UNCLEAR  # a mononym fits, but Anna may be any Anna
    else:
        verdict = given
    return Likeness.UNCLEAR if verdict is Likeness.AGREE and (left.household or right.household) else verdict


def _rescue(left: PersonName, right: PersonName, given: Likeness) -> Likeness:
    """Given and family name swapped; a mononym that is the other's family name."""
    if left.family and right.family:
        crossed = (_compare_given(left.given, right.family), _compare_given(left.family, right.given))
        if Likeness.DIFFER not in crossed and Likeness.SPELLING not in crossed:
            return Likeness.AGREE if crossed == (Likeness.AGREE, Likeness.AGREE) else Likeness.UNCLEAR
    for mononym, other in ((left, right), (right, left)):
        if (
            not mononym.family
            and other.family
            and _compare_given(mononym.given, other.family) in (Likeness.AGREE, Likeness.UNCLEAR)
        ):
            return Likeness.UNCLEAR
    return given


def _compare_whole(left: PersonName, right: PersonName) -> Likeness:
    """At least one name is not split: its words must contain the other's given name, or all of them be contained."""
    left_words, right_words = left.given + left.family, right.given + right.family
    everything = _compare_given(left_words, right_words)
    if everything is not Likeness.DIFFER:
        return (
            everything
            if len(left_words) == len(right_words)
            else max(everything, Likeness.UNCLEAR, key=_SEVERITY.index)
        )
    if left.whole and right.whole:
        return Likeness.DIFFER
    whole, split = (left_words, right) if left.whole else (right_words, left)
    rest = _compare_given(whole, split.given)
    # Its given name is in there, its family name is not: a changed family name, perhaps.
    return Likeness.UNCLEAR if rest is Likeness.AGREE and split.family else Likeness.DIFFER


_SEVERITY = [Likeness.AGREE, Likeness.UNCLEAR, Likeness.SPELLING, Likeness.DIFFER]
_OF_CLOSENESS = {
    Closeness.SAME: Likeness.AGREE,
    Closeness.INITIAL: Likeness.UNCLEAR,
    Closeness.NEAR: Likeness.UNCLEAR,
    Closeness.SPELLING: Likeness.SPELLING,
    Closeness.FAR: Likeness.DIFFER,
}


@lru_cache(maxsize=200_000)
def _compare_given(left: tuple[str, ...], right: tuple[str, ...]) -> Likeness:
    """Every word of the shorter must find its own in the longer; the worst pair decides."""
    if left == right or (len(left) != len(right) and "".join(left) == "".join(right)):
        return Likeness.AGREE
    if len(left) == len(right) == 1:
        return _OF_CLOSENESS[closeness(left[0], right[0])]
    shorter, longer = sorted((left, right), key=lambda words: (len(words), words))
    free, worst = list(longer), Closeness.SAME
    for word in shorter:
        # Ties by place in the name: the order of the words, not of the records.
        best = max(range(len(free)), key=lambda at: (closeness(word, free[at]), -at))
        worst = min(worst, closeness(word, free.pop(best)))
        if worst is Closeness.FAR:
            return Likeness.DIFFER
    return _OF_CLOSENESS[worst]


def _alike_family(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return _compare_given(left, right) is not Likeness.DIFFER


def _same_words(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return sorted(left) == sorted(right)


@lru_cache(maxsize=100_000)
def _words(text: str) -> tuple[str, ...]:
    """Name words with titles, particles and connectors gone and Arabic compounds (عبد الله, Abd al-Rahman) made one."""
    if text.isascii() and text.isalpha():
        return tokens(text)
    bare = [word for word in tokens(_CONNECTORS.sub(" ", f" {text} ")) if word not in _TITLES] or list(tokens(text))
    joined: list[str] = []
    for word in bare:
        if joined and joined[-1] in _SERVANT and word not in _SERVANT:
            if word in {"al", "el", "ul", "ar", "as", "ur", "er", "ال"}:
                continue
            arabic = joined[-1] == "عبد"
            joined[-1] = fold(
                f"عبدال{word}" if arabic and not word.startswith("ال") else ("عبد" if arabic else "abdul") + word
            )
        elif joined and joined[-1] in _MONONYM_OF_TWO:
            joined[-1] += word
        else:
            joined.append(word)
    return tuple(w for w in joined if w not in _PARTICLES) or tuple(joined)


def _family_words(text: str) -> tuple[str, ...]:
    return _words(text) if text else ()
