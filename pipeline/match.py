"""Which records are one customer: keys, vetoes, components; links, identities, reviews.

Reads:      core.changed, core.normalised, core.records, core.links, core.identities, core.decisions, core.bases
Writes:     core.links, core.identities, core.link_log, core.reviews, core.held, core.shared_values, core.touched; moves
            core.customers of merged ones, drops bases of moved records, empties core.changed
Guarantees: the partition depends on records, links and decisions only; only components touched by a change are looked at, and the
            result is that of looking at everything. Linear in records. Runs inside the caller's transaction.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipeline.components import Edge, Evidence, Partition, Refusal, partition
from pipeline.match_faces import Faces, take_sides
from pipeline.match_links import find_homes, store_links, touch
from pipeline.match_reviews import store_reviews
from pipeline.match_work import MatchSettings, find_shared, gather, prepare
from pipeline.relations import count, fill, stream
from pipeline.settled import Decisions, read_decisions
from pipeline.sql import query

__all__ = ["MatchReport", "MatchSettings", "match"]

FEW = 40
"""Up to so many holders of a value are compared pair by pair."""


@dataclass(frozen=True, slots=True)
class MatchReport:
    """What one match did: live records looked at, new customers, records that came to another record's customer or left theirs."""

    records: int
    customers_new: int
    joined: int
    split: int
    reviews_open: int
    shared: int


def match(
    con: duckdb.DuckDBPyConnection, run_id: str, now: datetime, settings: MatchSettings, new_id: Callable[[], str]
) -> MatchReport:
    """Bring links, identities and reviews up to date with the changed records and the decisions."""
    decisions = read_decisions(con)
    prepare(con, settings, decisions)
    gather(con, settings)
    find_shared(con, run_id)
    con.execute(query("match_nodes"))
    con.execute(query("match_shares"), {"few": FEW})
    faces = Faces(con)
    take_sides(con, faces)
    con.execute(query("match_pairs"))
    found = _find_components(con, decisions, faces)
    customers_new = find_homes(con, run_id, now, new_id)
    con.execute(query("match_links"), {"now": now})
    joined, split = store_links(con, run_id, now)
    store_reviews(con, now, found.made, found.system, decisions)
    touch(con, run_id)
    records = count(con, "SELECT count(*) FROM match_nodes")
    con.execute("DELETE FROM core.changed")
    return MatchReport(
        records,
        customers_new,
        joined,
        split,
        count(con, "SELECT count(*) FROM core.reviews WHERE decision IS NULL"),
        count(con, "SELECT count(*) FROM core.shared_values"),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The components of the records that could be joined or parted, by `nid`."""

    made: Partition
    evidence: Evidence
    system: Sequence[int]


def _find_components(con: duckdb.DuckDBPyConnection, decisions: Decisions, faces: Faces) -> _Found:
    """Partition the busy records; match_joined and match_found get the component of each (its smallest record's number)."""
    name, vat = array("q"), array("q")
    keys = (array("q"), array("q"), array("q"))
    system, rids = array("q"), array("q")
    groups: dict[str, list[int]] = {}
    reader = con.execute("""
        WITH systems AS (SELECT system, row_number() OVER (ORDER BY system) AS number FROM (SELECT DISTINCT system FROM match_nodes))
        SELECT nid, rid, name, vat_number, coalesce(mobile, -1) AS mobile, coalesce(email, -1) AS email, coalesce(vat, -1) AS vat, number,
            CASE WHEN count(*) OVER (PARTITION BY bound) > 1 THEN bound END AS bound
        FROM match_nodes JOIN systems USING (system) WHERE nid IS NOT NULL ORDER BY nid""")
    for nid, rid, *values, bound in stream(reader):
        for column, value in zip((name, vat, *keys, system), values, strict=True):
            column.append(value)
        rids.append(rid)
        if bound is not None:
            groups.setdefault(bound, []).append(nid)
    merge, apart = _decided_pairs(con)
    evidence = Evidence(
        name,
        vat,
        keys,
        faces.compare,
        faces.kin,
        list(groups.values()),
        merge,
        apart,
        frozenset(_alone(con, decisions)),
    )
    vague: list[Refusal] = []
    made = partition(evidence, _joining(stream(con.execute(query("match_edges"))), vague))
    made.refused.extend(vague)
    smallest: dict[int, int] = {}
    component = array("q")
    for nid, rid in enumerate(rids):
        component.append(smallest.setdefault(made.find(nid), rid))
    fill(
        con,
        "match_joined",
        "nid BIGINT, rid BIGINT, component BIGINT",
        zip(range(len(rids)), rids, component, strict=True),
    )
    con.execute("""
        CREATE OR REPLACE TEMP TABLE match_found AS
        SELECT n.rid, coalesce(j.component, n.rid) AS component FROM match_nodes AS n LEFT JOIN match_joined AS j ON j.nid = n.nid""")
    return _Found(made, evidence, system)


def _joining(pairs: Iterable[tuple[int, int, int, int]], vague: list[Refusal]) -> Iterator[Edge]:
    """The pairs that may be joined; the others, which share only values that leave open who is meant, go to `vague`."""
    for left, right, bits, shared in pairs:
        if bits:
            yield left, right, bits
        else:
            vague.append(Refusal((left, right, shared), "vague"))


def _decided_pairs(con: duckdb.DuckDBPyConnection) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    pairs: dict[str, list[tuple[int, int]]] = {"merge": [], "apart": []}
    for kind, left, right in con.execute("""
        SELECT d.kind, l.nid, r.nid FROM match_decided AS d
        JOIN match_nodes AS l ON l.system = d.left_system AND l.record_id = d.left_record_id
        JOIN match_nodes AS r ON r.system = d.right_system AND r.record_id = d.right_record_id
        ORDER BY ALL""").fetchall():
        pairs[kind].append((left, right))
    return pairs["merge"], pairs["apart"]


def _alone(con: duckdb.DuckDBPyConnection, decisions: Decisions) -> list[int]:
    if not decisions.unlinked:
        return []
    fill(con, "match_alone", "system VARCHAR, record_id VARCHAR", list(decisions.unlinked))
    rows = con.execute(
        "SELECT nid FROM match_nodes SEMI JOIN match_alone USING (system, record_id) WHERE nid IS NOT NULL ORDER BY nid"
    ).fetchall()
    return [nid for (nid,) in rows]
