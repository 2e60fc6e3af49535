"""The demo's customers: three overlapping lists that disagree, and the truth about who is who.

Everybody here is invented. German mobile numbers come from the ranges that the German regulator keeps for film and fiction;
e-mail addresses from the domains reserved for examples; VAT numbers have right check digits and belong to nobody we know.
The same seed gives the same people in the same order on every machine.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stdnum.de import vat as de_vat
from stdnum.no import orgnr

Row = dict[str, Any]
SYSTEMS = ("berlin", "oslo", "riyadh")


@dataclass(frozen=True, slots=True)
class Person:
    """One customer as they really are. `phone`: national significant number; `arabic`: the name as written at home, if in Arabic."""

    who: str
    home: str
    given: str
    family: str
    email: str = ""
    phone: str = ""
    arabic: str = ""
    company: str = ""
    vat: str = ""
    street: str = ""
    number: str = ""
    postcode: str = ""
    city: str = ""
    birthday: str = ""
    female: bool = False


@dataclass(slots=True)
class Sample:
    """Rows by system, in the vendor's own fields, and beside each row who it is (`truth[system][i]`; None: nobody, a placeholder)."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in SYSTEMS})
    truth: dict[str, list[str | None]] = field(default_factory=lambda: {name: [] for name in SYSTEMS})

    def add(self, system: str, row: Row, who: str | None) -> None:
        """One more record."""
        self.rows[system].append(row)
        self.truth[system].append(who)


DIAL = {"DE": "49", "NO": "47", "SA": "966"}
TILL_OF = {"DE": "berlin", "NO": "oslo", "SA": "riyadh"}

_DE_GIVEN = [
    "Anna", "Lukas", "Sophie", "Jürgen", "Käthe", "Matthias", "Jana", "Björn", "Clara", "Felix", "Greta",
    "Holger", "Ines", "Jakob", "Katrin", "Leonie", "Moritz", "Nadine", "Oskar", "Petra",
]  # fmt: skip
_DE_FEMALE = {"Anna", "Sophie", "Käthe", "Jana", "Clara", "Greta", "Ines", "Katrin", "Leonie", "Nadine", "Petra"}
_DE_FAMILY = [
    "Müller", "Schmidt", "Weiß", "von der Heide", "Größmann", "Kühn", "Schäfer", "Vogel", "Zimmermann", "Brandt", "Lüders", "Ostermann",
    "Köhler-Braun", "Winter", "Hartmann", "Engel", "Jäger", "Sommer", "Roth", "Pfeiffer",
]  # fmt: skip
_NO_GIVEN = [
    "Ingrid", "Lars", "Solveig", "Bjørn", "Åse", "Håkon", "Kari", "Øystein", "Marit", "Tore", "Silje",
    "Eirik", "Anne-Marie", "Per-Olav", "Guro", "Sindre",
]  # fmt: skip
_NO_FEMALE = {"Ingrid", "Solveig", "Åse", "Kari", "Marit", "Silje", "Anne-Marie", "Guro"}
_NO_FAMILY = [
    "Hansen", "Ødegård", "Bakken", "Solbakken", "Lunde", "Nygård", "Strand", "Haugen", "Moen", "Aas",
    "Fjellheim", "Sæther", "Vik", "Dahl", "Myhre", "Brekke",
]  # fmt: skip
_SA_NAMES = [
    ("Mohammed", "Al Harbi", "محمد الحربي"), ("Fatimah", "Al Otaibi", "فاطمة العتيبي"), ("Abdullah", "Al Ghamdi", "عبدالله الغامدي"),
    ("Noura", "Al Qahtani", "نورة القحطاني"), ("Khalid", "Al Dossari", "خالد الدوسري"), ("Sara", "Al Shehri", "سارة الشهري"),
    ("Faisal", "Al Mutairi", "فيصل المطيري"), ("Layla", "Al Zahrani", "ليلى الزهراني"), ("Omar", "Al Anazi", "عمر العنزي"),
    ("Huda", "Al Malki", "هدى المالكي"), ("Yousef", "Al Subaie", "يوسف السبيعي"), ("Reem", "Al Balawi", "ريم البلوي"),
    ("Saad", "Al Rashidi", "سعد الرشيدي"), ("Maha", "Al Juhani", "مها الجهني"), ("Turki", "Al Shammari", "تركي الشمري"),
]  # fmt: skip
_SA_FEMALE = {"Fatimah", "Noura", "Sara", "Layla", "Huda", "Reem", "Maha"}
_STREETS = {
    "DE": [("Voltastraße", "13355", "Berlin"), ("Lindenallee", "14050", "Berlin"), ("Am Kupfergraben", "10117", "Berlin"),
           ("Hafenweg", "20457", "Hamburg")],
    "NO": [("Storgata", "0155", "Oslo"), ("Kirkeveien", "0361", "Oslo"), ("Bryggegata", "5003", "Bergen")],
    "SA": [("King Fahd Road", "12271", "Riyadh"), ("Olaya Street", "12213", "Riyadh")],
}  # fmt: skip
_COMPANIES = {
    "DE": ["Bäckerei Sonnenschein GmbH", "Kaffeehaus am Park KG", "Blumen Lindner GmbH", "Tischlerei Nordlicht GmbH", "Hotel Seeblick GmbH",
           "Fahrradwerkstatt Speiche UG", "Druckerei Havel GmbH", "Weinhandel Rebstock GmbH"],
    "NO": ["Fjordbygg AS", "Solsiden Kafé AS", "Nordlys Design AS", "Bakeren på Hjørnet AS", "Havna Sjømat AS", "Trevare Sør AS"],
}  # fmt: skip


