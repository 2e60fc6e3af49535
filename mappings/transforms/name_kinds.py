"""What a text in a name field names: a person, an organisation, several people of one house, or nobody."""

from __future__ import annotations

import re
from functools import lru_cache

from mappings.transforms import organisation_words as words
from mappings.transforms.name_words import LISTED_GIVEN_NAMES
from mappings.transforms.typed_text import clean_text, word_set

_EDGE = ",;:()[]{}\"'„“”«»!?*،"
_LETTER = re.compile(r"[^\W\d_]")
_BETWEEN_WORDS = re.compile(r"[\W\d_]+")
_ONE_CHARACTER = re.compile(r"(.)\1{2,}|[xyz]{2}")
_ABBREVIATED_NOTHING = re.compile(r"(?:n/a|n\.a\.?|n\. a\.|k\. ?a\.|o\. ?[an]\.|na|nan)", re.IGNORECASE)
_ENDING = re.compile(rf"\w(?:{words.TRADE_ENDINGS})$")
_DOTTED = re.compile(r"(?:[^\W\d_]{1,3}\.)+[^\W\d_]{0,3}")
_SPACED_FORM = re.compile(
    r"\be\. ?[vkg]\.|\bsp\. ?z\.? ?o\. ?o\.?|\bsp\. ?[jkp]\.|\bs\. ?r\. ?o\.|\ba\. ?s\.$|\bd\. ?o\. ?o\."
    r"|\bs\. ?p\. ?a\.|\bs\. ?r\. ?l\.|\bw\. ?l\. ?l|\bl\. ?l\. ?c|\bs\. ?de ?r\. ?l|\bltd\. ?şti"
    r"|\ba\. ?ş\.|& ?co\b|\bco\. ?kg"
    r"|[ذش]\.? ?م\.? ?م\b|\bم\.م\b|\(주\)|\(株\)|㈜|㈱"
)
_EAST_ASIAN_FORM = re.compile(
    "公司|株式会社|有限会社|合同会社|주식회사|유한회사|集团|集團|商店|餐厅|餐廳|酒店|银行|銀行|学校|學校|大学|大學"
    "|医院|醫院|病院|工厂|食堂|식당|학교|은행|병원|회사$"
)
_INITIALS = word_set("AS SE DA BA AD LP EE BT")  # `Byatt A.S.`: two initials more often than a form
_CAPITAL_NAMES = word_set("DA BA LP UD BT")  # in a text all in capitals these may be names
_SLASHED_PAIR = re.compile(r"[^\W\d_]{2,}\s?/\s?[^\W\d_]{2,}")
_TIGHT_JOINT = re.compile(r"(?<=[^\W\d_])([&+])(?=[^\W\d_])")


def word_of(token: str) -> str:
    """The token as the word lists have it: lower case, no dots, no punctuation at its edges."""
    return token.strip(_EDGE).lower().replace(".", "")


def is_placeholder(text: str) -> bool:
    """Whether the text names nobody: `Laufkunde`, `Walk-in Customer`, `n/a`, `123456`, `عميل نقدي`, `Tisch 5`."""
    return not is_ordinary(text) and _is_placeholder(text)


def is_organisation(text: str, *, country: str | None = None) -> bool:
    """Whether the text names a company, authority or club: by a legal form (GmbH, AS, شركة) or a word of its trade."""
    return not is_ordinary(text) and _is_organisation(text, country)


def is_ordinary(text: str) -> bool:
    """Whether no word of the text is in any list: it is neither a placeholder nor an organisation."""
    return bool(text) and all(map(is_ordinary_word, text.split(" ")))


@lru_cache(maxsize=65_536)
def is_ordinary_word(token: str) -> bool:
    """Whether a word, wherever it stands, makes neither a placeholder nor an organisation: most names' words.

    Names are many, the words in them few: what is asked per word is answered once.
    """
    lower = token.lower()
    if lower.isalpha():
        return not (lower in _TELLING or token in _LEADING_CAPITALS or lower in _SHORT or _TELLING_SHAPE.search(lower))
    spoken = [word for word in _BETWEEN_WORDS.split(lower) if word]
    if not spoken or not _LETTERS_ONLY.fullmatch(token):
        return False
    forms = {*spoken, word_of(token)}
    if token in _LEADING_CAPITALS or not forms.isdisjoint(_TELLING) or not forms.isdisjoint(_SHORT):
        return False
    return not any(map(_TELLING_SHAPE.search, forms))


_LETTERS_ONLY = re.compile("[^\\W\\d_\u2e80-\U0003ffff]+(?:[-'’][^\\W\\d_\u2e80-\U0003ffff]+)*")
# A trade's ending; one character over and over; Arabic letters that make a legal form, alone or with the next word; East Asian
# script, which has no spaces to tell words by.
_TELLING_SHAPE = re.compile(
    rf"^(?:{_ONE_CHARACTER.pattern})$|{_ENDING.pattern}|[ذش]مم|^[ذشم]$|^مم$|[ذش]م?$|[\u2e80-\U0003ffff]"
)
_SHORT = frozenset(map(str.lower, words.SHORT_FORMS))
_LEADING_CAPITALS = frozenset().union(*words.LEADING_CAPITALS.values())
_TELLING = frozenset().union(
    words.PLACEHOLDERS,
    words.TRADES,
    words.LEGAL_FORMS,
    words.ENDING_WORDS,
    words.LEADING_FORMS,
    words.LEADING_WORDS,
    words.JOINTS,
    words.WEAK_JOINTS,
    ("in", "na", "nan", "bank", "co", "gmbh"),
)


