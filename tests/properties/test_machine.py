"""The laws of the architecture page on whole runs: random histories of three tills, with faults, against the tills themselves.

A failing history is printed as plain data, shrunk; paste it as an `@example(...)` to keep it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from pipeline.errors import Exit
from pipeline.progress import Silent
from pipeline.run import Options, RunReport, run_sync
from tests import laws
from tests.engine import Workshop
from tests.properties.history import TILLS, Add, History, Key, Run, Scopes, Setup, World, adds, do, histories
from tests.properties.witness import Witness
from tests.quick import TIMEOUT_S, books, quickly
from tests.simulators import Shop, start

SETTLING = 6
"""Backfills after which everything must be quiet: two notice a deletion, and what it frees may take another two."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running, quickly():
        yield running


def world_of(setup: Setup, folder: Path, shop: Shop) -> World:
    """A new merchant with empty tills."""
    shop.reset()
    (folder / "mappings").mkdir()
    systems: dict[str, dict[str, Any]] = {name: {"timeout_s": TIMEOUT_S} for name in TILLS}
    for name in setup.propagate:
        systems[name]["deletes"] = "propagate"
    if setup.read_only:
        systems[setup.read_only]["access"] = "read-only"
    if setup.create_off:
        systems[setup.create_off]["create"] = False
    merge = {"prefer": ["berlin", "oslo", "riyadh"], "conflict": setup.conflict}
    return World(Workshop(folder, shop, {"systems": systems, "merge": merge, "mappings": "mappings/"}))


def carry_out(run: Run, world: World) -> RunReport:
    """One command, with the trouble it is to meet; afterwards all is well again."""
    for name, till in world.w.shop.tills.items():
        if run.faults is not None:
            till.faults.by_chance(run.faults[0], seed=run.faults[1] + len(name))
    options = Options(
        command=run.command, full=run.command == "backfill", write=run.command != "dry-run", force=True,
        systems=(run.only,) if run.only else (),
    )  # fmt: skip
    try:
        return run_sync(world.w.config, options, Silent(), world.w.shop.clock.tick)
    finally:
        for till in world.w.shop.tills.values():
            till.faults.clear()


def play(history: History, folder: Path, shop: Shop, say: Callable[[str], object] = print) -> list[str]:
    """Live through a history; returns what broke a law, at once when it happened."""
    world = world_of(history.setup, folder, shop)
    witness = Witness(world)
    refusing = False
    for step in history.steps:
        if not isinstance(step, Run):
            till, pick = getattr(step, "till", None), getattr(step, "pick", 0)
            record_id = world.pick(till, pick) if till else None
            before = shop.tills[till].customer(record_id) if till and record_id else None
            witness.saw(step, do(step, world), before)
            refusing = bool(step.lost) if isinstance(step, Scopes) else refusing
            continue
        tills, writes = witness.rows(), shop.writes()
        report = carry_out(step, world)
        say(f"{step} -> {report.exit_code.name} {report.problems}")
        allowed = {Exit.DONE, Exit.REJECTED} | ({Exit.UNREACHABLE} if step.faults or refusing else set())
        if report.exit_code not in allowed:
            return [f"{step} ended with {report.exit_code.name}: {report.problems}"]
        wrong = witness.after_run(tills, clean=step.is_clean and not refusing)
        if step.command == "dry-run" and (shop.writes() > writes or witness.rows() != tills):
            wrong.append("a dry run wrote")
        if wrong:
            return wrong
    return settle(world, witness)


def settle(world: World, witness: Witness) -> list[str]:
    """Nobody does anything any more, and everything works: laws 3 and 4."""
    shop = world.w.shop
    do(Scopes(()), world)
    for turn in range(SETTLING):
        tills, writes = witness.rows(), shop.writes()
        report = carry_out(Run("backfill"), world)
        if report.exit_code not in (Exit.DONE, Exit.REJECTED):
            return [f"settling ended with {report.exit_code.name}: {report.problems}"]
        if wrong := witness.after_run(tills, clean=True):
            return wrong
        if turn >= (2 if witness.deletions else 0) and shop.writes() == writes:
            break
    else:
        return [f"law 3: backfill {SETTLING} still writes: {last_writes(shop)}"]
    carry_out(Run("sync"), world)
    if shop.writes() > writes:
        return [f"law 3: a sync in a quiet world writes: {last_writes(shop)}"]
    return [*laws.disagreements(world.w), *witness.missing()]


def last_writes(shop: Shop) -> list[tuple[str, str, str, bytes]]:
    return [(n, e.method, e.path, e.body[:200]) for n, till in shop.tills.items() for e in till.ledger.writes()[-2:]]


DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"


PHASES = tuple(Phase) if DEEP else (Phase.explicit, Phase.reuse, Phase.generate)
"""By default a failing history is printed as it is: shrinking one takes minutes."""


@settings(max_examples=2000 if DEEP else 12, phases=PHASES)
@given(history=histories(rounds=6 if DEEP else 3))
def test_every_law_holds_for_random_histories(history: History, shop: Shop) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert play(history, Path(folder), shop, note) == []


def partition(world: World) -> tuple[set[frozenset[Key]], dict[frozenset[Key], Any], list[tuple[Any, ...]]]:
    """Who belongs together, what each customer is, and what is planned, without the customer ids."""
    members: dict[str, set[Key]] = {}
    for customer_id, system, record_id in books(world.store, "SELECT customer_id, system, record_id FROM core.links"):
        members.setdefault(customer_id, set()).add((system, record_id))
    who = {customer_id: frozenset(keys) for customer_id, keys in members.items()}
    values = {
        who[customer_id]: (merged, {unit: source[:2] for unit, source in json.loads(sources).items()})
        for customer_id, merged, sources in books(
            world.store, "SELECT customer_id, merged, sources FROM core.customers"
        )
    }
    plan = [
        (system, operation, sorted(who[c]), paths)
        for system, operation, c, paths in books(
            world.store, "SELECT system, operation, customer_id, paths FROM core.plan"
        )
    ]
    return set(who.values()), values, sorted(plan)


@settings(max_examples=300 if DEEP else 6, phases=PHASES)
@given(people=st.lists(adds, min_size=4, max_size=20))
def test_the_order_in_which_records_arrive_does_not_matter(people: list[Add], shop: Shop) -> None:
    """Law 9: the same tills, listed in another order and in pages of another size, give the same customers, values and plan."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first = world_of(Setup(), Path(one), shop)
        for add in people:
            do(add, first)
        carry_out(Run("dry-run"), first)
        (Path(two) / "mappings").mkdir()
        second = World(Workshop(Path(two), shop, {**first.w.settings, "systems": {
            name: {"timeout_s": TIMEOUT_S, "page_size": 3} for name in TILLS
        }}))  # fmt: skip
        shop.berlin.turn(row_order="newest_first")
        shop.oslo.turn(sort="ignored")
        shop.riyadh.turn(ties="shuffled")
        carry_out(Run("dry-run"), second)
        assert partition(second) == partition(first)
