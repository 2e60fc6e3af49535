"""Partitions: strongest edges first, no vetoed pair together, links and decisions before everything."""

import time
from collections.abc import Sequence

from pipeline.components import Edge, Evidence, partition
from pipeline.likeness import Likeness
from pipeline.vetoes import EMAIL, MOBILE, Level, Verdict


def judge(left: int, right: int) -> Verdict:
    """Faces of one ten are one person."""
    if left // 10 == right // 10:
        return Verdict(Likeness.AGREE, Level.FREE)
    return Verdict(Likeness.DIFFER, Level.NEVER, "given_name")


def evidence(names: Sequence[int], vats: Sequence[int] | None = None, **more: object) -> Evidence:
    none = [-1] * len(names)
    return Evidence(names, vats or none, (none, none, none), judge, **more)  # type: ignore[arg-type]


def parts(known: Evidence, edges: Sequence[Edge]) -> list[list[int]]:
    made = partition(known, edges)
    found: dict[int, list[int]] = {}
    for record in range(len(known.name)):
        found.setdefault(made.find(record), []).append(record)
    return sorted(found.values())


def test_a_nameless_record_joins_the_stronger_side_only() -> None:
    assert parts(evidence([10, 0, 20]), [(1, 2, EMAIL), (0, 1, MOBILE)]) == [[0], [1, 2]]


def test_two_vat_numbers_never_meet_not_even_through_a_third_record() -> None:
    assert parts(evidence([0, 0, 0], [7, -1, 8]), [(0, 1, EMAIL), (1, 2, EMAIL)]) == [[0, 1], [2]]


def test_a_refused_union_is_reported_with_its_reason() -> None:
    made = partition(evidence([10, 20]), [(0, 1, EMAIL)])
    assert [(refusal.edge, refusal.reason) for refusal in made.refused] == [((0, 1, EMAIL), "given_name")]


def test_links_hold_together_what_no_key_would_join() -> None:
    assert parts(evidence([10, 20], linked=[[0, 1]]), []) == [[0, 1]]


def test_a_merge_decision_overrides_a_veto_and_an_apart_decision_a_key() -> None:
    assert parts(evidence([10, 20], merge=[(0, 1)]), []) == [[0, 1]]
    assert parts(evidence([10, 11], apart=[(0, 1)]), [(0, 1, EMAIL)]) == [[0], [1]]


def test_a_merge_that_contradicts_an_apart_elsewhere_in_the_customers_is_refused() -> None:
    known = evidence([10, 10, 10, 10], linked=[[0, 1], [2, 3]], merge=[(0, 2)], apart=[(1, 3)])
    assert parts(known, []) == [[0, 1], [2, 3]]


def test_an_apart_decision_splits_a_linked_group_along_its_keys() -> None:
    known = evidence([10, 10, 10, 10], linked=[[0, 1, 2, 3]], apart=[(0, 1)])
    assert parts(known, [(1, 2, EMAIL)]) == [[0], [1, 2, 3]]


def test_an_unlinked_record_is_joined_by_no_key() -> None:
    assert parts(evidence([10, 10], alone=frozenset({0})), [(0, 1, EMAIL)]) == [[0], [1]]


def test_a_chain_of_a_hundred_thousand_records_is_one_customer_in_linear_time() -> None:
    """A ratio in one run, not a time: ten times the records may cost twenty times the work, not a hundred."""
    took = []
    for count in (10_000, 100_000):
        started = time.process_time()
        assert len(parts(evidence([10] * count), [(at, at + 1, EMAIL) for at in range(count - 1)])) == 1
        took.append(time.process_time() - started)
    assert took[1] < 30 * took[0]
