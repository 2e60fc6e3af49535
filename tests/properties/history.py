"""Random histories of three tills: what staff, integrators and networks do between and during the runs. Plain data, so that a failing
one is printed as it is and shrinks step by step.

`histories()` makes them; `do(step, world)` carries a step out. Records are picked by number, modulo what is there at that moment, so that
any part of a history is a history too.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hypothesis import strategies as st

from connectors.simulators.dials import ALL_SCOPES
from connectors.simulators.till import Till
from state import inbox
from tests.engine import Workshop
from tests.quick import books

TillName = Literal["berlin", "oslo", "riyadh"]
Key = tuple[str, str]
"""(system, record_id)"""

TILLS: tuple[TillName, ...] = ("berlin", "oslo", "riyadh")
GIVEN = ("Anna", "Lars", "Omar", "Petra", "Silje", "Fatima")
FAMILY = ("Berg", "Schmidt", "Haddad")
NEW_EMAILS = tuple(f"new{n}@example.com" for n in range(9))
"""Nobody has one of these at first: most changed addresses are nobody else's."""
EMAILS = tuple(f"p{n}@example.com" for n in range(7))
PHONES = tuple(f"+4915112345{n:03d}" for n in range(5)) + tuple(f"+474612{n:04d}" for n in range(2))
LANDLINE = "+493022334455"
"""Identifies nobody: who has nothing else is without a key."""
CITIES = ("Berlin", "Oslo", "Bonn")
NOTES = ("tea", "coffee", "window seat")
VATS = ("DE288362273", "DE136695976")

FIELDS = ("email", "phone", "city", "note", "given", "vat", "consent")
COLUMNS: dict[str, dict[str, str]] = {
    "berlin": {"given": "first_name", "family": "last_name", "email": "email", "phone": "phone_number", "note": "note",
               "vat": "tax_number", "consent": "email_marketing_agreed"},
    "oslo": {"given": "firstname", "family": "lastname", "email": "email", "phone": "mobile", "city": "city",
             "note": "internalNote", "vat": "vatNumber"},
    "riyadh": {"email": "email"},
}  # fmt: skip
"""Field → the till's own name, where staff simply type it in."""


@dataclass(frozen=True)
class Person:
    """Somebody as one till's staff write them down; empty text is nothing."""

    given: str
    family: str
    email: str = ""
    phone: str = ""
    city: str = ""
    note: str = ""
    vat: str = ""
    consent: str = ""


@dataclass(frozen=True)
class Add:
    till: TillName
    person: Person


@dataclass(frozen=True)
class Edit:
    """One field of one record gets another value, or "" (it is emptied)."""

    till: TillName
    pick: int
    field: str
    value: str


@dataclass(frozen=True)
class Delete:
    till: TillName
    pick: int


@dataclass(frozen=True)
class Restore:
    """Foodics can bring a deleted customer back."""

    pick: int


@dataclass(frozen=True)
class Decide:
    """A person decides an open review, or unlinks a record."""

    pick: int
    kind: Literal["merge", "apart", "unlink"]


@dataclass(frozen=True)
class Remap:
    """The integrator lays a mapping file over the shipped one, or takes it away."""

    override: Literal["no_note", "gender"]
    on: bool


@dataclass(frozen=True)
class Scopes:
    """Foodics's token loses permissions, or has them again."""

    lost: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One command. `faults`: chance of trouble per request, with its seed; `only`: `--system`."""

    command: Literal["sync", "backfill", "dry-run"] = "sync"
    faults: tuple[float, int] | None = None
    only: TillName | None = None

    @property
    def is_clean(self) -> bool:
        return self.command != "dry-run" and self.faults is None and self.only is None


Step = Add | Edit | Delete | Restore | Decide | Remap | Scopes | Run


@dataclass(frozen=True)
class Setup:
    """The merchant's configuration, as far as it varies."""

    conflict: Literal["newest", "prefer"] = "newest"
    propagate: tuple[TillName, ...] = ()
    read_only: TillName | None = None
    create_off: TillName | None = None


@dataclass(frozen=True)
class History:
    setup: Setup
    steps: tuple[Step, ...]


def _mostly(nothing: float, values: tuple[str, ...]) -> st.SearchStrategy[str]:
    weight = max(1, round(nothing * len(values)))
    return st.sampled_from((*values, *[""] * weight))


