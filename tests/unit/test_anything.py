"""Anything may come back: whatever a system sends, the rest goes on, nothing is inferred from it, and it is set aside once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Exit
from tests.engine import Workshop, workshop
from tests.quick import books, quickly
from tests.simulators import Shop, start

PEOPLE: dict[str, Any] = {
    "berlin": lambda n: {"first_name": "Ana", "last_name": f"Muster{n}", "email": f"ana{n}@example.com"},
    "oslo": lambda n: {"firstname": "Kari", "lastname": f"Prove{n}", "email": f"kari{n}@example.com"},
    "riyadh": lambda n: {"name": f"Noura Mithal{n}", "email": f"noura{n}@example.com", "phone": f"5{n:08}", "dial_code": 966},
}  # fmt: skip
KEY = {"berlin": "id", "oslo": "customerUid", "riyadh": "id"}
NAME = {"berlin": "first_name", "oslo": "firstname", "riyadh": "name"}
STAMP = {"berlin": "birthday", "oslo": "lastModifiedAt", "riyadh": "updated_at"}


@pytest.fixture(scope="module")
def shop_of_module() -> Any:
    with start() as shop:
        yield shop


@pytest.fixture
def w(shop_of_module: Shop, tmp_path: Path) -> Any:
    shop_of_module.reset()
    settings = {name: {"access": "read-only", "timeout_s": 300} for name in PEOPLE}
    with workshop(tmp_path, shop_of_module, systems=settings) as made, quickly():
        yield made


def _altered(system: str, row: dict[str, Any], what: str) -> str:
    """The row as it comes back, as text."""
    key, name, stamp = KEY[system], NAME[system], STAMP[system]
    changes: dict[str, dict[str, Any]] = {
        "no id": {key: None},
        "id of a wrong type": {key: {"a": 1}},
        "empty id": {key: ""},
        "id with a slash": {key: "../../1"},
        "boolean id": {key: True},
        "number as name": {name: 17},
        "list as name": {name: ["a"]},
        "object as e-mail": {"email": {"x": 1}},
        "megabyte name": {name: "x" * 1_200_000},
        "control characters": {name: "A\u0000n\u0007a\u001b[31m\u202e", "email": "a\u0000@example.com"},
        "zero date": {stamp: "0000-00-00", "birth_date": "0000-00-00", "createdAt": "0000-00-00T00:00:00Z", "created_at": "0000-00-00 00:00:00"},
        "far date": {stamp: "9999-12-31T23:59:59-14:00", "birth_date": "99999-01-01"},
        "strange key": {"": 1, "a.b": 2, "$.x": 3, "ключ": 4},
        "huge number": {"zip": 10**60, "credit": {"limit": 1.7e308}},
        "addresses of wrong types": {"billing_address": [1], "addresses": "none", "shipping_address": {}, "tags": 5},
        "everything null": dict.fromkeys(set(row) - {key}),
    }  # fmt: skip
    text = {
        "null": "null", "number": "7", "list": "[]", "text": '"x"', "empty object": "{}",
        "lone surrogate": json.dumps({**row, name: "S\ud800x"}),
        "infinite number": json.dumps({**row, "x": 1}).replace('"x": 1', '"x": 1e999'),
        "raw control character": json.dumps({**row, name: "A#B"}).replace("A#B", "A\x01B"),
        "deep nesting": json.dumps({**row, "x": 1}).replace('"x": 1', '"x": ' + "[" * 600 + "]" * 600),
        "duplicate keys": json.dumps(row)[:-1] + f', "{name}": "Twice"}}',
        "an id twice": json.dumps(row) + "," + json.dumps({**row, name: "Somebody"}),
    }.get(what)  # fmt: skip
    return json.dumps({**row, **changes[what]}) if text is None else text


WHAT = (
    "null", "number", "list", "text", "empty object", "no id", "id of a wrong type", "empty id", "id with a slash", "boolean id",
    "number as name", "list as name", "object as e-mail", "megabyte name", "control characters", "zero date", "far date", "strange key",
    "huge number", "addresses of wrong types", "everything null", "lone surrogate", "infinite number", "raw control character",
    "deep nesting", "duplicate keys", "an id twice",
)  # fmt: skip


def test_bad_rows_harm_nobody(w: Workshop) -> None:
    """One customer at each till is spoiled in each way, all at once, among as many good ones."""
    ids = {name: till.load([PEOPLE[name](n) for n in range(2 * len(WHAT))]) for name, till in w.shop.tills.items()}
    everybody = sorted((name, one) for name, listed in ids.items() for one in listed)
    assert w.backfill().exit_code is Exit.DONE
    for name, till in w.shop.tills.items():
        for what, bad, good in zip(WHAT, ids[name][: len(WHAT)], ids[name][len(WHAT) :], strict=True):
            till.spoil(bad, _altered(name, till.customer(bad), what))
            till.edit(good, **{NAME[name]: "Changed"})

    first = w.backfill()
    assert first.exit_code is Exit.REJECTED, first.problems
    for _ in range(2):
        again = w.backfill()
        assert again.exit_code is Exit.DONE, again.problems
    assert sorted(_books(w, "SELECT system, record_id FROM core.records WHERE deleted_at IS NULL")) == everybody
    rejects = _books(w, "SELECT system, record_id, reason, payload FROM core.rejects WHERE stage = 'pull'")
    assert len(rejects) == len(set(rejects)) > 20, "once, not per run"
    assert {run for (run,) in _books(w, "SELECT DISTINCT run_id FROM core.rejects")} == {first.run_id}
    good = _books(w, "SELECT count(*) FROM core.records WHERE payload::VARCHAR LIKE '%Changed%'")
    assert good == [(3 * len(WHAT),)], "the others go on"
    assert w.shop.writes() == 0

    for name, till in w.shop.tills.items():
        for bad in ids[name][: len(WHAT)]:
            till.spoil(bad, None)
    assert w.backfill().exit_code is Exit.DONE
    assert _books(w, "SELECT * FROM core.rejects WHERE stage = 'pull'") == [], "closed when it came in well"
    assert w.shop.writes() == 0


def _books(w: Workshop, sql: str) -> list[tuple[Any, ...]]:
    return books(w.config.store_path, sql)
