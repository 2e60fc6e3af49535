"""Possible matches for a person to decide: refused unions between systems, and records that were probably reused.

Reads:      the partition, core.normalised, core.bases, core.decisions
Writes:     core.reviews, core.held, core.touched of those held or let go
Guarantees: one open review per shared key; two customers that are apart in one system are apart everywhere, without a review.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipeline.components import Partition
from pipeline.likeness import Likeness
from pipeline.model import RecordKey
from pipeline.relations import fill
from pipeline.settled import Decisions, moment
from pipeline.sql import query
from pipeline.vetoes import EMAIL, MOBILE, VAT, compare, read_face

COMPARED = (
    "given_name", "middle_name", "family_name", "full_name", "company", "email", "mobile", "phone", "vat_number", "birth_date", "gender",
    "street", "postal_code", "city", "country",
)  # fmt: skip
"""What a review shows as agreeing or differing."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One shared key between components that may not be joined. `held`: every record that it holds back."""

    key: str
    left: RecordKey
    right: RecordKey
    held: tuple[RecordKey, ...]

    @property
    def review_id(self) -> str:
        """The same doubt has the same id, however often it is looked at."""
        return hashlib.sha256(repr((self.key, self.left, self.right)).encode()).hexdigest()[:12]


def doubtful_pairs(made: Partition, system: Sequence[int]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """(bit, key number) → the refused pairs of records that share it, strongest first, which nobody has decided."""
    systems: dict[int, set[int]] = {}
    doubts: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for refusal in made.refused:
        left, right, bits = refusal.edge
        one, other = made.find(left), made.find(right)
        if one == other or one in made.alone or other in made.alone or made.are_apart(one, other):
            continue
        for root in (one, other):
            if root not in systems:
                systems[root] = {system[record] for record in made.members(root)}
        # That till's staff keep them apart, so they are apart everywhere.
        if systems[one] & systems[other]:
            continue
        for bit, values in zip((MOBILE, EMAIL, VAT), made.evidence.keys, strict=True):
            if bits & bit:
                doubts.setdefault((bit, values[left]), []).append((left, right))
    return doubts


def store_reviews(
    con: duckdb.DuckDBPyConnection,
    now: datetime,
    made: Partition,
    system: Sequence[int],
    decisions: Decisions,
) -> None:
    """Replace the open reviews of the records that were looked at; hold their sides, let go of the others."""
    doubts = [*_shared_key_doubts(con, made, system), *_reused_records(con, decisions)]
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE match_held_before AS
        SELECT DISTINCT system, record_id FROM core.held SEMI JOIN match_work USING (system, record_id)"""
    )
    con.execute("""
        CREATE OR REPLACE TEMP TABLE match_stale AS
        SELECT review_id, key, since FROM core.reviews
        WHERE (left_system, left_record_id) IN (SELECT (system, record_id) FROM match_work)
           OR (right_system, right_record_id) IN (SELECT (system, record_id) FROM match_work)""")
    _apply_decisions(con)
    con.execute("DELETE FROM core.reviews WHERE decision IS NULL AND review_id IN (SELECT review_id FROM match_stale)")
    con.execute("DELETE FROM core.held WHERE review_id IN (SELECT review_id FROM match_stale)")
    rows: list[tuple[object, ...]] = []
    held: list[tuple[str, str, str]] = []
    # One row per review: a doubt that was decided and taken back replaces its own decided row.
    fill(con, "match_again_doubted", "review_id VARCHAR", [(doubt.review_id,) for doubt in doubts])
    con.execute("DELETE FROM core.reviews WHERE review_id IN (FROM match_again_doubted)")
    columns = _columns_of(con, [key for doubt in doubts for key in (doubt.left, doubt.right)])
    for doubt in doubts:
        left, right = columns[doubt.left], columns[doubt.right]
        agree = [name for name in COMPARED if left[name] is not None and left[name] == right[name]]
        differ = [name for name in COMPARED if None not in (left[name], right[name]) and left[name] != right[name]]
        rows.append((doubt.review_id, *doubt.left, *doubt.right, doubt.key, agree, differ))
        held.extend((*record, doubt.review_id) for record in doubt.held)
    sides = "left_system VARCHAR, left_record_id VARCHAR, right_system VARCHAR, right_record_id VARCHAR"
    fill(con, "match_doubts", f"review_id VARCHAR, {sides}, key VARCHAR, agree VARCHAR[], differ VARCHAR[]", rows)
    con.execute(
        """INSERT INTO core.reviews
        SELECT d.*, NULL, coalesce((SELECT min(since) FROM match_stale AS s WHERE s.key = d.key), $now)
        FROM match_doubts AS d ORDER BY ALL""",
        {"now": now},
    )
    fill(con, "match_holds", "system VARCHAR, record_id VARCHAR, review_id VARCHAR", sorted(set(held)))
    con.execute("INSERT INTO core.held FROM match_holds")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE match_touched AS
        SELECT DISTINCT l.customer_id, 'review' AS why FROM core.links AS l SEMI JOIN (
            (SELECT DISTINCT system, record_id FROM match_holds EXCEPT FROM match_held_before)
            UNION ALL (FROM match_held_before EXCEPT SELECT DISTINCT system, record_id FROM match_holds)
        ) USING (system, record_id)""")


