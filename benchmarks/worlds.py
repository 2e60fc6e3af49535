"""Worlds with known truth: customers of three tills who share, change, mistype and inherit their contact data.

Imports nothing from the matcher or its tables, and invents its names from syllables, so that no table can know them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

SYSTEMS = ("berlin", "oslo", "riyadh")
COUNTRIES = ("DE", "NO", "SA")
MOBILES = {"DE": "+49151", "NO": "+479", "SA": "+9665"}

_ONSETS = {
    "DE": "b d f g h k l m n r s t w br gr kl tr",
    "NO": "b d f g h k l m n r s t v sj tr",
    "SA": "b d f h j k l m n r s t z",
}
_VOWELS = {"DE": "a e i o u ü ä ö", "NO": "a e i o u ø å", "SA": "a i u"}
_CODAS = {"DE": "l m n r s t rt ld", "NO": "l m n r s t nd", "SA": "b d f l m n r s"}
_ARABIC = dict(zip("bdfhjklmnrstz", "بدفهجكلمنرستز", strict=True)) | {"a": "ا", "i": "ي", "u": "و"}
_UMLAUTS = {"ü": "ue", "ä": "ae", "ö": "oe", "ø": "oe", "å": "aa"}
_TRADES = ("Bygg", "Holz", "Kaffee", "Blumen", "Elektro", "Taxi", "Handel", "Reisen", "Technik", "Garten")
_FORMS = {"DE": ("GmbH", "AG", "KG"), "NO": ("AS", "ASA"), "SA": ("LLC", "Est.")}


@dataclass(frozen=True, slots=True)
class Row:
    """One record as its mapping would read it. `truth`: the number of the customer that it is; `company`s are customers too."""

    system: str
    record_id: str
    truth: int
    given: str | None = None
    family: str | None = None
    company: str | None = None
    is_business: bool | None = None
    email: str | None = None
    mobile: str | None = None
    vat: str | None = None


@dataclass(frozen=True, slots=True)
class Somebody:
    """One customer as they truly are."""

    truth: int
    country: str
    given: str | None
    family: str | None
    company: str | None
    email: str | None
    mobile: str | None
    vat: str | None


def make_world(customers: int, seed: int) -> list[Row]:
    """The records of about so many customers, in no order."""
    rng = random.Random(seed)
    rows = [row for somebody in _people(rng, customers) for row in _records(rng, somebody)]
    rows += _walk_ins(rng, customers)
    rng.shuffle(rows)
    counters = dict.fromkeys(SYSTEMS, 0)
    numbered = []
    for row in rows:
        counters[row.system] += 1
        numbered.append(replace(row, record_id=str(counters[row.system])))
    return numbered


def _people(rng: random.Random, customers: int) -> Iterator[Somebody]:
    names = {
        country: ([_word(rng, country, 2) for _ in range(500)], [_word(rng, country, 3) for _ in range(3000)])
        for country in COUNTRIES
    }
    truth, numbers, previous = 0, 10_000_000, None
    while truth < customers:
        country = rng.choice(COUNTRIES)
        given, family = _pick(rng, names[country][0]), _pick(rng, names[country][1])
        numbers += 1
        mobile = f"{MOBILES[country]}{numbers}" if rng.random() < 0.85 else None
        email = f"{_plain(given)}.{_plain(family)}.{numbers}@example.com" if rng.random() < 0.8 else None
        kind = rng.random()
        if kind < 0.10:
            yield from _companies(rng, truth, country, names[country][0], numbers)
            truth += 3
            continue
        person = Somebody(truth, country, given, family, None, email, mobile, None)
        yield person
        truth += 1
        if kind < 0.30:  # a couple, or a parent and a child: phone, e-mail or both in common
            other = _different(rng, names[country][0], given)
            both = rng.random()
            yield replace(
                person,
                truth=truth,
                given=other,
                family=family if rng.random() < 0.8 else _pick(rng, names[country][1]),
                email=email if both < 0.6 else None,
                mobile=mobile if both > 0.3 else None,
            )
            truth += 1
        elif kind < 0.33:  # twins at their parents' phone; some parents give names that sound alike
            alike = rng.random() < 0.2
            yield replace(
                person,
                truth=truth,
                given=_sibling_name(rng, given) if alike else _different(rng, names[country][0], given),
            )
            truth += 1
        elif kind < 0.36 and previous and previous.mobile:  # a recycled number
            stranger = _different(rng, names[country][0], previous.given or "")
            yield Somebody(truth, country, stranger, _pick(rng, names[country][1]), None, None, previous.mobile, None)
            truth += 1
        elif kind < 0.39:  # a namesake elsewhere
            numbers += 1
            yield replace(person, truth=truth, email=f"n{numbers}@example.net", mobile=f"{MOBILES[country]}{numbers}")
            truth += 1
        previous = person


def _companies(rng: random.Random, truth: int, country: str, given: list[str], numbers: int) -> Iterator[Somebody]:
    """A company and its branch under one VAT number, and its owner as a private customer with the company's phone."""
    name, trade = _word(rng, country, 2), rng.choice(_TRADES)
    vat = f"{country}{numbers:09d}"
    email, mobile = f"kontor{numbers}@example.org", f"{MOBILES[country]}{numbers}"
    core = f"{name} {trade}"
    branches = rng.random() < 0.5
    first = f"{core} {_word(rng, country, 3)}" if branches else core
    contact = rng.choice(given) if rng.random() < 0.3 else None
    yield Somebody(truth, country, contact, _word(rng, country, 3) if contact else None, first, email, mobile, vat)
    if branches:
        numbers += 5_000_000
        yield Somebody(
            truth + 1,
            country,
            None,
            None,
            f"{core} {_word(rng, country, 3)}",
            f"filiale{numbers}@example.org",
            None,
            vat,
        )
    owner = _different(rng, given, contact or "")
    yield Somebody(
        truth + 2, country, owner, _word(rng, country, 3), None, None, mobile if rng.random() < 0.5 else None, None
    )


