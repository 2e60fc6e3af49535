"""What speaks against two records being one customer (docs/architecture.md, matching). Pure.

FACE       what a record says about who it is: a person's name, a company, or both
VETO       a reason why two records may never end up in one customer, short of a link or a decision
KEYS       which of e-mail, mobile and VAT number agree between two records, as bits
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from mappings.transforms.names import strip_legal_form
from pipeline.likeness import Likeness, PersonName, compare_people, read_name
from pipeline.spelling import Closeness, closeness, tokens

VAT, EMAIL, MOBILE = 4, 2, 1
KEY_BITS = {"vat": VAT, "email": EMAIL, "mobile": MOBILE}
"""Strongest first, as numbers: a higher value is the stronger set of the same size."""


@dataclass(frozen=True, slots=True)
class Face:
    """Who a record says it is. `company` are the words of the company name without its legal form."""

    person: PersonName | None
    company: tuple[str, ...] = ()
    is_business: bool | None = None

    @property
    def plain_person(self) -> bool:
        """A person and nothing else."""
        return self.person is not None and not self.company and not self.is_business

    @property
    def plain_company(self) -> bool:
        """A company and nothing else."""
        return self.person is None and bool(self.company)


class Level(IntEnum):
    """Whether two faces can be one customer."""

    FREE = 0
    """Nothing speaks against it."""
    KEYS = 1
    """It depends on which keys the two records share."""
    NEVER = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """How two faces compare. `reason` names the veto (or what would be one, depending on the keys)."""

    likeness: Likeness
    level: Level
    reason: str = ""


def read_face(
    given: str | None,
    middle: str | None,
    family: str | None,
    full: str | None,
    company: str | None,
    is_business: bool | None,
) -> Face:
    """The face of one record from its canonical columns."""
    return Face(read_name(given, middle, family, full), company_words(company), is_business)


def company_words(company: str | None) -> tuple[str, ...]:
    """The words of a company's own name; the legal form is kept only where there is nothing else."""
    if not company:
        return ()
    return tokens(strip_legal_form(company)) or tokens(company)


def compare(left: Face, right: Face) -> Verdict:
    """Names first, then companies, then whether one is a person and the other a company."""
    people = compare_people(left.person, right.person)
    if people is Likeness.DIFFER:
        return Verdict(people, Level.NEVER, "given_name")
    if people is Likeness.SPELLING:
        return Verdict(people, Level.KEYS, "spelling")
    companies = compare_companies(left.company, right.company)
    if companies is Likeness.DIFFER:
        # Two companies without a person are told apart by their names alone; with one contact person, only the same VAT number
        # says that these are two branches and not one person's two businesses.
        nameless = left.person is None or right.person is None
        return Verdict(people, Level.NEVER if nameless else Level.KEYS, "company")
    if left.plain_person and right.plain_company:
        return _person_against_company(left, right)
    if right.plain_person and left.plain_company:
        return _person_against_company(right, left)
    if left.person is None and right.person is None:
        return Verdict(companies, Level.FREE)
    return Verdict(people, Level.FREE)


def _person_against_company(person: Face, company: Face) -> Verdict:
    """A sole trader's company bears the name; a shop typed into a name field is no person."""
    assert person.person is not None
    words = person.person.given + person.person.family
    if all(_found(word, company.company) for word in words):
        return Verdict(Likeness.UNCLEAR, Level.FREE)
    return Verdict(Likeness.UNCLEAR, Level.KEYS, "person_and_company")


def is_vetoed(verdict: Verdict, agreeing: int, same_vat: bool) -> bool:
    """Whether two records of these faces are vetoed, given the keys that agree (bits) and whether their VAT numbers are the same."""
    if verdict.level is not Level.KEYS:
        return verdict.level is Level.NEVER
    if verdict.reason == "spelling":
        return agreeing.bit_count() < 2
    if verdict.reason == "company":
        return same_vat
    return bool(agreeing & (EMAIL | MOBILE)) and not same_vat


def compare_companies(left: tuple[str, ...], right: tuple[str, ...]) -> Likeness:
    """Company names differ when both have words of their own; one that only says more is the same company, or cannot tell."""
    if not left or not right:
        return Likeness.UNCLEAR
    if sorted(left) == sorted(right) or "".join(left) == "".join(right):
        return Likeness.AGREE
    own = [word for word in left if not _found(word, right)], [word for word in right if not _found(word, left)]
    if own[0] and own[1]:
        return Likeness.DIFFER
    return Likeness.AGREE if not own[0] and not own[1] else Likeness.UNCLEAR


def _found(word: str, words: tuple[str, ...]) -> bool:
    """Whether a word stands in a name, give or take one slip; numbers must be the same."""
    if word in words:
        return True
    return not any(c.isdigit() for c in word) and any(
        len(word) > 3 and len(other) > 3 and closeness(word, other) >= Closeness.SPELLING for other in words
    )
