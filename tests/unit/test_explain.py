"""A plan as people read it, on a terminal and as a page: counts, samples of each kind, nothing that acts."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from pipeline import report
from pipeline.errors import UserError
from pipeline.explain import LeftOut, document, kinds, text
from pipeline.model import Change


def update(n: int, **fields: tuple[Any, Any]) -> Change:
    return Change("oslo", "update", f"c{n}", f"r{n}", fields, {}, "from berlin:1", "h")


PLAN = [
    Change(
        "oslo",
        "create",
        "c9",
        None,
        {"email": (None, "ana@example.com")},
        {"mail": (None, "ana@example.com")},
        "not in oslo yet",
    ),
    *(update(n, phone=("+491511234567", None), is_vip=(False, True)) for n in range(5)),
    update(7, email=("a@example.com", "b@example.com")),
]
LEFT_OUT = [LeftOut("riyadh", "excluded", "missing_phone", 4)]


def test_counts_then_samples_of_each_kind() -> None:
    assert text(PLAN, LEFT_OUT, samples=1) == (
        "system  create  update  restore  delete\n"
        "------  ------  ------  -------  ------\n"
        "oslo         1       6        0       0\n"
        "\n"
        "oslo: create (1)\n"
        "  customer c9: not in oslo yet\n"
        "      email: (empty) -> ana@example.com\n"
        "oslo: update of is_vip, phone (5)\n"
        "  record r0, customer c0: from berlin:1\n"
        "      phone: +491511234567 -> (empty)\n"
        "      is_vip: no -> yes\n"
        "  ... and 4 more\n"
        "oslo: update of email (1)\n"
        "  record r7, customer c7: from berlin:1\n"
        "      email: a@example.com -> b@example.com\n"
        "Not written:\n"
        "  riyadh: 4 excluded (missing_phone)\n"
    )


def test_nothing_to_do_is_said() -> None:
    assert text([]) == "Nothing to write: all systems agree.\n"


def test_everything_as_json() -> None:
    found = json.loads(json.dumps(document(PLAN, LEFT_OUT)))
    assert found["counts"] == {"oslo": {"create": 1, "update": 6}}
    assert found["not_written"] == [{"system": "riyadh", "outcome": "excluded", "reason": "missing_phone", "count": 4}]
    assert len(found["changes"]) == 7
    assert found["changes"][0]["paths"] == {"mail": [None, "ana@example.com"]}


def test_kinds_keep_only_their_samples() -> None:
    assert [(kind.title, len(kind.samples)) for kind in kinds(iter(PLAN), 2)] == [
        ("oslo: create (1)", 1), ("oslo: update of is_vip, phone (5)", 2), ("oslo: update of email (1)", 1),
    ]  # fmt: skip


HOSTILE = "<script>alert(1)</script>\x1b[2J\u202eevil\u2028'\"&\x00"


@pytest.mark.parametrize("show", [text, lambda plan: report.html("acme", plan)])
def test_no_value_acts(show: Any) -> None:
    shown = show([update(1, note=(HOSTILE, HOSTILE))])
    assert not set("\x1b\u202e\u2028\x00") & set(shown)
    assert "\\u001b" in shown
    assert "\\u202e" in shown


def test_a_page_escapes_markup_and_allows_no_script() -> None:
    page = report.html(
        HOSTILE, [update(1, note=(None, HOSTILE))], [LeftOut("oslo", "held", "<b>", 1)], ["<i>limit</i>"]
    )
    assert not any(tag in page for tag in ("<script", "<b>", "<i>"))
    assert "&lt;script&gt;alert(1)" in page
    assert "default-src 'none'" in page


def test_the_page_says_what_the_text_says(tmp_path: Path) -> None:
    report.save(tmp_path / "plan.html", "acme", PLAN, LEFT_OUT, ["oslo: 6 records would be updated"])
    page = (tmp_path / "plan.html").read_text(encoding="utf-8")
    for said in ("Plan for acme", "oslo: update of is_vip, phone (5)", "record r0, customer c0", "ana@example.com",
                 "missing_phone", "6 records would be updated", "Stopped by a safety limit"):  # fmt: skip
        assert said in page
    assert stat.S_IMODE((tmp_path / "plan.html").stat().st_mode) == 0o600


def test_a_page_samples_a_large_plan() -> None:
    page = report.html("acme", [update(n, note=(None, "x")) for n in range(60)])
    assert "and 10 more of this kind" in page
    assert "Stopped by" not in page


def test_an_empty_page() -> None:
    assert "Nothing to write" in report.html("acme", [])


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        report.save(tmp_path / "no" / "plan.html", "acme", [])