def sample(seed: int = 7) -> Sample:
    """A few hundred records in three lists: the same people spelled differently, families, companies, duplicates, odd ones."""
    rng = random.Random(seed)  # noqa: S311  invented people, no secrets
    made = Sample()
    people = list(_people(rng))
    for person in people:
        for system in _tills(rng, person):
            made.add(system, _row(rng, system, person), person.who)
    _families(rng, made, people)
    _odd_ones(rng, made, people)
    return made


def _people(rng: random.Random) -> Iterator[Person]:
    de_mobiles, no_mobiles, sa_mobiles = _mobiles(rng)
    spans = (("DE", 96, de_mobiles), ("NO", 72, no_mobiles), ("SA", 66, sa_mobiles))
    for home, count, mobiles in spans:
        used: set[tuple[str, str]] = set()
        for i in range(count):
            given, family, arabic, female = _name(rng, home)
            while (given, family) in used and home != "SA":
                given, family, arabic, female = _name(rng, home)
            used.add((given, family))
            street, postcode, city = rng.choice(_STREETS[home])
            yield Person(
                who=f"{home}-{i:03}", home=home, given=given, family=family, arabic=arabic, female=female,
                email="" if rng.random() < 0.12 else f"{_ascii(given)}.{_ascii(family)}{i}@example.{rng.choice(['com', 'org', 'net'])}",
                phone=next(mobiles) if rng.random() > (0.03 if home == "SA" else 0.15) else "",
                street=street, number=str(rng.randint(1, 140)), postcode=postcode, city=city,
                birthday=f"{rng.randint(1950, 2004)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}" if rng.random() < 0.5 else "",
            )  # fmt: skip
    yield from _companies(rng)


def _mobiles(rng: random.Random) -> tuple[Iterator[str], Iterator[str], Iterator[str]]:
    german = sorted({f"17139200{n:02}" for n in range(100)} | {f"176040690{n:02}" for n in range(100)})
    norwegian = [f"4600{n:04}" for n in rng.sample(range(1000, 9999), 200)]
    saudi = [f"5500{n:05}" for n in rng.sample(range(10000, 99999), 200)]
    rng.shuffle(german)
    return iter(german), iter(norwegian), iter(saudi)


def _name(rng: random.Random, home: str) -> tuple[str, str, str, bool]:
    if home == "SA":
        given, family, arabic = rng.choice(_SA_NAMES)
        return given, family, arabic, given in _SA_FEMALE
    givens, families, female = (
        (_DE_GIVEN, _DE_FAMILY, _DE_FEMALE) if home == "DE" else (_NO_GIVEN, _NO_FAMILY, _NO_FEMALE)
    )
    given = rng.choice(givens)
    return given, rng.choice(families), "", given in female


