"""What the documents say is true: links lead somewhere, commands exist, and what is public is documented."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from typer.main import get_command

from pipeline.cli import app
from state import migrations

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
COMMANDS = set(get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_shown_exist(page: Path) -> None:
    """Only what stands in code: `customer-sync …` in backticks or a code block."""
    text = page.read_text("utf-8")
    code = "\n".join(re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
    for line in re.findall(r"customer-sync ((?:--config \S+ )?[a-z]+)", code):
        command = line.split()[-1]
        if "decisions" not in page.parts:
            assert command in COMMANDS, f"{page.name} shows `customer-sync {command}`"


def test_promises_name_tests_that_exist() -> None:
    for path in re.findall(r"`(tests/[^`:]+|pipeline/[^`:]+\.py)", (ROOT / "README.md").read_text("utf-8")):
        assert list(ROOT.glob(path.rstrip("/"))), path


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_has_help_with_an_example(command: str) -> None:
    group = get_command(app).commands[command]  # type: ignore[attr-defined]
    for each in [*getattr(group, "commands", {}).values()] or [group]:
        assert "customer-sync" in (each.help or ""), f"{command}: no example"


def test_each_view_has_the_columns_of_the_contract_in_their_order() -> None:
    """The public views are a promise to people's own queries."""
    contract = {
        "customers": "customer_id full_name given_name middle_name family_name company is_business email phone mobile vat_number"
        " birth_date gender street address_extra postal_code city state country marketing_consent is_vip is_favourite"
        " is_blocked note systems records created_at updated_at",
        "links": "system record_id customer_id is_primary matched_on linked_at",
        "provenance": "customer_id field value system record_id since",
        "run_systems": "run_id system records_read records_new records_changed records_unchanged records_rejected created"
        " updated deleted unchanged excluded held failed",
        "exclusions": "customer_id system reason detail since",
        "writes": "run_id system record_id customer_id operation fields status http_status error attempts sent_at finished_at",
        "rejects": "system record_id run_id stage reason payload since",
        "conflicts": "customer_id field candidates chosen_system policy run_id at",
        "reviews": "review_id left_system left_record_id right_system right_record_id agree differ decision since",
        "cursors": "system watermark last_complete_at last_full_scan_at records",
        "history": "system record_id seen_at run_id content_hash payload",
    }
    con = duckdb.connect()
    migrations.apply(con, None)
    for view, columns in contract.items():
        assert [row[0] for row in con.execute(f"DESCRIBE {view}").fetchall()] == columns.split(), view
    con.close()
