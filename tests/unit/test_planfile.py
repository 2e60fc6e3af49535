"""A saved plan: the same bytes for the same plan, refused when it was touched, and compared with what holds now."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.model import Change
from pipeline.planfile import changes, load, moved, restrict, save
from state.store import Store, append, open_store

CREATE = Change(
    "oslo", "create", "c2", None, {"email": (None, "ana@example.com")}, {"email": (None, "ana@example.com")}, "new"
)
UPDATE = Change(
    "oslo",
    "update",
    "c1",
    "7",
    {"city": ("Bonn", None), "is_vip": (None, True)},
    {"a.b": ("Bonn", ""), "v": (None, 1)},
    "r",
    "h1",
)


def test_what_is_saved_is_loaded_in_canonical_order(tmp_path: Path) -> None:
    save(tmp_path / "plan.json", "acme", [CREATE, UPDATE])
    assert load(tmp_path / "plan.json", "acme") == [UPDATE, CREATE]


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    turned = replace(
        UPDATE, fields=dict(reversed(list(UPDATE.fields.items()))), paths=dict(reversed(list(UPDATE.paths.items())))
    )
    save(tmp_path / "one.json", "acme", [CREATE, UPDATE])
    save(tmp_path / "two.json", "acme", iter([turned, CREATE]))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_the_file_is_json_one_change_per_line_and_for_its_owner_only(tmp_path: Path) -> None:
    save(tmp_path / "plan.json", "acme", [CREATE, UPDATE])
    text = (tmp_path / "plan.json").read_text(encoding="utf-8")
    assert json.loads(text)["format"] == "customer-sync plan 1"
    assert len(text.splitlines()) == 4
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_an_empty_plan_is_a_plan(tmp_path: Path) -> None:
    save(tmp_path / "plan.json", "acme", [])
    assert load(tmp_path / "plan.json", "acme") == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not a plan"),
        ("{", "is not a plan"),
        ("[]", "is not a plan"),
        ("{}", "its format is not"),
        ('{"format":"customer-sync plan 2","changes":[]}', "its format is not"),
        ('{"format":"customer-sync plan 1","hash":"","workspace":"acme","changes":[{"system":3}]}', "changes[0]"),
        ('{"format":"customer-sync plan 1","hash":"","workspace":"acme","changes":[],"more":1}', "more"),
        ('{"format":"customer-sync plan 1","hash":"x","workspace":"acme","changes":[]}', "was changed since"),
        ('{"format":"customer-sync plan 1","hash":"x","workspace":"other","changes":[]}', "workspace 'other'"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        load(tmp_path / "plan.json", "acme")
    assert says in str(refused.value)


def test_an_edited_plan_is_refused(tmp_path: Path) -> None:
    """It would not be the plan that somebody signed off."""
    path = tmp_path / "plan.json"
    save(path, "acme", [CREATE, UPDATE])
    path.write_text(
        path.read_text(encoding="utf-8").replace('"ana@example.com"', '"eve@example.com"'), encoding="utf-8"
    )
    with pytest.raises(UserError, match="was changed since it was saved"):
        load(path, "acme")


def test_files_that_cannot_be_read_or_written_are_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path / "none.json", "acme")
    with pytest.raises(UserError, match="cannot be written"):
        save(tmp_path / "no" / "plan.json", "acme", [])


@pytest.mark.parametrize(
    ("fresh", "why"),
    [
        ([UPDATE], None),
        ([], "it is no longer wanted, or no longer allowed"),
        ([replace(UPDATE, operation="delete")], "it is now a case for delete"),
        ([replace(UPDATE, record_id="8")], "it is now a case for update"),
        ([replace(UPDATE, based_on="h2")], "the record was changed in oslo since"),
        ([replace(UPDATE, paths={"a.b": ("Bonn", "Ulm")})], "the customer's values changed since"),
        ([replace(UPDATE, customer_id="c9")], "it is no longer wanted, or no longer allowed"),
    ],
)
def test_what_moved_under_a_plan(fresh: list[Change], why: str | None) -> None:
    assert moved([UPDATE], fresh) == ([] if why is None else [(UPDATE, why)])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store whose plan updates c1 and creates c2."""
    opened = open_store(tmp_path / "store.duckdb")
    columns = (
        "run_id",
        "position",
        "system",
        "record_id",
        "customer_id",
        "operation",
        "fields",
        "paths",
        "units",
        "reason",
        "based_on",
    )
    rows = [
        (
            "r",
            n,
            c.system,
            c.record_id,
            c.customer_id,
            c.operation,
            json.dumps(c.fields),
            json.dumps(c.paths),
            "{}",
            c.reason,
            c.based_on,
        )
        for n, c in enumerate([UPDATE, CREATE])
    ]
    verdicts = [("r", 1, c.customer_id, c.system, c.operation, "", "") for c in (UPDATE, CREATE)]
    with opened.transaction() as con:
        append(con, "core.plan", columns, rows)
        append(
            con, "core.verdicts", ("run_id", "pass", "customer_id", "system", "outcome", "reason", "detail"), verdicts
        )
    yield opened
    opened.close()


def test_the_plan_in_the_store_as_values(store: Store) -> None:
    assert list(changes(store)) == [UPDATE, CREATE]


def test_apply_does_exactly_what_the_file_says(store: Store) -> None:
    """What it does not say stays planned for a later run."""
    assert restrict(store, [UPDATE], first=True) == []
    assert list(changes(store)) == [UPDATE]
    assert store.rows("SELECT customer_id, outcome, reason FROM core.verdicts ORDER BY 1") == [
        ("c1", "update", ""), ("c2", "held", "not_selected"),
    ]  # fmt: skip


def test_what_moved_is_dropped_and_named_without_personal_values(store: Store) -> None:
    stale = replace(CREATE, paths={"email": (None, "old@example.com")})
    assert restrict(store, [UPDATE, stale], first=True) == [
        "create of customer c2 in oslo: the customer's values changed since"
    ]
    assert list(changes(store)) == [UPDATE]


def test_later_rounds_drop_in_silence(store: Store) -> None:
    assert restrict(store, [replace(CREATE, customer_id="c3")], first=False) == []
    assert list(changes(store)) == []