people = st.builds(
    Person,
    st.sampled_from(GIVEN),
    st.sampled_from(FAMILY),
    _mostly(0.4, EMAILS),
    _mostly(0.3, (*PHONES, LANDLINE)),
    _mostly(1, CITIES),
    _mostly(2, NOTES),
    _mostly(4, VATS),
    st.sampled_from(("", "", "", "yes")),
)
tills = st.sampled_from(TILLS)
picks = st.integers(0, 30)
values = {
    "email": _mostly(0.2, (*NEW_EMAILS, *EMAILS)),
    "phone": _mostly(0.3, PHONES),
    "city": _mostly(0.3, CITIES),
    "note": _mostly(0.3, NOTES),
    "given": st.sampled_from(GIVEN),
    "vat": _mostly(0.5, VATS),
    "consent": st.sampled_from(("yes", "")),
}
edits = st.sampled_from(("email", "city", "note", *FIELDS)).flatmap(
    lambda name: st.builds(Edit, tills, picks, st.just(name), values[name])
)
adds = st.builds(Add, tills, people)
staff = st.one_of(
    edits, edits, edits, edits, adds, adds, st.builds(Delete, tills, picks), st.builds(Restore, picks),
    st.builds(Decide, picks, st.sampled_from(("merge", "apart", "unlink"))),
)  # fmt: skip
integrator = st.one_of(
    st.builds(Remap, st.sampled_from(("no_note", "gender")), st.booleans()),
    st.builds(
        Scopes, st.sampled_from(((), ("customers.write",), ("customers.accounts.read", "customers.loyalty.read")))
    ),
)
clean_runs = st.builds(Run, st.sampled_from(("sync", "sync", "sync", "backfill")))
odd_runs = st.one_of(
    st.just(Run("dry-run")),
    st.builds(Run, st.just("sync"), st.none(), tills),
    st.builds(lambda chance, seed: Run("sync", (chance, seed)), st.sampled_from((0.05, 0.2, 0.5)), st.integers(0, 999)),
)


@st.composite
def _rounds(draw: st.DrawFn) -> list[Step]:
    # Half of the rounds have plain edits only: the naive model of law 6 can say most about those.
    steps: list[Step] = draw(
        st.lists(edits, min_size=1, max_size=6) if draw(st.booleans()) else st.lists(staff, max_size=10)
    )
    if draw(st.integers(0, 5)) == 0:
        steps.append(draw(integrator))
    return [*steps, draw(st.one_of(clean_runs, clean_runs, odd_runs))]


setups = st.builds(
    Setup,
    st.sampled_from(("newest", "prefer")),
    st.sampled_from(((), (), ("oslo",), TILLS)),
    st.sampled_from((None, None, None, None, *TILLS)),
    st.sampled_from((None, None, None, None, *TILLS)),
)


@st.composite
def histories(draw: st.DrawFn, rounds: int = 4) -> History:
    """A first world, then so many rounds of work at most, each with a run at its end."""
    steps: list[Step] = draw(st.lists(adds, min_size=2, max_size=10))
    for part in draw(st.lists(_rounds(), min_size=1, max_size=rounds)):
        steps.extend(part)
    return History(draw(setups), tuple(steps))


OVERRIDES = {
    "no_note": ("flow_retail", "connector: flow_retail\nrules:\n  note: null\n"),
    "gender": (
        "inventorum",
        (
            "connector: inventorum\nrules:\n  gender:\n    canonical: gender\n    transform: table\n    fields: title\n"
            '    options: {table: {"Mr.": male, "Mrs.": female}}\n    default: [male]\n'
        ),
    ),
}
"""Name → (connector, mapping file)."""


@dataclass
class World:
    """A workspace under way, with who did what since it last ran well."""

    w: Workshop
    done: list[str] = field(default_factory=list)

    @property
    def store(self) -> Path:
        return self.w.folder / "var" / "customers.duckdb"

    @property
    def mappings(self) -> Path:
        return self.w.folder / "mappings"

    def till(self, name: str) -> Till[Any]:
        return self.w.shop.tills[name]

    def pick(self, name: str, number: int) -> str | None:
        """A record of one till by number, None where it has none."""
        ids = sorted(self.till(name).customers())
        return ids[number % len(ids)] if ids else None


