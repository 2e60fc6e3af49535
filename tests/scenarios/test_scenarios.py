"""Whole runs, one folder each; adding a case needs no Python.

    before/TILL.json        label → customer, in the vendor's own field names: what the till holds at first
    steps.yaml              about: why the case exists       config: laid over the usual config.yaml
                            steps: what happens, in order     then: SQL on the public views, with the rows it gives
    expected_plan.json      what the last run of the steps planned
    expected_after/TILL.json  what the till holds in the end, without ids, stamps and what is empty

A step is one of

    - {edit: berlin, who: ana, email: new@example.com}        staff change fields   (also add: with a new label)
    - {delete: riyadh, who: ana}                              also restore: (Foodics), anonymise: (Flow Retail)
    - {run: sync, exit: 0, force: true}                       sync, backfill or dry-run; `exit` is 0 when not given
    - {review: merge}                                         decides the open review
    - {dial: riyadh, scopes: [...]}                           a simulator's dial

Every case ends with a sync in which nobody may write anything. `python -m tests.scenarios.test_scenarios CASE` writes the expected files
of a new case as they came out; read them before you believe them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.progress import Silent
from pipeline.run import Options, RunReport, run_sync
from state import inbox
from tests.endings import CHANCE
from tests.engine import Workshop
from tests.quick import books, quickly
from tests.simulators import Shop, start

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/steps.yaml"))


class Story:
    """One case under way."""

    def __init__(self, case: Path, folder: Path, shop: Shop) -> None:
        shop.reset()
        self.script: dict[str, Any] = yaml.safe_load((case / "steps.yaml").read_text("utf-8"))
        self.shop, self.w = shop, Workshop(folder, shop, self.script.get("config", {}))
        self.ids: dict[tuple[str, str], str] = {}
        self.plan: list[dict[str, Any]] = []
        for path in sorted((case / "before").glob("*.json")):
            customers: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
            for label, record_id in zip(customers, shop.tills[path.stem].load(customers.values()), strict=True):
                self.ids[path.stem, label] = record_id

    def live(self) -> None:
        for step in self.script["steps"]:
            self._do(dict(step))

    def run(self, command: str, *, force: bool = False) -> RunReport:
        options = Options(command, full=command == "backfill", write=command != "dry-run", force=force)
        return run_sync(self.w.config, options, Silent(), self.shop.clock.tick)

    def _do(self, step: dict[str, Any]) -> None:
        verb = next(iter(step))
        subject = step.pop(verb)
        if verb == "run":
            report = self.run(subject, force=step.pop("force", False))
            assert int(report.exit_code) == step.pop("exit", 0), (subject, report.outcome, report.problems)
            self.plan = sorted(
                (self._change(change) for change in report.plan), key=lambda c: json.dumps(c, sort_keys=True)
            )
            assert not step, f"a run has no {step}"
            return
        if verb == "review":
            self._decide(subject)
            return
        till: Any = self.shop.tills[subject]
        who = step.pop("who", "")
        match verb:
            case "edit":
                till.edit(self.ids[subject, who], **step)
            case "add":
                self.ids[subject, who] = till.add(**step)
            case "dial":
                till.turn(**step)
            case "delete" | "restore" | "anonymise":
                getattr(till, verb)(self.ids[subject, who])
            case _:
                raise ValueError(f"there is no step {verb!r}")

    def _decide(self, kind: str) -> None:
        store = self.w.config.store_path
        reviews = books(store, "SELECT review_id, left_system, left_record_id, right_system, right_record_id FROM core.reviews"
                               " WHERE decision IS NULL")  # fmt: skip
        assert len(reviews) == 1, "a case decides the one open review"
        review_id, left, left_id, right, right_id = reviews[0]
        subject = {"review_id": review_id, "left": [left, left_id], "right": [right, right_id]}
        inbox.put(store, kind, subject, self.shop.clock.tick())

    def _change(self, change: Any) -> dict[str, Any]:
        """A planned change, with the record's label in place of its id."""
        labels = {(system, record_id): label for (system, label), record_id in self.ids.items()}
        who = labels.get((change.system, change.record_id), "(created by us)") if change.record_id else "(new)"
        fields = {column: list(pair) for column, pair in change.fields.items()}
        return {"system": change.system, "operation": change.operation, "who": who, "fields": fields}

    def after(self, name: str) -> list[dict[str, Any]]:
        rows = [_said(row) for row in self.shop.tills[name].customers().values()]
        return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without ids, stamps, what is empty, and what a vendor fills in by itself."""
    kept: dict[str, Any] = {}
    for key, inner in value.items():
        plain = _said(inner) if isinstance(inner, dict) else inner
        if key not in CHANCE and plain not in ("", None, False, 0, [], {}) and plain != BLANK.get(key):
            kept[key] = plain
    return kept


BLANK = {
    "title": "Mr.",
    "channel": 1,
    "customerType": "PRIVATE",
    "billing_address": {"country": "DE"},
    "origin": "customer-sync",
}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running, quickly():
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_scenario(case: Path, shop: Shop, tmp_path: Path) -> None:
    story = Story(case, tmp_path, shop)
    story.live()
    assert story.plan == json.loads((case / "expected_plan.json").read_text("utf-8"))
    expected = {path.stem: json.loads(path.read_text("utf-8")) for path in (case / "expected_after").glob("*.json")}
    assert {name: story.after(name) for name in expected} == expected
    assert expected.keys() == shop.tills.keys()
    for query in story.script.get("then", []):
        assert [list(row) for row in books(story.w.config.store_path, query["sql"])] == query["rows"], query["sql"]
    writes = shop.writes()
    story.run("sync")
    assert shop.writes() == writes, "a sync in a quiet world wrote"


def main(names: list[str]) -> None:
    """Write the expected files of these cases as they come out now."""
    with start() as shop, quickly():
        for case in (HERE / name for name in names):
            with tempfile.TemporaryDirectory() as folder:
                story = Story(case, Path(folder), shop)
                story.live()
                (case / "expected_after").mkdir(exist_ok=True)
                _write(case / "expected_plan.json", story.plan)
                for name in shop.tills:
                    _write(case / "expected_after" / f"{name}.json", story.after(name))
                for query in story.script.get("then", []):
                    print(case.name, query["sql"], books(story.w.config.store_path, query["sql"]), sep="\n  ")


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
