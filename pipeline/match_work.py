"""What a match has to look at: the keys of the changed records, everything that could depend on them, values that identify nobody.

Reads:      core.changed, core.normalised, core.links, core.reviews, core.held, core.shared_values, core.records, core.identities
Writes:     core.shared_values; temporary tables match_work, match_seen, match_decided, match_unlinked, match_referred
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import duckdb

from pipeline.likeness import Likeness
from pipeline.relations import count, fill
from pipeline.settled import Decisions
from pipeline.sql import query
from pipeline.vetoes import KEY_BITS, Face, compare, read_face

MOST_PEOPLE = 5
"""An e-mail or mobile held by so many clearly different people anywhere identifies nobody."""
ROLES = (
    "info",
    "office",
    "kontakt",
    "contact",
    "mail",
    "post",
    "hello",
    "sales",
    "admin",
    "shop",
    "support",
    "service",
    "team",
    "noreply",
)


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """What counts as a key. `shared_after`: a value held by more records of one system identifies nobody."""

    on: tuple[str, ...] = ("email", "mobile", "vat")
    ignore: frozenset[str] = frozenset()
    shared_after: int = 10
    role_addresses: bool = False
    """Whether addresses such as info@ identify nobody."""


def prepare(con: duckdb.DuckDBPyConnection, settings: MatchSettings, decisions: Decisions) -> None:
    """Settings and decisions as temporary tables, and the view of all keys."""
    fill(con, "match_on", "bit INTEGER", [(KEY_BITS[name],) for name in settings.on])
    ignored = {
        text
        for value in settings.ignore
        for text in (value.strip().casefold(), "".join(value.split()), "".join(value.split()).upper())
    }
    fill(con, "match_ignored", "value VARCHAR", [(value,) for value in sorted(ignored)])
    fill(con, "match_roles", "local_part VARCHAR", [(name,) for name in ROLES if settings.role_addresses])
    pair = "kind VARCHAR, left_system VARCHAR, left_record_id VARCHAR, right_system VARCHAR, right_record_id VARCHAR"
    fill(con, "match_decided", pair, [(d.kind, *d.left, *d.right) for d in decisions.pairs.values()])
    fill(
        con,
        "match_unlinked",
        "system VARCHAR, record_id VARCHAR, since TIMESTAMPTZ",
        [(*key, at) for key, at in decisions.unlinked.items()],
    )
    # Carried out already, or nobody else there: nothing to take the record out of.
    con.execute("""
        DELETE FROM match_unlinked AS u WHERE NOT EXISTS (
            SELECT 1 FROM core.links AS l JOIN core.links AS other USING (customer_id)
            WHERE (l.system, l.record_id) = (u.system, u.record_id) AND l.linked_at <= u.since
              AND (other.system, other.record_id) <> (l.system, l.record_id))""")
    for step in ("match_keys", "match_referred", "match_folded", "match_face"):
        con.execute(query(step))


def gather(con: duckdb.DuckDBPyConnection, settings: MatchSettings) -> None:
    """match_work: every record whose match could depend on a changed one; match_seen: the values they share, crowded ones marked."""
    limit = {"shared_after": settings.shared_after}
    con.execute(query("match_again"), limit)
    con.execute(query("match_seeds"))
    con.execute("CREATE OR REPLACE TEMP TABLE match_seen (bit INTEGER, value VARCHAR, holders BIGINT, why VARCHAR)")
    con.execute("CREATE OR REPLACE TEMP TABLE match_asked (bit INTEGER, value VARCHAR)")
    con.execute("CREATE OR REPLACE TEMP TABLE match_ask (bit INTEGER, value VARCHAR)")
    con.execute("CREATE OR REPLACE TEMP TABLE match_work (system VARCHAR, record_id VARCHAR)")
    if count(con, "SELECT count(*) FROM match_front") * 5 > count(con, "SELECT count(*) FROM core.normalised"):
        # So much changed that the neighbourhood would be most of the store: look at everything at once.
        con.execute(
            "INSERT INTO match_work SELECT system, record_id FROM core.normalised UNION SELECT system, record_id FROM core.links"
        )
        con.execute(query("match_values"), {"everything": True, **limit})
        con.execute("INSERT INTO match_asked SELECT bit, value FROM match_seen UNION FROM match_again")
        con.execute("DELETE FROM core.shared_values")
        return
    con.execute("INSERT INTO match_asked FROM match_again")
    while count(con, "SELECT count(*) FROM match_front"):
        con.execute("INSERT INTO match_work FROM match_front")
        con.execute("""
            CREATE OR REPLACE TEMP TABLE match_ask AS
            SELECT DISTINCT bit, value FROM match_keys SEMI JOIN match_front USING (system, record_id)
            ANTI JOIN match_seen USING (bit, value)""")
        con.execute(query("match_values"), {"everything": False, **limit})
        con.execute("INSERT INTO match_asked FROM match_ask")
        con.execute(query("match_neighbours"))
        con.execute("CREATE OR REPLACE TEMP TABLE match_front AS FROM match_next")
    con.execute("""
        DELETE FROM core.shared_values
        WHERE (CASE field WHEN 'vat' THEN 4 WHEN 'email' THEN 2 ELSE 1 END, value) IN (SELECT (bit, value) FROM match_asked)""")


def find_shared(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Mark values held by too many clearly different people, and store every value that identifies nobody."""
    people: dict[tuple[int, str], list[Face]] = defaultdict(list)
    for bit, value, *columns in con.execute(query("match_crowds"), {"people": MOST_PEOPLE}).fetchall():
        seen = people[bit, value]
        face = read_face(*columns)
        if (
            len(seen) < MOST_PEOPLE
            and face.person
            and all(compare(face, other).likeness is Likeness.DIFFER for other in seen)
        ):
            seen.append(face)
    crowds = [key for key, seen in people.items() if len(seen) >= MOST_PEOPLE]
    fill(con, "match_crowds", "bit INTEGER, value VARCHAR", crowds)
    con.execute("UPDATE match_seen SET why = 'people' WHERE (bit, value) IN (SELECT (bit, value) FROM match_crowds)")
    con.execute(
        """INSERT INTO core.shared_values
        SELECT CASE bit WHEN 4 THEN 'vat' WHEN 2 THEN 'email' ELSE 'mobile' END, value, why, holders, ?
        FROM match_seen WHERE why IS NOT NULL ORDER BY 1, 2""",
        [run_id],
    )