def columns(till: str, person: Person) -> dict[str, Any]:
    """How this till's staff enter a person."""
    row: dict[str, Any] = {}
    for name in ("given", "family", "email", "phone", "city", "note", "vat", "consent"):
        row.update(typed(till, name, getattr(person, name), {}))
    if till == "riyadh":
        row["name"] = f"{person.given} {person.family}"
        row.setdefault("email", None)
        if not person.phone:  # this vendor has nobody without one
            row.update(dial_code=49, phone=f"15119999{zlib.crc32(repr(person).encode()) % 1000:03d}")
    return row


def typed(till: str, name: str, value: str, present: dict[str, Any]) -> dict[str, Any]:
    """What staff change in the till's own fields to enter `value`; {} where this till has no such field."""
    if till == "riyadh" and name == "phone":
        return {"dial_code": int(value[1:3]), "phone": value[3:]} if value else {}
    if till == "riyadh" and name == "given" and present:
        return {"name": f"{value} {str(present['name']).rpartition(' ')[2]}"}
    if till == "berlin" and name == "city":
        address = present.get("billing_address") or {}
        return {"billing_address": {**address, "city": value}} if value or address else {}
    column = COLUMNS[till].get(name)
    if column is None:
        return {}
    if name == "consent":
        return {column: value == "yes"}
    return {column: value or (None if till == "riyadh" else "")}


def shown(till: str, row: dict[str, Any], name: str) -> str | None:
    """A field as the till shows it, in the histories' own form; None where the till has no such field."""
    if till == "riyadh" and name == "phone":
        return f"+{row['dial_code']}{row['phone']}" if row["phone"] else ""
    if till == "riyadh" and name == "given":
        return str(row["name"]).partition(" ")[0]
    if till == "berlin" and name == "city":
        return str((row["billing_address"] or {}).get("city") or "")
    column = COLUMNS[till].get(name)
    if column is None:
        return None
    if name == "consent":
        return "yes" if row[column] else ""
    return str(row[column] or "")


def do(step: Step, world: World) -> Key | None:
    """Carry out one step that is no run; returns the record it was about, None when there was nothing to do it to."""
    match step:
        case Add(till, person):
            return till, world.till(till).add(**columns(till, person))
        case Edit(till, number, name, value):
            record_id = world.pick(till, number)
            if record_id is None:
                return None
            change = typed(till, name, value, world.till(till).customer(record_id))
            if not change:
                return None
            world.till(till).edit(record_id, **change)
            return till, record_id
        case Delete(till, number):
            record_id = world.pick(till, number)
            if record_id is None:
                return None
            world.till(till).delete(record_id)
            return till, record_id
        case Restore(number):
            riyadh = world.w.shop.riyadh
            gone = sorted(riyadh.deleted())
            if not gone:
                return None
            riyadh.restore(gone[number % len(gone)])
            return "riyadh", gone[number % len(gone)]
        case Decide(number, "unlink"):
            links = books(world.store, "SELECT system, record_id FROM core.links ORDER BY ALL")
            if not links:
                return None
            system, record_id = links[number % len(links)]
            inbox.put(world.store, "unlink", {"system": system, "record_id": record_id}, world.w.shop.clock.tick())
            return system, record_id
        case Decide(number, kind):
            reviews = books(
                world.store,
                "SELECT review_id, left_system, left_record_id, right_system, right_record_id FROM core.reviews"
                " WHERE decision IS NULL ORDER BY ALL",
            )
            if not reviews:
                return None
            review_id, left, left_id, right, right_id = reviews[number % len(reviews)]
            subject = {"review_id": review_id, "left": [left, left_id], "right": [right, right_id]}
            inbox.put(world.store, kind, subject, world.w.shop.clock.tick())
            return left, left_id
        case Remap(override, on):
            connector, text = OVERRIDES[override]
            path = world.mappings / f"{connector}.yaml"
            if on:
                path.write_text(text, encoding="utf-8")
            else:
                path.unlink(missing_ok=True)
        case Scopes(lost):
            world.w.shop.riyadh.turn(scopes=tuple(scope for scope in ALL_SCOPES if scope not in lost))
        case Run():
            raise AssertionError("runs are the machine's")
    return None
