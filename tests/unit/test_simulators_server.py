"""The server around the tills: base URLs, controls, clean start and stop, worlds of a size."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import httpx
import pytest

from connectors.simulators.clock import START, Clock
from connectors.simulators.dials import Dials, FlowRetailDials, FoodicsDials, InventorumDials
from connectors.simulators.foodics import FoodicsTill
from connectors.simulators.inventorum import InventorumTill
from connectors.simulators.rows import SortedRows
from connectors.simulators.server import listen, serve
from tests.simulators import Shop, start

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def control(running: Shop) -> Iterator[httpx.Client]:
    running.reset()
    with httpx.Client(base_url=f"{running.handle.root}/_control") as client:
        yield client


def test_base_urls_are_as_the_vendors_write_them(running: Shop) -> None:
    root = running.handle.root
    assert [running.url(name) for name in ("berlin", "oslo", "riyadh")] == [
        f"{root}/berlin/api",
        f"{root}/oslo/v2",
        f"{root}/riyadh/v5",
    ]


def test_stopping_leaves_no_thread_and_frees_the_port() -> None:
    before = threading.active_count()
    with start() as shop:
        port = shop.handle.port
        with httpx.Client() as kept_alive:
            kept_alive.get(shop.url("berlin"))
            shop.handle.close()
    assert threading.active_count() == before
    listen(port).close()


def test_a_taken_port_is_an_os_error(running: Shop) -> None:
    with pytest.raises(OSError, match="in use"):
        serve({}, running.handle.port)


def test_two_tills_of_one_vendor_are_different_accounts() -> None:
    clock = Clock()
    berlin, kiel = InventorumTill("berlin", clock=clock), InventorumTill("kiel", clock=clock)
    with start({"berlin": berlin, "kiel": kiel}) as shop:
        berlin_id, kiel_id = berlin.add(company="A"), kiel.add(company="A")
        headers = {"Authorization": f"Bearer {berlin.credentials['access_token']}"}
        assert httpx.get(f"{shop.url('berlin')}/customers/", headers=headers).json()["total"] == 1
        assert httpx.get(f"{shop.url('kiel')}/customers/", headers=headers).status_code == 401
    assert berlin_id != kiel_id


def test_the_same_seed_gives_the_same_world() -> None:
    worlds = []
    for seed in (1, 1, 2):
        till = FoodicsTill("riyadh", seed=seed)
        till.add(name="Sara")
        worlds.append(till.customers())
    assert worlds[0] == worlds[1] != worlds[2]


def test_load_spaces_stamps_backwards_from_now_and_may_set_them() -> None:
    till = FoodicsTill()
    till.load([{"name": "A"}, {"name": "B"}, {"name": "C", "updated_at": "2020-01-01 00:00:00"}], spacing_s=10)
    stamps = [(row["name"], row["created_at"], row["updated_at"]) for row in till.customers().values()]
    assert stamps == [
        ("A", "2026-01-05 07:59:40", "2026-01-05 07:59:40"),
        ("B", "2026-01-05 07:59:50", "2026-01-05 07:59:50"),
        ("C", "2026-01-05 08:00:00", "2020-01-01 00:00:00"),
    ]
    assert till.clock.now() == START


def test_staff_input_with_an_unknown_field_or_customer_is_an_error(running: Shop) -> None:
    running.reset()
    for till in running.tills.values():
        with pytest.raises(ValueError, match="no field shoe_size"):
            till.add(shoe_size=43)
        for action in (till.delete, till.customer, till.touch):
            with pytest.raises(KeyError):
                action("nobody")


def test_dials_refuse_unknown_names_and_values(running: Shop) -> None:
    with pytest.raises(ValueError, match="no dial shoe_size"):
        running.berlin.turn(shoe_size=43)
    with pytest.raises(ValueError, match="Invalid enum value"):
        running.berlin.turn(get_one="two")


def test_control_edits_customers(control: httpx.Client, running: Shop) -> None:
    made = control.post("/berlin/customers", json={"first_name": "Ana"}).json()["id"]
    assert control.patch(f"/berlin/customers/{made}", json={"note": "tea"}).status_code == 200
    assert control.get(f"/berlin/customers/{made}").json()["note"] == "tea"
    assert list(control.get("/berlin/customers").json()) == [made]
    assert control.delete(f"/berlin/customers/{made}").status_code == 200
    assert control.get("/berlin/customers").json() == {}
    assert control.delete(f"/berlin/customers/{made}").status_code == 404
    assert control.post("/berlin/customers", json={"shoe_size": 43}).status_code == 400
    sara = control.post("/riyadh/load", json=[{"name": "Sara"}]).json()["ids"][0]
    control.delete(f"/riyadh/customers/{sara}")
    assert control.post(f"/riyadh/customers/{sara}/restore").status_code == 200
    control.post(f"/riyadh/customers/{sara}/touch")
    assert running.riyadh.customers()[sara]["order_count"] == 1
    assert control.post(f"/berlin/customers/{made}/restore").status_code == 400
    assert control.get("/").json()["riyadh"]["customers"] == 1
    assert control.get("/nowhere").status_code == 404


def test_control_turns_dials_faults_clock_and_tokens(control: httpx.Client, running: Shop) -> None:
    till = running.berlin
    assert control.patch("/berlin/dials", json={"create_status": 201}).json()["create_status"] == 201
    assert control.patch("/berlin/dials", json={"create_status": 202}).status_code == 400
    assert control.get("/berlin/dials").json()["create_status"] == till.dials.create_status == 201
    headers = {"Authorization": f"Bearer {till.credentials['access_token']}"}
    url = f"{running.url('berlin')}/customers/"
    control.post("/berlin/faults", json={"fault": {"kind": "status", "status": 500}, "on": {"n": 2, "method": "GET"}})
    assert [httpx.get(url, headers=headers).status_code for _ in range(3)] == [200, 500, 200]
    control.post(
        "/berlin/faults", json={"chance": {"probability": 1, "mix": [{"kind": "not_json"}]}, "latency_s": 0.01}
    )
    assert httpx.get(url, headers=headers).text.startswith("<html>")
    control.delete("/berlin/faults")
    control.post("/berlin/drift", json={"action": "insert", "after": 1})
    assert [httpx.get(url, headers=headers).json()["total"] for _ in range(2)] == [0, 1]
    now = control.post("/berlin/clock", json={"set": "2030-01-01T00:00:00+00:00", "advance_s": 60, "step_s": 5}).json()[
        "now"
    ]
    assert now == "2030-01-01T00:01:00+00:00"
    assert control.post("/berlin/tokens", json={"lose": "access"}).status_code == 200
    assert httpx.get(url, headers=headers).status_code == 401
    counts = control.get("/berlin/ledger").json()["counts"]
    assert counts["status:401"] == 1
    assert [r["status"] for r in control.get("/berlin/ledger", params={"since": 6}).json()["requests"]] == [401]
    control.delete("/berlin/ledger")
    assert control.get("/berlin/ledger").json()["requests"] == []
    running.clock.step_s = 1
    control.post("/berlin/reset")
    assert (len(till), till.dials.create_status) == (0, 200)


def test_run_serves_the_trio_until_it_is_told_to_stop() -> None:
    code = "from connectors.simulators.server import run; run(0, {'oslo': [{'firstname': 'Ana'}]}, say=lambda s: print(s, flush=True))"
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(10)]
        assert lines[3] == "oslo: flow_retail with 1 customers"
        base_url = next(line.split()[1] for line in lines if line.endswith("tenant: acme"))
        answer = httpx.get(
            f"{base_url}/tenants/acme/customers", headers={"Authorization": "Bearer demo-acme-integration-token"}
        )
        assert answer.json()["paging"]["totalCount"] == 1
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(10) == 0


def test_sorted_rows_keep_their_order_while_rows_move() -> None:
    rows = SortedRows()
    rows.load([("b", ("2", 2)), ("a", ("1", 1)), ("c", ("3", 3))])
    rows.put("a", ("4", 1))
    rows.put("d", ("0", 4))
    rows.drop("c")
    rows.drop("never")
    assert rows.ids() == ["d", "b", "a"]
    assert rows.slice(1, 9) == ["b", "a"]
    assert rows.slice(0, 2, descending=True) == ["a", "b"]
    assert rows.slice(2, 9, descending=True) == ["d"]
    assert (rows.position("2", after=False), rows.position("2", after=True)) == (1, 2)


def test_a_port_may_be_chosen() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serve({"berlin": InventorumTill()}, port) as handle:
        assert handle.url("berlin") == f"http://127.0.0.1:{port}/berlin/api"


@pytest.mark.parametrize("dials", [Dials, InventorumDials, FlowRetailDials, FoodicsDials])
def test_every_dial_with_every_value_is_in_the_docs(dials: type) -> None:
    text = (ROOT / "docs" / "simulators.md").read_text(encoding="utf-8")
    for dial in fields(dials):
        lines = [line for line in text.splitlines() if line.startswith(f"| `{dial.name}` |")]
        values = [
            value
            for part in re.findall(r"Literal\[(.*?)\]", str(dial.type))
            for value in part.replace('"', "").replace("'", "").split(", ")
        ]
        described = [line for line in lines if all(f"`{value}`" in line for value in values)]
        assert described, f"{dial.name} with {values}"
