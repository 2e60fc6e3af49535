"""The faces that meet in this match: read once, compared once, and on which side of a contested value each stands.

Reads:      match_shares, match_nodes, core.normalised
Writes:     temporary tables match_compared, match_wanted, match_sides
"""

from __future__ import annotations

from functools import lru_cache

import duckdb

from pipeline.likeness import Likeness
from pipeline.relations import fill, stream
from pipeline.sql import query
from pipeline.vetoes import Face, Level, Verdict, compare, read_face

MOST_SIDES = 12
"""So many clearly different holders of one value are told apart when it is asked whom a vague name means."""


class Faces:
    """The faces that meet a different one, and how they compare: each pair is judged once."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute("""
            CREATE OR REPLACE TEMP TABLE match_compared AS
            SELECT DISTINCT least(left_name, right_name) AS low, greatest(left_name, right_name) AS high
            FROM match_shares WHERE left_name <> right_name AND left_name <> 0 AND right_name <> 0""")
        # Faces that a link or a decision put beside another one can meet any face that comes to their component.
        con.execute("""
            CREATE OR REPLACE TEMP TABLE match_wanted AS
            SELECT low AS name FROM match_compared UNION SELECT high FROM match_compared
            -- A nameless record can bridge two faces that share no value.
            UNION SELECT left_name + right_name FROM match_shares WHERE left_name = 0 OR right_name = 0
            UNION SELECT name FROM match_nodes WHERE bound IN (
                SELECT bound FROM match_nodes WHERE bound IS NOT NULL GROUP BY bound HAVING count(DISTINCT name) > 1)
            UNION SELECT n.name FROM match_nodes AS n
            JOIN match_decided AS d ON n.system = d.left_system AND n.record_id = d.left_record_id
            UNION SELECT n.name FROM match_nodes AS n
            JOIN match_decided AS d ON n.system = d.right_system AND n.record_id = d.right_record_id""")
        self.faces: dict[int, Face] = {
            row[0]: read_face(*row[1:]) for row in con.execute(query("match_names")).fetchall()
        }
        numbers: dict[object, int] = {}
        # Below zero, so that no number is a face's own.
        self.kin = {
            name: numbers.setdefault(kin, -1 - len(numbers))
            for name, face in self.faces.items()
            if (kin := _kin(face)) is not None
        }
        self.compare = lru_cache(maxsize=500_000)(self._compare)
        verdicts = [
            (low, high, verdict.likeness is Likeness.AGREE, _tells_apart(verdict))
            for low, high in con.execute("SELECT low, high FROM match_compared").fetchall()
            if (verdict := self.compare(low, high)).likeness is not Likeness.UNCLEAR or verdict.level is not Level.FREE
        ]
        fill(con, "match_compared", "low BIGINT, high BIGINT, agrees BOOLEAN, differs BOOLEAN", verdicts)

    def _compare(self, left: int, right: int) -> Verdict:
        # A face that was not read is a bug and must not pass for one that nothing speaks against.
        return compare(self.faces[left], self.faces[right])


def _kin(face: Face) -> object:
    """What of a face can be a veto; None when its family name is part of that (an initial, a mononym, a name that is not split)."""
    person = face.person
    if person is None:
        return (None, face.company, face.is_business)
    if not person.family or person.whole or all(len(word) == 1 for word in person.given):
        return None
    return (person.given, person.household, face.company, face.is_business)


def _tells_apart(verdict: Verdict) -> bool:
    """Whether two faces on one shared value are two customers: then the value alone does not say which of them is meant."""
    return verdict.level is Level.NEVER or (verdict.level is Level.KEYS and verdict.reason != "spelling")


def take_sides(con: duckdb.DuckDBPyConnection, faces: Faces) -> None:
    """match_sides: for each face on a value that clearly different people hold, which of them it cannot be, as a number."""
    sides: list[tuple[int, int, int]] = []
    held: dict[int, list[int]] = {}
    for key, name in stream(
        con.execute("""
        WITH contested AS (
            SELECT DISTINCT s.key FROM match_shares AS s JOIN match_compared AS c
              ON c.low = least(s.left_name, s.right_name) AND c.high = greatest(s.left_name, s.right_name)
            WHERE c.differs
        ),
        sides AS (
            SELECT key, left_name AS name, left_nid AS nid FROM match_shares SEMI JOIN contested USING (key)
            UNION ALL SELECT key, right_name, right_nid FROM match_shares SEMI JOIN contested USING (key)
        )
        SELECT key, name FROM sides GROUP BY key, name ORDER BY key, min(nid)""")
    ):
        held.setdefault(key, []).append(name)
    for key, names in held.items():
        people: list[int] = []
        for name in names:
            if name and len(people) < MOST_SIDES and all(_tells_apart(faces.compare(name, other)) for other in people):
                people.append(name)
        for name in names:
            cannot_be = sum(
                1 << at
                for at, other in enumerate(people)
                if name and other != name and _tells_apart(faces.compare(name, other))
            )
            sides.append((key, name, cannot_be))
    fill(con, "match_sides", "key BIGINT, name BIGINT, side BIGINT", sides)
