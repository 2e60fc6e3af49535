"""Laws 8 and 9 of matching: order and batches do not matter, looking at a part equals looking at everything, no vetoed pair meets."""

import itertools
from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.matching import NOW, add_rows, customer_of, joined_by_any_key, open_world, run_match, score
from benchmarks.worlds import Row, make_world
from pipeline.match import MatchSettings, match

# Names that no table has and that differ in every letter, or not at all: the oracle needs no reading of names.
NAMES = (None, "Borvak", "Tilune", "Sagrom", "Fendil")
KEYS = MatchSettings(shared_after=2)


@st.composite
def worlds(draw: st.DrawFn) -> list[Row]:
    """Up to eight records of three tills with few values, so that they meet."""
    return [
        Row(
            system=draw(st.sampled_from("abc")),
            record_id=str(number),
            truth=0,
            given=draw(st.sampled_from(NAMES)),
            email=draw(st.sampled_from((None, "p@example.com", "q@example.com"))),
            mobile=draw(st.sampled_from((None, "+4915110000001", "+4915110000002"))),
            vat=draw(st.sampled_from((None, None, "DE288362273", "DE136695976"))),
        )
        for number in range(draw(st.integers(2, 8)))
    ]


def partition_of(joined: dict[tuple[str, str], object]) -> set[frozenset[tuple[str, str]]]:
    groups = defaultdict(set)
    for key, customer in joined.items():
        groups[customer].add(key)
    return {frozenset(group) for group in groups.values()}


def matched(rows: Sequence[Row]) -> set[frozenset[tuple[str, str]]]:
    con = open_world(rows)
    run_match(con, KEYS)
    found = partition_of(customer_of(con))
    con.close()
    return found


def brute_force(rows: Sequence[Row]) -> set[frozenset[tuple[str, str]]]:
    """The rules, written once more without a thought for speed: every pair, every union checked against every pair in it."""
    rows = sorted(rows, key=lambda row: (row.system, row.record_id))
    usable = {}
    for field in ("vat", "email", "mobile"):
        for value in {getattr(row, field) for row in rows} - {None}:
            holders = [row for row in rows if getattr(row, field) == value]
            usable[field, value] = max(sum(row.system == system for row in holders) for system in "abc") <= 2

    def differ(one: Row, other: Row) -> bool:
        return None not in (one.given, other.given) and one.given != other.given

    def keys(one: Row, other: Row) -> list[str]:
        """The usable keys of a pair; a nameless record is nobody in particular on a value of clearly different people."""
        shared = []
        for field in ("vat", "email", "mobile"):
            value = getattr(one, field)
            if value and value == getattr(other, field) and usable[field, value]:
                holders = [row for row in rows if getattr(row, field) == value]
                contested = any(differ(a, b) for a, b in itertools.combinations(holders, 2))
                if not contested or (one.given is not None and other.given is not None):
                    shared.append(field)
        return shared

    edges = []
    for left, right in itertools.combinations(range(len(rows)), 2):
        shared = keys(rows[left], rows[right])
        if shared:
            agree = rows[left].given is not None and rows[left].given == rows[right].given
            strength = sum({"vat": 4, "email": 2, "mobile": 1}[field] for field in shared)
            edges.append((not agree, -len(shared), -strength, left, right))
    part = {number: {number} for number in range(len(rows))}
    for *_, left, right in sorted(edges):
        one, other = part[left], part[right]
        if one is other:
            continue
        vetoed = any(
            differ(rows[a], rows[b]) or (rows[a].vat and rows[b].vat and rows[a].vat != rows[b].vat)
            for a in one
            for b in other
        )
        if not vetoed:
            one |= other
            for number in one:
                part[number] = one
    return {frozenset((rows[number].system, rows[number].record_id) for number in group) for group in part.values()}


@given(worlds())
@settings(max_examples=15, deadline=None)
def test_the_partition_is_that_of_brute_force(rows: list[Row]) -> None:
    assert matched(rows) == brute_force(rows)


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=6, deadline=None)
def test_arrival_order_does_not_matter(rows: list[Row], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert matched(shuffled) == matched(rows)


@given(worlds(), worlds(), st.sampled_from([None, "apart", "merge"]))
@settings(max_examples=10, deadline=None)
def test_looking_at_what_changed_equals_looking_at_everything(
    rows: list[Row], later: list[Row], decision: str | None
) -> None:
    """Given the same links and decisions: identities may have other random text, the customers and reviews are the same."""
    fillers = [Row("z", str(number), 0, email=f"f{number}@example.net") for number in range(60)]
    outcomes = []
    for everything in (False, True):
        con = open_world([*rows, *fillers])
        ids = itertools.count()
        match(con, "r1", NOW, KEYS, lambda ids=ids: f"c{next(ids):04}")
        if decision:
            sides = [f'["{row.system}","{row.record_id}"]' for row in rows[:2]]
            con.execute(
                "INSERT INTO core.decisions VALUES ('d', ?, ?, ?, 'r')",
                [decision, f'{{"left":{sides[0]},"right":{sides[1]}}}', NOW],
            )
        add_rows(con, later[:2])
        if everything:
            con.execute("INSERT INTO core.changed SELECT system, record_id, 'r' FROM core.normalised")
        match(con, "r2", NOW, KEYS, lambda ids=ids: f"c{next(ids):04}")
        reviews = con.execute("SELECT * EXCLUDE since FROM core.reviews ORDER BY ALL").fetchall()
        held = con.execute("FROM core.held ORDER BY ALL").fetchall()
        shared = con.execute("SELECT * EXCLUDE run_id FROM core.shared_values ORDER BY ALL").fetchall()
        primaries = con.execute(
            "SELECT system, record_id, matched_on FROM core.links WHERE is_primary ORDER BY ALL"
        ).fetchall()
        outcomes.append((partition_of(customer_of(con)), reviews, held, shared, primaries))
        con.close()
    assert outcomes[0] == outcomes[1]


@given(st.lists(worlds(), min_size=2, max_size=4))
@settings(max_examples=6, deadline=None)
def test_ids_are_stable_and_never_reused(batches: list[list[Row]]) -> None:
    """Every record keeps its id, or moves to one that is in force; a retired id leads to one in force and comes back nowhere."""
    con = open_world([])
    ids = itertools.count()
    before: dict[tuple[str, str], object] = {}
    for batch in batches:
        add_rows(con, batch)
        match(con, "r", NOW, KEYS, lambda: f"c{next(ids):04}")
        now = customer_of(con)
        merged = dict(
            con.execute("SELECT customer_id, merged_into FROM core.identities WHERE retired_at IS NOT NULL").fetchall()
        )
        assert len(con.execute("SELECT DISTINCT customer_id FROM core.identities").fetchall()) == len(
            con.execute("SELECT customer_id FROM core.identities").fetchall()
        )
        for key, earlier in before.items():
            in_force = earlier
            while in_force in merged:
                in_force = merged[in_force]
            assert now[key] == in_force, "links are sticky: without a decision a record only moves with its customer"
        assert not set(now.values()) & set(merged)
        before = now
    con.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_world_with_known_truth_is_matched_well(seed: int) -> None:
    """A floor against getting worse. Issue 5 asks for a precision of 0.999, which is not reliably met yet: see docs/matching.md."""
    rows = make_world(3000, seed)
    con = open_world(rows)
    run_match(con, MatchSettings())
    precision, recall = score(rows, customer_of(con))
    con.close()
    assert precision >= 0.998
    assert recall >= 0.97
    assert score(rows, joined_by_any_key(rows, 10))[0] < 0.7