def _records(rng: random.Random, somebody: Somebody) -> Iterator[Row]:
    """What each till made of one customer."""
    held = [system for system in SYSTEMS if rng.random() < 0.7] or [rng.choice(SYSTEMS)]
    if rng.random() < 0.02:
        held.append(rng.choice(held))
    for system in held:
        email = somebody.email if rng.random() > 0.1 else None
        mobile = somebody.mobile if rng.random() > 0.1 else None
        if email and rng.random() < 0.03:
            email = f"moved{rng.randrange(10**9)}@example.net"
        given, family = _as_typed(rng, somebody, system)
        company = somebody.company
        if company and rng.random() < 0.6:
            company = f"{company} {rng.choice(_FORMS[somebody.country])}"
        vat = somebody.vat if rng.random() > 0.2 else None
        yield Row(system, "", somebody.truth, given, family, company, company is not None, email, mobile, vat)


def _as_typed(rng: random.Random, somebody: Somebody, system: str) -> tuple[str | None, str | None]:
    given, family = somebody.given, somebody.family
    if given is None:
        return None, None
    chance = rng.random()
    if chance < 0.010:
        given = _typo(rng, given)
    elif chance < 0.030 and family:
        family = _typo(rng, family)
    elif chance < 0.040:
        given = given[0] + "."
    elif chance < 0.050:
        given, family = family, given
    elif chance < 0.055:
        family = None
    elif chance < 0.058:
        return None, None
    elif chance < 0.080 and family:
        family = _word(rng, somebody.country, 3)  # married
    elif chance < 0.200:
        given, family = _respelt(given), family and _respelt(family)
    elif chance < 0.260:
        given, family = given.upper(), family and family.upper()
    elif chance < 0.280:
        given = f"{given} {_word(rng, somebody.country, 2)}"
    if somebody.country == "SA" and system == "riyadh" and chance > 0.28 and rng.random() < 0.5:
        return _in_arabic(given or ""), family and _in_arabic(family)
    return given, family


def _walk_ins(rng: random.Random, customers: int) -> Iterator[Row]:
    """Customers entered with the shop's own phone or one no-reply address."""
    for at in range(customers // 50):
        country = rng.choice(COUNTRIES)
        system = rng.choice(SYSTEMS)
        shared = {"mobile": "+4915100000001"} if at % 2 else {"email": "kasse@example.com"}
        yield Row(system, "", 10**9 + at, _word(rng, country, 2), _word(rng, country, 3), **shared)


def _word(rng: random.Random, country: str, syllables: int) -> str:
    onsets, vowels, codas = (table[country].split() for table in (_ONSETS, _VOWELS, _CODAS))
    text = "".join(rng.choice(onsets) + rng.choice(vowels) for _ in range(syllables)) + rng.choice(codas)
    return text.capitalize()


def _pick(rng: random.Random, pool: list[str]) -> str:
    """Some names are common."""
    return pool[int(len(pool) * rng.random() ** 2)]


def _plain(text: str) -> str:
    return _respelt(text).lower()


def _respelt(text: str) -> str:
    return "".join(_UMLAUTS.get(letter, letter) for letter in text.lower()).capitalize()


def _different(rng: random.Random, pool: list[str], given: str) -> str:
    while (other := rng.choice(pool)) == given:
        pass
    return other


def _sibling_name(rng: random.Random, given: str) -> str:
    """Another name of the same family of sounds: one vowel, the first letter or the ending differs."""
    where = [at for at, letter in enumerate(given.lower()) if letter in "aeiouüäöøå"]
    how = rng.random()
    if how < 0.4:
        at = rng.choice(where)
        return (
            given[:at]
            + rng.choice([vowel for vowel in "aeiou" if vowel != _respelt(given[at])[0].lower()])
            + given[at + 1 :]
        )
    if how < 0.7:
        return given + rng.choice(("a", "e", "ine"))
    return rng.choice([letter for letter in "BDFGLMNRT" if letter != given[0]]) + given[1:]


def _typo(rng: random.Random, text: str) -> str:
    at = rng.randrange(1, len(text) - 1)
    how = rng.random()
    if how < 0.35:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if how < 0.65:
        return text[:at] + text[at + 1 :]
    if how < 0.85:
        return text[:at] + text[at] + text[at:]
    return text[:at] + rng.choice("bdfgklmnprst") + text[at + 1 :]


def _in_arabic(text: str) -> str:
    """Consonants, and the long vowels that a writer would put: here every second vowel."""
    letters, vowel = [], 0
    for letter in text.lower():
        if letter in "aiu":
            vowel += 1
            if vowel % 2 == 0:
                letters.append(_ARABIC[letter])
        elif letter in _ARABIC:
            letters.append(_ARABIC[letter])
    return "".join(letters)
