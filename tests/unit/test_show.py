"""`show` and `why`: everything about one customer, found by any key, safe on a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.errors import UserError
from pipeline.find import find_customer, find_record, regions_of
from pipeline.query import open_snapshot
from pipeline.show import gather
from pipeline.show_text import customer as text
from tests.engine import Workshop, workshop
from tests.simulators import start

Run = Callable[..., tuple[int, str, str]]
IDS: dict[str, str] = {}


@pytest.fixture(scope="module")
def w(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Ana at berlin and oslo with an edit that travelled; a company with a VAT number; somebody who tries to write on terminals."""
    with start() as shop, workshop(tmp_path_factory.mktemp("shown"), shop) as w:
        IDS["ana"] = shop.berlin.add(
            first_name="Ana", last_name="Berg", email="ana@example.com", phone_number="0151 12345678"
        )
        IDS["oslo"] = shop.oslo.add(firstname="Ana", lastname="Berg", email="ana@example.com")
        shop.berlin.add(company="Kaffee Nord GmbH", email="nord@example.com", tax_number="DE136695976")
        shop.berlin.add(first_name="Eve\x1b[31m\u202e", last_name="Roth", email="eve@example.com")
        w.backfill()
        shop.berlin.edit(IDS["ana"], last_name="Berger")
        w.sync()
        yield w


@pytest.fixture
def run(w: Workshop, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line on the workshop; returns exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.run(["--config", str(w.folder / "config.yaml"), *arguments])
        return code, *capsys.readouterr()

    return run


def find(w: Workshop, key: str) -> str:
    with open_snapshot(w.config.store_path) as con:
        return find_customer(con, key, w.config.systems, regions_of(w.config))


def test_a_customer_is_found_by_any_key_in_any_spelling(w: Workshop) -> None:
    ana = find(w, f"berlin:{IDS['ana']}")
    keys = [
        ana,
        ana.upper(),
        "Ana@Example.com ",
        "+49 151 123 456 78",
        "0151/12345678",
        "0049 151 12345678",
        f"oslo:{IDS['oslo']}",
    ]
    assert {key: find(w, key) for key in keys} == dict.fromkeys(keys, ana)
    nord = find(w, "nord@example.com")
    assert find(w, "de 136 695 976") == find(w, "136695976") == nord != ana


def test_a_retired_id_leads_to_the_customer_it_became(tmp_path: Path) -> None:
    with workshop(tmp_path) as w:
        w.shop.berlin.add(first_name="Ana", last_name="Berg", email="ana@example.com")
        other = w.shop.oslo.add(firstname="Ana", lastname="Berg", email="old@example.com")
        w.backfill()
        before = {find(w, "ana@example.com"), find(w, "old@example.com")}
        w.shop.oslo.edit(other, email="ana@example.com")
        w.sync()
        now = find(w, "ana@example.com")
        (retired,) = before - {now}
        assert find(w, retired) == now
        assert gather(w.config, retired)["also_known_as"] == [retired]


@pytest.mark.parametrize(
    "key", ["nobody@example.com", "berlin:0", "+4915199999999", "12", "", "00000000-0000-0000-0000-000000000000"]
)
def test_what_does_not_exist_is_said_with_exit_2(run: Run, key: str) -> None:
    code, out, err = run("show", key)
    assert (code, out) == (2, "")
    assert "No customer has this key" in err
    code, out, err = run("why", f"berlin:{IDS['ana']}", key or "x")
    assert (code, out) == (2, "")


def test_show_tells_values_origins_reads_writes_and_how_it_was_read(w: Workshop) -> None:
    found = gather(w.config, "ana@example.com")
    name = found["values"]["name"]
    assert (name["value"]["full"], name["system"], name["record_id"]) == ("Ana Berger", "berlin", IDS["ana"])
    assert name["since"]
    records = {record["system"]: record for record in found["records"]}
    assert {system: record["units"]["name"]["value"]["family"] for system, record in records.items()} == dict.fromkeys(
        ("berlin", "oslo", "riyadh"), "Berger"
    )
    phone = records["berlin"]["units"]["phone"]
    assert (phone["from"]["phone_number"], phone["value"]) == ("0151 12345678", "+4915112345678")
    assert phone["rule"]
    assert "DE" in phone["evidence"]
    updates = [(write["system"], write["fields"]["family_name"]) for write in found["writes"] if write["operation"] == "update"
               and "family_name" in write["fields"]]  # fmt: skip
    assert ("oslo", ["Berg", "Berger"]) in updates
    reads = [read["changed"]["name"] for read in found["reads"] if read["system"] == "berlin" and not read["first"]]
    assert [[before["family"], after["family"]] for before, after in reads] == [["Berg", "Berger"]]
    assert {row["cause"] for row in found["links"]} >= {"created"}


def test_show_prints_the_same_for_people(run: Run) -> None:
    code, out, _ = run("show", "ana@example.com")
    assert code == 0
    for expected in (
        "Ana Berger", f"name: from berlin:{IDS['ana']}, since", "phone_number = 0151 12345678",
        "-> +4915112345678 (phone; read in DE",
        "family_name: Berg -> Berger", "create riyadh:",
    ):  # fmt: skip
        assert expected in out
    head = next(line for line in out.splitlines() if "customer" in line and "berlin:" in line)
    assert all(f"{system}:" in head for system in ("berlin", "oslo", "riyadh"))


def test_json_is_one_document(run: Run) -> None:
    code, out, _ = run("show", "ana@example.com", "--json")
    assert code == 0
    found = json.loads(out)
    assert {
        "customer_id",
        "values",
        "records",
        "not_kept",
        "conflicts",
        "reviews",
        "rejects",
        "decisions",
        "links",
        "reads",
        "writes",
    } <= set(found)


def test_nothing_a_customer_is_called_acts_on_the_terminal(run: Run, w: Workshop) -> None:
    for out in (run("show", "eve@example.com")[1], text(gather(w.config, "eve@example.com"))):
        assert "Eve" in out
        assert not {"\x1b", "\u202e"} & set(out)


def test_why_is_yes_or_no_with_reasons(run: Run, w: Workshop) -> None:
    code, out, _ = run("why", f"berlin:{IDS['ana']}", f"oslo:{IDS['oslo']}")
    assert code == 0
    assert out.startswith("one customer")
    assert "the same email: ana@example.com" in out
    code, out, _ = run("why", f"berlin:{IDS['ana']}", "eve@example.com", "--json")
    assert code == 2, "eve's address is in three tills by now"
    with open_snapshot(w.config.store_path) as con:
        eve = find_record(
            con,
            "berlin:"
            + con.execute("SELECT record_id FROM records WHERE system = 'berlin' AND email LIKE 'eve%'").fetchall()[0][
                0
            ],
            w.config.systems,
        )
    code, out, _ = run("why", f"berlin:{IDS['ana']}", ":".join(eve), "--json")
    found = json.loads(out)
    assert (code, found["same_customer"]) == (0, False)
    assert "no key agrees" in found["reasons"]


def test_why_needs_two_records(w: Workshop, run: Run) -> None:
    assert run("why", f"berlin:{IDS['ana']}", f"berlin:{IDS['ana']}")[0] == 2
    with open_snapshot(w.config.store_path) as con, pytest.raises(UserError, match="name one of them"):
        find_record(con, "ana@example.com", w.config.systems)
