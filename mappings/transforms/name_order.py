"""Where the family name begins in European spelling: particles, two surnames, and orders that put it first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mappings.transforms import name_words as words
from mappings.transforms.name_scripts import Parts, is_arabic, split_arabic

_PATRONYMIC = re.compile(r"[а-яёіїє]+(?:ович|евич|ич|овна|евна|ична|инична|івна|ївна|йович)$", re.IGNORECASE)
_LATIN_PATRONYMIC = re.compile(r"[a-z]+(?:ovich|evich|ovna|evna|ichna)$", re.IGNORECASE)
_RUSSIAN_FAMILY = re.compile(
    r"[а-яёa-z]+(?:ов|ев|ин|ский|цкий|ова|ева|ина|ская|цкая|енко|ук|юк|ov|ev|in|sky|skiy|ova|eva|ina|skaya|enko)$",
    re.IGNORECASE,
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.){2,3}")
_ONE_INITIAL = re.compile(r"[^\W\d_]\.?")
_ELIDED = re.compile(r"[dl]['’][^\W\d_]")
_VIETNAMESE_SIGNS = re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", re.IGNORECASE)


def split_words(tokens: Sequence[str], country: str | None) -> Parts:
    """(given names, family name) of words without titles, suffixes and commas. One word is a given name."""
    if len(tokens) == 1:
        return tokens[0], ""
    if is_arabic(tokens, country):
        return split_arabic(tokens)
    if parts := _family_first(tokens, country):
        return parts
    lower = [token.lower().strip(".") for token in tokens]
    if country in words.SPANISH:
        return _spanish(tokens, lower)
    if country in words.PORTUGUESE:
        return _portuguese(tokens, lower)
    return _cut(tokens, _family_start(tokens, lower, country))


def _cut(tokens: Sequence[str], start: int) -> Parts:
    return " ".join(tokens[:start]), " ".join(tokens[start:])


def _reversed(tokens: Sequence[str], length: int) -> Parts:
    return " ".join(tokens[length:]), " ".join(tokens[:length])


# --- the general rule ----------------------------------------------------------------------------------------------


def _family_start(tokens: Sequence[str], lower: Sequence[str], country: str | None) -> int:
    """The first particle behind a given name, or else the last word."""
    last = len(tokens) - 1
    if _is_only_family(tokens, lower):
        return 0
    index = 1
    while index < last:
        if skipped := _marian(lower, index):
            index += skipped
            continue
        if _begins_family(tokens, lower, index, country):
            return index
        index += 1
    # García Márquez outside Spain: both are surnames; one of them after another word is not enough to say so.
    if last >= 2 and lower[last] in words.SPANISH_FAMILY and lower[last - 1] in words.SPANISH_FAMILY:
        return last - 1
    return last


def _begins_family(tokens: Sequence[str], lower: Sequence[str], index: int, country: str | None) -> bool:
    token, word, following = tokens[index], lower[index], lower[index + 1]
    if word in words.NOBILITY:
        return following in words.PARTICLES or word in words.SURE_NOBILITY
    if word not in words.PARTICLES:
        return bool(_ELIDED.match(token)) and token[0].islower()
    if word in words.SPLIT_PARTICLES:
        return following in words.PARTICLES
    if word == "ben":
        return country in words.ARAB or country in ("IL", "FR")
    return word not in words.CAPITAL_WEAK or token.islower() or following in words.PARTICLES


def _is_only_family(tokens: Sequence[str], lower: Sequence[str]) -> bool:
    """`von Goethe`, `Van den Berg`: particles and one word, no given name."""
    if not all(word in words.PARTICLES for word in lower[:-1]):
        return False
    return tokens[0].islower() or len(tokens) > 2


def _marian(lower: Sequence[str], index: int) -> int:
    """How many words of María del Carmen, Maria de Fátima follow here, if a family name is still to come."""
    if lower[index - 1] not in ("maría", "maria", "mª", "ma", "ana", "josé", "jose") or not lower[index].startswith(
        ("de", "da", "do")
    ):
        return 0
    for end in (index + 1, index + 2):
        if (
            end < len(lower) - 1
            and lower[end] in words.MARIAN
            and lower[index] in ("de", "del", "da", "do", "dos", "das")
        ):
            return end - index + 1
    return 0


# --- two surnames --------------------------------------------------------------------------------------------------


def _groups(tokens: Sequence[str], lower: Sequence[str]) -> list[list[str]]:
    """Words with the particles before them: [['Juan'], ['Carlos'], ['de', 'la', 'Cruz']]; Marian names as one."""
    groups: list[list[str]] = []
    index = 0
    while index < len(tokens):
        if groups and (skipped := _marian(lower, index)):
            groups[-1].extend(tokens[index : index + skipped])
            index += skipped
            continue
        end = index
        while end < len(tokens) - 1 and (lower[end] in words.PARTICLES or lower[end] in ("e", "y")) and end >= 1:
            end += 1
        groups.append(list(tokens[index : end + 1]))
        index = end + 1
    return groups


def _spanish(tokens: Sequence[str], lower: Sequence[str]) -> Parts:
    """Two surnames; of three words the middle one decides: a given name (José Luis García) or not (Ana García Ruiz)."""
    groups = _groups(tokens, lower)
    if len(groups) == 1:
        return " ".join(groups[0]), ""
    start = max(len(groups) - 2, 1)
    if len(groups) == 3 and groups[2][0] != "y":
        middle = groups[1][0].lower()
        if middle in words.SPANISH_GIVEN and middle not in words.SPANISH_FAMILY:
            start = 2
    return _cut([" ".join(group) for group in groups], start)


def _portuguese(tokens: Sequence[str], lower: Sequence[str]) -> Parts:
    """Given names until the first word that is a usual surname or has a particle."""
    groups = _groups(tokens, lower)
    start = len(groups) - 1
    for index in range(1, len(groups)):
        group = groups[index]
        if len(group) > 1 or group[0].lower() in words.PORTUGUESE_FAMILY:
            start = index
            break
    return _cut([" ".join(group) for group in groups], start)


# --- family name first ---------------------------------------------------------------------------------------------


def _family_first(tokens: Sequence[str], country: str | None) -> Parts | None:
    lower = [token.lower() for token in tokens]
    if capitals := _written_in_capitals(tokens, lower):
        return capitals
    if _INITIALS.fullmatch(tokens[-1]) or (
        len(tokens) == 3 and all(_ONE_INITIAL.fullmatch(token) for token in tokens[1:])
    ):
        return _reversed(tokens, 1)  # Петров И.С., Petrov I. S.
    if parts := _russian(tokens, lower):
        return parts
    if country == "HU":
        return _hungarian(tokens, lower)
    return _vietnamese_or_romanised(tokens, lower, country)


def _written_in_capitals(tokens: Sequence[str], lower: Sequence[str]) -> Parts | None:
    """DUPONT Jean and Jean DUPONT: where only some words are in capitals they are the family name."""
    loud = [len(token) >= 3 and token.isupper() and "." not in token for token in tokens]
    if not any(loud) or "".join(tokens).isupper():
        return None
    count = sum(loud)
    if all(loud[:count]) and lower[0] not in words.LISTED_GIVEN_NAMES and len(tokens[0]) >= 4:
        return _reversed(tokens, count)
    if all(loud[-count:]) and not any(word in words.PARTICLES for word in lower[1:-1]):
        return _cut(tokens, len(tokens) - count)
    return None


def _russian(tokens: Sequence[str], lower: Sequence[str]) -> Parts | None:
    """Петров Иван Сергеевич: the father's name stands last, or a known given name behind a surname's ending."""
    if len(tokens) == 3 and _PATRONYMIC.match(tokens[2]) and not _PATRONYMIC.match(tokens[1]):
        return _reversed(tokens, 1)
    if len(tokens) == 3 and _LATIN_PATRONYMIC.match(tokens[2]) and _RUSSIAN_FAMILY.match(tokens[0]):
        return _reversed(tokens, 1)
    if (
        len(tokens) == 2
        and lower[1] in words.RUSSIAN_GIVEN
        and lower[0] not in words.RUSSIAN_GIVEN
        and _RUSSIAN_FAMILY.match(tokens[0])
    ):
        return _reversed(tokens, 1)
    return None


def _hungarian(tokens: Sequence[str], lower: Sequence[str]) -> Parts | None:
    """Family name first, as is the custom, unless only the first word is a known given name."""
    if lower[0] in words.HUNGARIAN_GIVEN and lower[-1] not in words.HUNGARIAN_GIVEN and not lower[-1].endswith("né"):
        return None
    start = len(tokens) - 1
    while start > 1 and lower[start - 1] in words.HUNGARIAN_GIVEN:
        start -= 1
    if lower[-1] not in words.HUNGARIAN_GIVEN:
        start = 1
    return _reversed(tokens, start)


def _vietnamese_or_romanised(tokens: Sequence[str], lower: Sequence[str], country: str | None) -> Parts | None:
    first, last = lower[0], lower[-1]
    if first in words.VIETNAMESE_FAMILY and (last not in words.VIETNAMESE_FAMILY or country == "VN"):
        middle = len(tokens) > 2 and (
            lower[1] in ("van", "văn", "thi", "thị") or _VIETNAMESE_SIGNS.search(" ".join(tokens))
        )
        if country == "VN" or middle:
            return _reversed(tokens, 1)
    family = (
        words.CHINESE_FAMILY
        if country in ("CN", "TW", "HK", "SG", "MO")
        else words.KOREAN_FAMILY
        if country == "KR"
        else ()
    )
    return _reversed(tokens, 1) if first in family and last not in family else None