def _companies(rng: random.Random) -> Iterator[Person]:
    for home, names in _COMPANIES.items():
        for i, name in enumerate(names):
            given, family, _, female = _name(rng, home)
            street, postcode, city = rng.choice(_STREETS[home])
            yield Person(
                who=f"{home}-co-{i}", home=home, given=given, family=family, company=name, vat=_vat(rng, home), female=female,
                email=f"kontakt@{_ascii(name.split()[0])}{i}.example.com", street=street, number=str(rng.randint(1, 80)),
                postcode=postcode, city=city,
                phone=f"3023125{rng.randint(100, 999)}" if home == "DE" else f"2200{rng.randint(1000, 9999)}",
            )  # fmt: skip


def _vat(rng: random.Random, home: str) -> str:
    """A number whose check digit is right, found by trying."""
    while True:
        body, is_valid = (
            (f"{rng.randint(10**8, 10**9 - 1)}", de_vat.is_valid)
            if home == "DE"
            else (f"9{rng.randint(10**7, 10**8 - 1)}", orgnr.is_valid)
        )
        if is_valid(body):
            return f"{home}{body}"


def _tills(rng: random.Random, person: Person) -> Iterator[str]:
    """Always the till at home; the others for some."""
    home = TILL_OF[person.home]
    yield home
    for other in SYSTEMS:
        if other != home and rng.random() < 0.3 and (person.email or person.phone or person.vat):
            yield other


def _row(rng: random.Random, system: str, person: Person) -> Row:
    if system != TILL_OF[person.home]:
        person = _as_typed_abroad(rng, person)
    return {"berlin": _inventorum, "oslo": _flow_retail, "riyadh": _foodics}[system](rng, person)


def _as_typed_abroad(rng: random.Random, person: Person) -> Person:
    """Another clerk types the same person: transliterated, in capitals, without the e-mail or with the old address."""
    given, family = person.given, person.family
    match rng.randrange(4):
        case 0:
            given, family = _ascii(given).title(), _spelled(family)
        case 1:
            given, family = given.upper(), family.upper()
        case 2 if person.phone and person.email:
            person = replace(person, email="") if rng.random() < 0.5 else replace(person, phone="")
        case _ if not person.company:
            person = replace(person, street="", number="", postcode="", city="")
    return replace(person, given=given, family=family, arabic="")


def _inventorum(rng: random.Random, person: Person) -> Row:
    two_lines = rng.random() < 0.4
    address = {
        "first_name": person.given, "last_name": person.family, "company": person.company, "title": "Mr.", "state": "",
        "address1": person.street if two_lines else f"{person.street} {person.number}".strip(),
        "address2": person.number if two_lines else "", "zipcode": person.postcode, "city": person.city,
        "country": person.home if person.street else "DE",
    }  # fmt: skip
    return {
        "first_name": person.given, "last_name": person.family, "company": person.company, "email": _email(rng, person),
        "phone_number": _phone_text(rng, person, "DE"), "birthday": f"{person.birthday}T00:00:00Z" if person.birthday else None,
        "is_b2b": bool(person.company), "tax_number": _spaced(rng, person.vat), "billing_address": address,
        "title": "Mr.", "email_marketing_agreed": rng.random() < 0.2, "is_vip": rng.random() < 0.05,
        "note": "Zahlt meist bar" if rng.random() < 0.05 else "",
    }  # fmt: skip


def _flow_retail(rng: random.Random, person: Person) -> Row:
    row = {
        "firstname": person.given, "lastname": person.family, "companyName": person.company, "email": _email(rng, person),
        "mobile": _phone_text(rng, person, "NO"), "address": f"{person.street} {person.number}".strip(), "postalCode": person.postcode,
        "city": person.city, "countryCode": person.home if person.street else "", "vatNumber": _spaced(rng, person.vat.removeprefix("NO")),
        "internalNote": "",
    }  # fmt: skip
    return {**row, "customerType": "COMPANY"} if person.company else row


def _foodics(rng: random.Random, person: Person) -> Row:
    name = person.arabic if person.arabic and rng.random() < 0.5 else f"{person.given} {person.family}".strip()
    return {
        "name": name, "email": _email(rng, person) or None,
        "dial_code": int(DIAL[person.home]), "phone": person.phone, "gender": (2 if person.female else 1) if rng.random() < 0.6 else None,
        "birth_date": person.birthday or None,
    }  # fmt: skip


