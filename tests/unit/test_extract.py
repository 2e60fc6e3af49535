"""From pages to records: what a pull keeps, goes on with, and tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from connectors.simulators import faults
from pipeline import deletions, extract
from pipeline.errors import Exit
from tests.engine import Workshop, workshop
from tests.pulling import cursors, pull, rows, staged
from tests.quick import quickly
from tests.simulators import Shop, start


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running:
        yield running


@pytest.fixture
def w(shop: Shop, tmp_path: Path) -> Iterator[Workshop]:
    shop.reset()
    settings = {name: {"timeout_s": 300} for name in shop.tills}
    with workshop(tmp_path, shop, systems=settings) as made, quickly():
        yield made


def berliners(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"first_name": "Ana", "last_name": f"Muster{n}", "email": f"ana{n}@example.com"}
        for n in range(start, start + count)
    ]


def osloers(count: int) -> list[dict[str, Any]]:
    return [{"firstname": "Kari", "lastname": f"Prove{n}", "email": f"kari{n}@example.com"} for n in range(count)]


def riyadhis(count: int) -> list[dict[str, Any]]:
    return [{"name": f"Noura Mithal{n}", "phone": f"5{n:08}", "dial_code": 966} for n in range(count)]


# Requests


@pytest.mark.parametrize("people", [4000, pytest.param(20_000, marks=pytest.mark.deep)])
def test_one_change_costs_a_few_requests(w: Workshop, people: int) -> None:
    """And a full pull hardly more than the fewest possible (besides the handful that asks who we are and how pages are counted)."""
    oslo, riyadh = w.shop.oslo.load(osloers(people)), w.shop.riyadh.load(riyadhis(people))
    pull(w, "oslo", "riyadh")
    assert w.shop.oslo.ledger.arrived <= 1.05 * people / 100 + 6
    assert w.shop.riyadh.ledger.arrived <= 1.05 * people / 50 + 5
    w.shop.oslo.edit(oslo[7], firstname="Changed")
    w.shop.riyadh.edit(riyadh[7], name="Changed")
    before = w.shop.oslo.ledger.arrived, w.shop.riyadh.ledger.arrived
    received = pull(w, "oslo", "riyadh")
    assert (received["oslo"].changed, received["riyadh"].changed) == (1, 1)
    assert w.shop.oslo.ledger.arrived - before[0] <= 4
    assert w.shop.riyadh.ledger.arrived - before[1] <= 6


def test_a_full_pull_of_unordered_pages_reads_each_once(w: Workshop) -> None:
    w.shop.berlin.load(berliners(3000))
    pull(w, "berlin")
    assert w.shop.berlin.ledger.counts["list"] <= 1.05 * 100


# Going on


@pytest.mark.parametrize(("system", "people"), [("oslo", osloers), ("riyadh", riyadhis)])
def test_an_ordered_pull_goes_on_where_it_stopped(
    w: Workshop, monkeypatch: pytest.MonkeyPatch, system: str, people: Any
) -> None:
    monkeypatch.setattr(extract, "FLUSH_ROWS", 100)
    monkeypatch.setattr(extract, "FLUSH_S", 0.0)
    w.settings["systems"][system]["page_size"] = 20
    till = w.shop.tills[system]
    till.load(people(600))
    stop = Event()
    till.on_list(15, stop.set)
    pull(w, system, stop=stop)
    assert staged(w) == [], "nothing is promoted before the walk is complete"
    assert cursors(w)[system] is None
    before = till.ledger.counts["list"]
    assert pull(w, system)[system].new == 600
    assert till.ledger.counts["list"] - before < 600 / 20, "what had landed is not read again"
    assert rows(w, "SELECT * FROM core.landing") == []


def test_an_unordered_pull_starts_over(w: Workshop) -> None:
    till = w.shop.berlin
    ids = till.load(berliners(300))
    stop = Event()
    till.on_list(8, stop.set)
    pull(w, "berlin", stop=stop)
    till.delete(ids[0])
    assert pull(w, "berlin")["berlin"].new == 299


def test_a_pull_that_breaks_goes_on_from_its_last_page(w: Workshop) -> None:
    till = w.shop.oslo
    till.load(osloers(1000))
    till.faults.on(12, faults.NOT_JSON, path="customers", times=None)
    assert pull(w, "oslo").problems == {"oslo": "not_json"}
    assert rows(w, "SELECT count(*) > 300 FROM core.landing") == [(True,)]
    till.faults.clear()
    before = till.ledger.counts["list"]
    assert pull(w, "oslo")["oslo"].new == 1000
    assert till.ledger.counts["list"] - before < 20


# Systems that fail


def test_an_answer_that_cannot_be_read_is_set_aside_once_and_the_others_go_on(w: Workshop) -> None:
    w.shop.berlin.load(berliners(40))
    w.shop.oslo.load(osloers(3))
    w.shop.berlin.faults.on(1, faults.NOT_JSON, path="page=2", times=None)
    for _ in range(2):
        received = pull(w, "berlin", "oslo")
        assert received.problems == {"berlin": "not_json"}
    assert received["oslo"].read == 3
    (reject,) = rows(w, "SELECT system, record_id, stage, reason, payload FROM core.rejects")
    assert reject[:4] == ("berlin", None, "answer", "not_json")
    assert "<html>" in reject[4]
    w.shop.berlin.faults.clear()
    assert pull(w, "berlin").problems == {}
    assert rows(w, "SELECT * FROM core.rejects") == []


def test_one_dead_till_does_not_hold_up_the_others(w: Workshop) -> None:
    w.shop.berlin.load(berliners(3))
    w.shop.oslo.load(osloers(3))
    w.shop.berlin.faults.on(1, faults.RESET, times=None)
    report = w.backfill()
    assert report.exit_code is Exit.UNREACHABLE
    (line,) = [line for line in report.problems if line.startswith("berlin")]
    assert "GET /" in line
    assert w.shop.oslo.ledger.counts["list"] > 0


# Deletions


def test_absence_is_confirmed_before_it_counts(w: Workshop) -> None:
    till = w.shop.berlin
    ids = till.load(berliners(5))
    pull(w, "berlin")
    till.delete(ids[0])
    for walks in (1, 2):
        pull(w, "berlin")
        gone = rows(w, "SELECT record_id FROM core.records WHERE deleted_at IS NOT NULL")
        assert gone == ([] if walks == 1 else [(ids[0],)])


def test_a_record_that_is_there_after_all_stays(w: Workshop) -> None:
    """Two walks do not show it, but it can still be read: no deletion."""
    till = w.shop.berlin
    ids = till.load(berliners(5))
    pull(w, "berlin")
    till.spoil(ids[0], "null")
    for _ in range(3):
        assert pull(w, "berlin").problems == {}
    assert rows(w, "SELECT count(*) FROM core.records WHERE deleted_at IS NULL") == [(5,)]


def test_many_missing_are_left_to_the_guard(w: Workshop) -> None:
    till = w.shop.berlin
    ids = till.load(berliners(40))
    w.backfill()
    for one in ids[:30]:
        till.delete(one)
    for _ in range(3):
        before = till.ledger.counts["read"]
        report = w.backfill()
        assert report.exit_code is Exit.SAFETY
        assert till.ledger.counts["read"] == before, "nobody is asked for one by one"


def test_a_run_asks_for_so_many_at_most(w: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "ASKED_AT_MOST", 3)
    till = w.shop.berlin
    ids = till.load(berliners(40))
    pull(w, "berlin")
    for one in ids[:5]:
        till.delete(one)
    gone = []
    for _ in range(3):
        pull(w, "berlin")
        gone.append(rows(w, "SELECT count(*) FROM core.records WHERE deleted_at IS NOT NULL")[0][0])
    assert gone == [0, 3, 5]


def test_a_restored_customer_is_the_same_record(w: Workshop) -> None:
    till = w.shop.riyadh
    ids = till.load(riyadhis(3))
    w.backfill()
    known = rows(w, "SELECT record_id, customer_id FROM core.links WHERE system = 'riyadh' ORDER BY ALL")
    till.delete(ids[1])
    w.sync()
    assert rows(w, "SELECT record_id FROM core.records WHERE system = 'riyadh' AND deleted_at IS NOT NULL") == [
        (ids[1],)
    ]
    till.restore(ids[1])
    w.sync()
    assert rows(w, "SELECT record_id FROM core.records WHERE system = 'riyadh' AND deleted_at IS NOT NULL") == []
    assert rows(w, "SELECT record_id, customer_id FROM core.links WHERE system = 'riyadh' ORDER BY ALL") == known
    assert till.ledger.creates() == []
    assert len(till) == 3


# Fields


def test_an_unknown_field_is_kept_and_told_once(w: Workshop) -> None:
    till = w.shop.riyadh
    ids = till.load(riyadhis(3))
    assert pull(w).told == []
    till.edit(ids[0], name="Changed")
    till.spoil(ids[0], {**till.customer(ids[0]), "loyalty_tier": "gold", "ana@example.com": 1})
    assert pull(w).told == ["riyadh now sends `loyalty_tier`: kept in its records' payload, read by no mapping"]
    assert pull(w, full=True).told == []
    ((payload,),) = rows(w, f"SELECT payload::VARCHAR FROM core.records WHERE record_id = '{ids[0]}'")
    assert json.loads(payload)["loyalty_tier"] == "gold"
