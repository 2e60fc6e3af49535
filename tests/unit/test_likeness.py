"""Names: what agrees, what differs, and what nobody can tell."""

import pytest

from pipeline.likeness import Likeness, PersonName, compare_people, read_name

AGREE, UNCLEAR, SPELLING, DIFFER = Likeness.AGREE, Likeness.UNCLEAR, Likeness.SPELLING, Likeness.DIFFER


def name(text: str) -> PersonName | None:
    """`given|family`, `given`, or `=whole name that nobody could split`."""
    if text.startswith("="):
        return read_name(None, None, None, text[1:])
    given, _, family = text.partition("|")
    return read_name(given or None, None, family or None, f"{given} {family}".strip() or None)


@pytest.mark.parametrize(
    ("left", "right", "expected", "why"),
    [
        ("Jürgen|Müller", "Juergen|Mueller", AGREE, "umlaut spellings"),
        ("Jürgen|Müller", "Jurgen|Muller", AGREE, "accents"),
        ("Åse|Ødegård", "Aase|Oedegaard", AGREE, "Nordic letters"),
        ("ANA|SCHMIDT", "ana|schmidt", AGREE, "case"),
        ("Bob|Dillon", "Robert|Dillon", AGREE, "a familiar form"),
        ("Sophie|Rom", "Sofie|Rom", AGREE, "one sound"),
        ("Hans-Peter|Rom", "Hans Peter|Rom", AGREE, "a hyphen"),
        ("Karlheinz|Rom", "Karl-Heinz|Rom", AGREE, "one word or two"),
        ("Anna Maria|Rom", "Anna|Rom", AGREE, "a double name contains the other"),
        ("Schmidt|Anna", "Anna|Schmidt", AGREE, "swapped"),
        ("محمد|العتيبي", "Mohammed|Al-Otaibi", AGREE, "Arabic and Latin by table"),
        ("مُحَمَّد|العُتَيْبِيّ", "محمد|العتيبي", AGREE, "vowel marks"),
        ("أحمد|الحربي", "احمد|الحربي", AGREE, "hamza spellings"),
        ("عبد الله|الحربي", "Abdullah|Harbi", AGREE, "a compound name and an article"),
        ("Abdul Rahman|Harbi", "Abdelrahman|Al Harbi", AGREE, "Latin spellings of one Arabic name"),
        ("=Rom Anna", "Anna|Rom", AGREE, "the same words, not split"),
        ("María|del Carmen Rom", "María del Carmen|Rom", AGREE, "split elsewhere"),
        ("", "Anna|Rom", UNCLEAR, "a missing name"),
        ("A.|Rom", "Anna|Rom", UNCLEAR, "an initial that fits"),
        ("Rom", "Anna|Rom", UNCLEAR, "a mononym that is the family name"),
        ("Anna", "Anna|Rom", UNCLEAR, "a mononym that is the given name"),
        ("Anna|Rom", "Anna|Berg", UNCLEAR, "another family name: married, perhaps"),
        ("Johannes|Rom", "Jhoannes|Rom", UNCLEAR, "two letters swapped in a long name"),
        ("كرستوفر|روم", "Kristofer|Rum", UNCLEAR, "the same consonants across scripts, in no table"),
        ("Hans & Eva|Rom", "Eva|Rom", UNCLEAR, "one of a household"),
        ("Tanja|Rom", "Tnja|Rom", SPELLING, "a slip in a short name"),
        ("B.|Rom", "Anna|Rom", DIFFER, "an initial that does not fit"),
        ("A.|Rom", "Anna|Berg", DIFFER, "an initial that fits, and another family name"),
        ("Ana|Schmidt", "Jan|Schmidt", DIFFER, "two people, although the whole is 94 % alike"),
        ("Alexander|Rom", "Alexandra|Rom", DIFFER, "two full forms of one short form"),
        ("Julian|Rom", "Juliane|Rom", DIFFER, "an ending"),
        ("Lena|Rom", "Lina|Rom", DIFFER, "a vowel in a short name"),
        ("Trasjon|Rom", "Trosjon|Rom", DIFFER, "a vowel in a long name: twins share both keys"),
        ("Nina|Rom", "Tina|Rom", DIFFER, "another first letter"),
        ("Anna Maria|Rom", "Anna Lena|Rom", DIFFER, "words of their own on both sides"),
        ("Berg", "Anna|Rom", DIFFER, "a mononym that is neither"),
        ("خالد|الحربي", "Ahmed|Harbi", DIFFER, "two names across scripts"),
        ("=Rom Anna Lena", "Peter|Rom", DIFFER, "whose given name is not in the other's whole name"),
    ],
)  # fmt: skip
def test_names_are_compared(left: str, right: str, expected: Likeness, why: str) -> None:
    assert compare_people(name(left), name(right)) == expected, why
    assert compare_people(name(right), name(left)) == expected, f"{why}, the other way round"