def _phone_text(rng: random.Random, person: Person, till_region: str) -> str:
    if not person.phone:
        return ""
    dial, number = DIAL[person.home], person.phone
    if person.home == till_region and rng.random() < 0.6:
        trunk = "0" if person.home == "DE" else ""
        return rng.choice(
            [
                f"{trunk}{number}",
                f"{trunk}{number[:3]} {number[3:]}",
                f"{trunk}{number[:3]} / {number[3:6]} {number[6:]}",
            ]
        )
    return rng.choice([f"+{dial}{number}", f"00{dial} {number}", f"+{dial} {number[:3]} {number[3:]}"])


def _email(rng: random.Random, person: Person) -> str:
    return person.email.upper() if rng.random() < 0.1 else person.email.title() if rng.random() < 0.1 else person.email


def _spaced(rng: random.Random, vat: str) -> str:
    return f"{vat[:2]} {vat[2:5]} {vat[5:8]} {vat[8:]}".strip() if vat and rng.random() < 0.4 else vat


def _families(rng: random.Random, made: Sample, people: Sequence[Person]) -> None:
    """Partners and children on one phone or one e-mail: different people, whatever the keys say."""
    homes = [
        person for person in people if person.phone and person.email and not person.company and person.home != "SA"
    ]
    for i, person in enumerate(rng.sample(homes, 10)):
        given, _, _, female = _name(rng, person.home)
        while given[0] == person.given[0]:
            given, _, _, female = _name(rng, person.home)
        relative = replace(
            person,
            who=f"{person.who}-rel",
            given=given,
            female=female,
            birthday="",
            email="" if i % 2 else person.email,
        )
        other = [name for name in ("berlin", "oslo") if name != TILL_OF[person.home]]
        for system in (TILL_OF[person.home], *(other if i < 3 else ())):
            made.add(system, _row(rng, system, relative), relative.who)


def _odd_ones(rng: random.Random, made: Sample, people: Sequence[Person]) -> None:
    """Duplicates inside one list, nameless and keyless customers, placeholders, numbers nobody can dial."""
    for person in rng.sample([p for p in people if p.home == "DE" and p.email and not p.company], 5):
        made.add("berlin", _inventorum(rng, replace(person, birthday="")), person.who)
    for person in rng.sample([p for p in people if p.home == "NO" and p.email and p.phone and not p.company], 4):
        made.add("oslo", _flow_retail(rng, replace(person, street="", number="", postcode="", city="")), person.who)
    for i, name in enumerate(["Erika Keine", "Paul Ohnenummer", "Frieda Nirgends"]):
        given, family = name.split()
        made.add("berlin", _inventorum(rng, Person(f"nokey-{i}", "DE", given, family)), f"nokey-{i}")
    for i, (here, there) in enumerate([("Greta", "Holger"), ("Moritz", "Ines"), ("Clara", "Jakob")]):
        shared = Person(f"couple-{i}", "DE", here, "Ostermann", phone=f"1728{i}99259")
        made.add("berlin", _inventorum(rng, shared), shared.who)
        partner = replace(shared, who=f"couple-{i}-partner", given=there)
        made.add("oslo", _flow_retail(rng, partner), partner.who)
    made.add("berlin", {"first_name": "Laufkunde", "last_name": "", "company": ""}, None)
    made.add("berlin", {"first_name": "Max", "last_name": "Falschnummer", "phone_number": "8277236x"}, "badphone")
    made.add("oslo", {"firstname": "Kontantkunde", "lastname": ""}, None)
    made.add("oslo", {"firstname": "Nils", "lastname": "Testmann", "mobile": "99999999"}, "placeholder-phone")
    made.add("riyadh", {"name": "Walk-in Customer", "dial_code": 966, "phone": "555555555"}, None)


_LETTERS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae", "é": "e", " ": "", "-": ""}
)


def _ascii(text: str) -> str:
    return text.lower().translate(_LETTERS)


def _spelled(family: str) -> str:
    """The family name as somebody without umlauts on the keyboard writes it, capitals and spaces kept."""
    return "".join(
        _ascii(c) if c.islower() and c not in " -" else {"Ø": "Oe", "Å": "Aa", "Æ": "Ae", "Ö": "Oe"}.get(c, c)
        for c in family
    )
