"""When a plan is stopped, with which numbers, and which option lets it pass."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.guard import Limits, Pulled, Summary, check, tally
from pipeline.model import Change, Operation


def changes(operation: Operation, count: int, fields: dict[str, tuple[Any, Any]] | None = None) -> list[Change]:
    return [Change("oslo", operation, f"c{n}", f"r{n}", fields or {}, {}, "") for n in range(count)]


def stopped(plan: list[Change], limits: Limits | None = None, linked: int = 100, **more: Any) -> str:
    return "\n".join(check(Summary(tally(plan), {"oslo": linked}, **more), limits or Limits()))


def test_deletes_need_to_be_allowed() -> None:
    assert stopped(changes("delete", 12)) == (
        "oslo: 12 records would be deleted, 0 allowed (safety.max_deletes); for example record r0. "
        "To let it pass once: --max-deletes 12"
    )
    assert not stopped(changes("delete", 12), Limits(max_deletes=12))


def test_creates_have_no_limit_unless_one_is_set() -> None:
    assert not stopped(changes("create", 1000))
    assert "6 records would be created, 5 allowed" in stopped(changes("create", 6), Limits(max_creates=5))
    assert not stopped(changes("create", 5), Limits(max_creates=5))


def test_updates_in_percent_of_the_linked_records() -> None:
    assert not stopped(changes("update", 30))
    assert stopped(changes("update", 31)) == (
        "oslo: 31 records would be updated, 30 % of its 100 linked records allowed (safety.max_updates_percent); "
        "for example record r0. To let it pass once: --max-updates 31"
    )


def test_a_first_run_and_a_small_target_may_be_rewritten_whole() -> None:
    assert not stopped(changes("update", 90), first_run=frozenset({"oslo"}))
    assert not stopped(changes("update", 49), linked=49)
    assert stopped(changes("update", 50), linked=50)


def test_max_updates_replaces_the_percentage() -> None:
    assert not stopped(changes("update", 40), Limits(max_updates=40))
    assert "41 records would be updated, 40 allowed (--max-updates)" in stopped(
        changes("update", 41), Limits(max_updates=40)
    )
    assert stopped(changes("update", 3), Limits(max_updates=2), linked=10)


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        (80, 0, "oslo came back empty: it had 80 customers"),
        (2, 0, "oslo came back empty"),
        (1, 0, ""),
        (80, 39, "less than half its customers: 39 of 80"),
        (80, 40, ""),
        (9, 1, ""),
        (0, 0, ""),
    ],
)
def test_a_system_that_vanished(before: int, now: int, says: str) -> None:
    reasons = check(Summary((), {}, pulled={"oslo": Pulled(before, now)}), Limits())
    assert [says in reason for reason in reasons] == [True] * bool(says)
    assert all("--force" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("customers", "merges", "stops"), [(100, 11, True), (100, 10, False), (10, 4, False), (10, 5, True)]
)
def test_more_merges_than_a_tenth_of_the_customers(customers: int, merges: int, stops: bool) -> None:
    reasons = check(Summary((), {}, customers=customers, merges=merges, merged_example="c9"), Limits())
    assert [f"{merges} of {customers}" in r and "c9" in r and "--force" in r for r in reasons] == [True] * stops


def test_one_field_emptied_in_many_records() -> None:
    emptied = changes("update", 10, {"email": ("ana@example.com", None), "city": ("Bonn", "Köln")})
    found = stopped(emptied, Limits(max_updates=10))
    assert "email would be emptied in 10 of 100 linked records; for example record r0" in found
    assert "ana@example.com" not in found
    assert not stopped(emptied[:9])
    assert not stopped(emptied, linked=200)


def test_force_overrides_everything() -> None:
    everything = changes("delete", 9) + changes("update", 99, {"email": ("a", None)}) + changes("create", 9)
    limits = Limits(max_creates=0, force=True)
    assert not stopped(everything, limits, pulled={"oslo": Pulled(80, 0)}, customers=10, merges=9)


def test_a_tally_counts_and_gives_an_example_of_each_kind() -> None:
    (oslo,) = tally([*changes("create", 2), *changes("delete", 1)])
    assert (dict(oslo.counts), dict(oslo.examples)) == ({"create": 2, "delete": 1}, {"create": "r0", "delete": "r0"})