def _is_placeholder(text: str) -> bool:
    clean = clean_text(text) or ""
    if not _LETTER.search(clean) or "@" in clean:
        return True
    lower = clean.lower()
    if _ABBREVIATED_NOTHING.fullmatch(clean) and not (clean.isalpha() and clean.istitle()):
        return True
    spoken = [word for word in _BETWEEN_WORDS.split(lower) if word]
    if spoken != ["in"] and all(word in words.PLACEHOLDERS or word == "in" for word in spoken):
        return True
    if len(set(spoken)) == 1 and _ONE_CHARACTER.fullmatch(spoken[0]):
        return True
    return spoken[0] in words.PLACES_IN_HOUSE and any(map(str.isdigit, clean)) and len(spoken) <= 2


@lru_cache(maxsize=65_536)
def _is_organisation(text: str, country: str | None) -> bool:
    lower = text.lower()
    foreign = not text.isascii()
    if (foreign or "." in text or "&" in text) and _SPACED_FORM.search(lower):
        return True
    if foreign and _EAST_ASIAN_FORM.search(text):
        return True
    tokens = text.split()
    if not tokens:
        return False
    norms = [word_of(token) for token in tokens]
    if any(norm in words.TRADES or _ENDING.search(norm) for norm in norms):
        return True
    if "-" in text and any(part in words.TRADES or part == "gmbh" for norm in norms for part in norm.split("-")):
        return True
    if len(tokens) < 2:
        return norms[0] in words.LEGAL_FORMS
    if any(norm in words.LEGAL_FORMS for norm in norms[1:]) or norms[-1] in words.ENDING_WORDS:
        return True
    if norms[0] in words.LEADING_FORMS or norms[0] in words.LEADING_WORDS:
        return True
    if norms[-1] == "bank" and (len(tokens) > 2 or norms[0].startswith("al-")):
        return True
    if tokens[0] in words.LEADING_CAPITALS.get(country or "", ()):
        return True
    return _is_short_form(text, tokens, norms, country) or _is_firm_of_partners(norms)


def _is_short_form(text: str, tokens: list[str], norms: list[str], country: str | None) -> bool:
    last, norm = tokens[-1].strip(_EDGE), norms[-1]
    form = norm.upper()
    if norm == "co":
        return last.endswith(".")
    if form not in words.SHORT_FORMS:
        return False
    if _DOTTED.fullmatch(last) and "." in last:
        return form not in _INITIALS or last.islower()
    if last.isupper() and not text.isupper():
        return True
    if text.isupper():
        return form not in _CAPITAL_NAMES and not (form == "SA" and country in ("PT", "BR"))
    if text.islower():
        return norm in words.LOWER_SHORT_FORMS
    return norm == "as" and country in (None, "NO") and len(tokens) >= 3


def _is_firm_of_partners(norms: list[str]) -> bool:
    """Müller & Söhne, Smith and Sons, Johnson & Johnson."""
    for index in range(1, len(norms) - 1):
        if norms[index] in words.JOINTS or norms[index] in words.WEAK_JOINTS:
            after = norms[index + 1]
            if after in words.PARTNERS or (norms[index] == "&" and norms[:index] == norms[index + 1 :]):
                return True
    return False


def is_household(text: str) -> bool:
    """Whether the text names several people at once: `Hans & Eva Meier`, `Eheleute Meier`, `Mr. and Mrs. Smith`."""
    tokens = _TIGHT_JOINT.sub(r" \1 ", text).split()
    norms = [word_of(token) for token in tokens]
    if not norms:
        return False
    if norms[0] in words.HOUSEHOLDS or norms[-1] in words.HOUSEHOLD_ENDINGS:
        return True
    if _SLASHED_PAIR.search(text):
        return True
    for index in range(1, len(tokens) - 1):
        token, norm = tokens[index], norms[index]
        written_small = token == token.lower() or text.isupper()
        if norm in words.JOINTS and written_small:
            return not _is_noble_house(norms, index)
        # Ortega y Gasset, e Silva, Puig i Cadafalch: inside one name no given name follows.
        if norm in words.WEAK_JOINTS and token.islower() and index == 1:
            return norms[2] in LISTED_GIVEN_NAMES or norms[2] in ("sra", "señora", "mme", "pani", "signora")
    return False


def _is_noble_house(norms: list[str], index: int) -> bool:
    """von und zu Liechtenstein, Prinzessin von Thurn und Taxis."""
    ends = index == len(norms) - 2
    return norms[index] in ("und", "u") and (
        norms[index - 1] == "von" or (ends and index > 2 and norms[index - 2] == "von")
    )


def strip_legal_form(text: str) -> str:
    """The company's name without legal forms at its ends, for comparing; as it is when nothing else would be left."""
    tokens = text.replace(",", " ").split()
    start, end = 0, len(tokens)
    while end - start > 1 and _is_form(tokens[end - 1]):
        end -= 1
    while end - start > 1 and word_of(tokens[start]) in words.LEADING_FORMS:
        start += 1
    kept = " ".join(tokens[start:end])
    for _ in range(3):  # e. V., Sp. z o. o.: forms that were typed with spaces
        shorter = _SPACED_FORM_AT_END.sub("", kept).rstrip(" ,&")
        if not shorter or shorter == kept:
            break
        kept = shorter
    return kept or text


_SPACED_FORM_AT_END = re.compile(rf"\s*(?:{_SPACED_FORM.pattern})\s*\.?$", re.IGNORECASE)


def _is_form(token: str) -> bool:
    norm = word_of(token)
    return norm in words.LEGAL_FORMS or norm.upper() in words.SHORT_FORMS or norm in ("co", "cie", "&", "+", "")
