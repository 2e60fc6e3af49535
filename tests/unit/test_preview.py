"""`mappings check` and `mappings preview` on staged data: what an integrator sees after editing a mapping file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mappings import load_mappings
from mappings.compiled_rule import CompiledRule
from pipeline import preview
from pipeline.errors import UserError
from pipeline.mapping_laws import check_staged
from tests.engine import Workshop
from tests.laws import books
from tests.simulators import start

GENDER = """
connector: inventorum
rules:
  gender: {canonical: gender, transform: table, fields: title, options: {table: {"Mr.": male, "Mrs.": female}}}
"""


@pytest.fixture(scope="module")
def w(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Two customers in all three tills, one of them with a phone that cannot be read."""
    with start() as shop:
        shop.berlin.add(
            first_name="Ana", last_name="Berg", email="ana@example.com", phone_number="+4915112345001", title="Mrs."
        )
        shop.berlin.add(first_name="Bo", last_name="Lund", email="bo@example.com", phone_number="0176-1234567O")
        workshop = Workshop(tmp_path_factory.mktemp("shop"), shop)
        workshop.backfill()
        yield workshop


def gather(w: Workshop, system: str, text: str = "", **options: Any) -> preview.Row:
    folder = w.folder / "mappings"
    folder.mkdir(exist_ok=True)
    (folder / "inventorum.yaml").write_text(text or "connector: inventorum\n")
    w.settings["mappings"] = "mappings/"
    return preview.gather(w.config, system, options.get("record_ids", ()), options.get("limit", 5))


def test_preview_counts_what_is_not_understood_by_reason(w: Workshop) -> None:
    found = gather(w, "berlin")
    (bo,) = [record["record_id"] for record in found["shown"] if record["payload"]["last_name"] == "Lund"]
    assert found["not_understood"] == [
        {"unit": "phone", "problem": "letters inside the number", "records": 1, "samples": [bo]}
    ]
    assert found["reads_differently"] == {}
    assert [target["records"] for target in found["would_rewrite"]] == [0, 0, 0]


def test_preview_shows_what_a_new_rule_would_write_at_each_target(w: Workshop) -> None:
    found = gather(w, "berlin", GENDER, limit=1)
    assert (found["records"], len(found["shown"])) == (2, 1)
    assert found["reads_differently"] == {"gender": 2}
    riyadh = next(target for target in found["would_rewrite"] if target["system"] == "riyadh")
    (sample,) = riyadh["samples"]
    assert (riyadh["records"], riyadh["fields"], sample["fields"]) == (1, {"gender": 1}, {"gender": [None, 2]})
    text = preview.text(found)
    assert "Would be rewritten in riyadh: 1 records (gender 1)" in text
    assert "Would be rewritten in oslo: nothing." in text
    assert "phone: letters inside the number" in text


def test_the_previewed_writes_are_what_the_next_run_plans(w: Workshop) -> None:
    found = gather(w, "berlin", GENDER)
    expected = {target["system"]: target["records"] for target in found["would_rewrite"] if target["records"]}
    w.sync(write=False)
    planned = books(w, "SELECT system, count(*) FROM core.plan WHERE operation = 'update' GROUP BY system")
    assert dict(planned) == expected


def test_preview_of_what_is_not_there_says_so(w: Workshop) -> None:
    with pytest.raises(UserError, match="No system is called paris"):
        gather(w, "paris")
    with pytest.raises(UserError, match="no such record"):
        gather(w, "berlin", record_ids=("nobody",))


def test_the_laws_are_checked_on_every_staged_record(w: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a broken one names system, rule and record, and no value of anybody."""
    mappings = load_mappings(None)
    found = check_staged(w.config, mappings)
    assert {name: (one.records, one.problems(name)) for name, one in found.items()} == {
        "berlin": (2, []), "oslo": (2, []), "riyadh": (1, []),
    }  # fmt: skip
    monkeypatch.setattr(CompiledRule, "_settled", lambda *_: False)
    monkeypatch.setattr(CompiledRule, "_differs", lambda _, value, old: isinstance(value, str) and value == old)
    problems = check_staged(w.config, mappings)["berlin"].problems("berlin")
    assert any(
        problem.startswith("berlin: rule 'email' would rewrite email although nothing changed: 2 of 2")
        for problem in problems
    )
    assert not any("ana" in problem or "Berg" in problem for problem in problems)


def test_without_a_snapshot_nothing_is_checked(tmp_path: Path, w: Workshop) -> None:
    assert check_staged(Workshop(tmp_path, w.shop).config, load_mappings(None)) == {}