def _shared_key_doubts(con: duckdb.DuckDBPyConnection, made: Partition, system: Sequence[int]) -> list[Doubt]:
    pairs = doubtful_pairs(made, system)
    numbers = {number for found in pairs.values() for pair in found for number in pair}
    fill(con, "match_asked_nodes", "nid BIGINT", [(number,) for number in sorted(numbers)])
    rows = con.execute("""
        SELECT n.nid, n.system, n.record_id, r.vat_number, r.email, r.mobile FROM match_nodes AS n SEMI JOIN match_asked_nodes USING (nid)
        JOIN core.normalised AS r ON r.system = n.system AND r.record_id = n.record_id""").fetchall()
    known = {
        nid: ((name, record_id), {VAT: vat, EMAIL: email, MOBILE: mobile})
        for nid, name, record_id, vat, email, mobile in rows
    }
    doubts = []
    for (bit, _), found in sorted(pairs.items()):
        left, right = found[0]
        held = tuple(known[number][0] for number in sorted({number for pair in found for number in pair}))
        field = {VAT: "vat", EMAIL: "email", MOBILE: "mobile"}[bit]
        doubts.append(Doubt(f"{field}:{known[left][1][bit]}", known[left][0], known[right][0], held))
    return doubts


def _reused_records(con: duckdb.DuckDBPyConnection, decisions: Decisions) -> list[Doubt]:
    """Records whose name became clearly different and whose key changed at once, with another record of their customer."""
    doubts = []
    for system, record_id, other_system, other_id, seen_at, *columns in con.execute(query("match_reused")).fetchall():
        now, before = columns[:6], columns[6:12]
        if compare(read_face(*now), read_face(*before)).likeness is not Likeness.DIFFER:
            continue
        left, right = (system, record_id), (other_system, other_id)
        decided = decisions.pairs.get((min(left, right), max(left, right)))
        if decided is None or decided.at < moment(seen_at):
            doubts.append(Doubt(f"reused:{system}:{record_id}", left, right, (left,)))
    return doubts


def _apply_decisions(con: duckdb.DuckDBPyConnection) -> None:
    """A decision on a pair is a decision on every review of that pair, whichever key it is about."""
    con.execute("""
        UPDATE core.reviews AS r SET decision = d.kind FROM match_decided AS d
        WHERE (r.left_system, r.left_record_id, r.right_system, r.right_record_id)
            IN ((d.left_system, d.left_record_id, d.right_system, d.right_record_id),
                (d.right_system, d.right_record_id, d.left_system, d.left_record_id))""")


def _columns_of(con: duckdb.DuckDBPyConnection, keys: Sequence[RecordKey]) -> dict[RecordKey, dict[str, object]]:
    fill(con, "match_shown", "system VARCHAR, record_id VARCHAR", sorted(set(keys)))
    sql = f"SELECT system, record_id, {', '.join(COMPARED)} FROM core.normalised SEMI JOIN match_shown USING (system, record_id)"  # noqa: S608
    rows = con.execute(sql).fetchall()
    return {(row[0], row[1]): dict(zip(COMPARED, row[2:], strict=True)) for row in rows}
