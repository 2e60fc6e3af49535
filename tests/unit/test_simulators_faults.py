"""What goes wrong on the way: on real connections, at the chosen request, before or after the change was made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from connectors.simulators import faults
from connectors.simulators.faults import Fault
from connectors.simulators.inventorum import InventorumTill
from tests.simulators import Shop, start


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def till(running: Shop) -> InventorumTill:
    running.reset()
    return running.berlin


@pytest.fixture
def api(running: Shop, till: InventorumTill) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {till.credentials['access_token']}", "X-Api-Version": "10"}
    with httpx.Client(base_url=running.url("berlin"), headers=headers, timeout=5) as client:
        yield client


ANA = {"first_name": "Ana", "last_name": "Schmidt"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("reset", httpx.ReadError),
        ("hang_up", httpx.RemoteProtocolError),
        ("truncated", httpx.RemoteProtocolError),
        ("status", 503),
        ("not_json", 200),
        ("empty", 200),
        ("cut_json", 200),
    ],
)
def test_each_fault_before_and_after_the_change(
    api: httpx.Client, till: InventorumTill, kind: str, when: str, seen: type[Exception] | int
) -> None:
    """The caller sees the same either way; only the till knows whether the customer was made."""
    till.faults.on(1, Fault(kind, when=when))  # type: ignore[arg-type]
    if isinstance(seen, int):
        answer = api.post("/customers/", json=ANA)
        assert answer.status_code == seen
        with pytest.raises(ValueError):
            answer.json()
    else:
        with pytest.raises(seen):
            api.post("/customers/", json=ANA)
    made = 1 if when == "after" else 0
    assert len(till.customers()) == made
    entry = till.ledger.requests()[0]
    assert (entry.kind, entry.changed, entry.status) == ("write", bool(made), seen if isinstance(seen, int) else None
                                                         if kind != "truncated" else 200)  # fmt: skip
    assert len(till.ledger.creates()) == made
    assert api.post("/customers/", json=ANA).status_code == 200


def test_a_reset_is_a_reset_and_a_hang_up_a_proper_close(api: httpx.Client, till: InventorumTill) -> None:
    till.faults.on(1, faults.RESET)
    with pytest.raises(httpx.ReadError, match="reset"):
        api.get("/customers/")
    till.faults.on(1, faults.LOST_REPLY)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        api.get("/customers/")


def test_retry_after_with_and_without(api: httpx.Client, till: InventorumTill) -> None:
    till.faults.on(1, faults.TOO_MANY)
    till.faults.on(2, Fault("status", status=429, retry_after="7"))
    first, second = api.get("/customers/"), api.get("/customers/")
    assert (first.status_code, first.headers.get("retry-after")) == (429, None)
    assert (second.status_code, second.headers.get("retry-after")) == (429, "7")
    assert first.headers["content-type"] == "text/html"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_caller_that_gave_up_on_a_slow_answer_may_still_have_made_the_change(
    api: httpx.Client, till: InventorumTill, when: str
) -> None:
    till.faults.on(1, Fault("slow", when=when, latency_s=0.3))  # type: ignore[arg-type]
    with pytest.raises(httpx.ReadTimeout):
        api.post("/customers/", json=ANA, timeout=0.1)
    assert len(till.customers()) == (1 if when == "after" else 0)
    time.sleep(0.4)
    assert len(till.customers()) == 1


def test_latency_slows_every_answer_without_queueing(running: Shop, api: httpx.Client, till: InventorumTill) -> None:
    till.faults.latency_s = 0.2
    started = time.monotonic()
    threads = [threading.Thread(target=api.get, args=("/customers/",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.2 <= time.monotonic() - started < 1.2


def test_a_script_hits_the_nth_matching_request_only(api: httpx.Client, till: InventorumTill) -> None:
    till.faults.on(2, faults.SERVER_ERROR, method="GET", path=r"/customers/\?.*page=2", times=2)
    pages = [1, 2, 2, 2, 2]
    assert [api.get("/customers/", params={"page": page}).status_code for page in pages] == [200, 200, 500, 500, 200]
    assert api.post("/customers/", json=ANA).status_code == 200


def test_chance_is_the_same_for_the_same_seed_in_any_order(api: httpx.Client, till: InventorumTill) -> None:
    def struck(seed: int, pages: list[int]) -> set[tuple[int, int]]:
        till.faults.by_chance(0.5, seed=seed, mix=[faults.SERVER_ERROR, faults.NOT_JSON])
        answers = [(page, api.get("/customers/", params={"page": page})) for page in pages]
        return {(page, answer.status_code) for page, answer in answers if "json" not in answer.headers["content-type"]}

    pages = list(range(1, 30))
    first = struck(1, pages)
    assert 5 < len(first) < 25
    assert struck(1, pages[::-1]) == first
    assert struck(2, pages) != first
    assert {status for _, status in first} == {200, 500}


def test_a_request_struck_by_chance_can_succeed_when_repeated(api: httpx.Client, till: InventorumTill) -> None:
    till.faults.by_chance(0.5, seed=3, mix=[faults.SERVER_ERROR])
    assert {api.get("/customers/").status_code for _ in range(20)} == {200, 500}
    till.faults.clear()
    assert {api.get("/customers/").status_code for _ in range(20)} == {200}


def test_chance_may_be_limited_to_some_requests(api: httpx.Client, till: InventorumTill) -> None:
    till.faults.by_chance(1.0, mix=[faults.SERVER_ERROR], matching=r"^POST ")
    assert api.get("/customers/").status_code == 200
    assert api.post("/customers/", json=ANA).status_code == 500


def test_a_refresh_whose_reply_is_lost_has_rotated(running: Shop, api: httpx.Client, till: InventorumTill) -> None:
    """Section 13 of the reference: the old refresh token is dead and the new one was never seen."""
    till.faults.on(1, faults.LOST_REPLY, path="/auth/token/")
    form = {"grant_type": "refresh_token", "refresh_token": till.credentials["refresh_token"]}
    auth = (till.credentials["client_id"], till.credentials["client_secret"])
    with httpx.Client(base_url=running.url("berlin"), auth=auth) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/auth/token/", data=form)
        assert client.post("/auth/token/", data=form).json() == {"error": "invalid_grant"}


def test_rows_change_during_a_walk(api: httpx.Client, till: InventorumTill) -> None:
    ids = till.load(dict(ANA) for _ in range(65))
    till.on_list(1, lambda: till.delete(ids[0]))
    pages = [api.get("/customers/", params={"page": page}).json() for page in (1, 2, 3)]
    seen = {str(row["id"]) for page in pages for row in page["data"]}
    assert [page["total"] for page in pages] == [65, 64, 64]
    assert set(ids) - seen == {ids[30]}  # the row that slipped over the boundary
    assert till.ledger.changes() == []


def test_drift_inserts_deletes_and_touches_by_the_seed(running: Shop) -> None:
    till = running.oslo
    histories = []
    for _ in range(2):
        running.reset()
        till.load({"firstname": f"Guest {i}"} for i in range(10))
        till.drift("delete", after=1)
        till.drift("insert", after=2, every=1)
        till.drift("touch", after=2)
        headers = {"Authorization": f"Bearer {till.credentials['token']}"}
        for _ in range(4):
            httpx.get(f"{running.url('oslo')}/tenants/acme/customers", headers=headers)
        histories.append(till.customers())
    assert len(histories[0]) == 10 - 1 + 3
    assert histories[0] == histories[1]
    assert (
        len(
            {row["lastModifiedAt"] for row in histories[0].values()}
            - {row["createdAt"] for row in histories[0].values()}
        )
        == 1
    )


def test_a_spoiled_row_is_served_as_given_until_mended(api: httpx.Client, till: InventorumTill) -> None:
    ana = till.add(**ANA)
    till.spoil(ana, "null")
    assert api.get("/customers/").json() == {"total": 1, "data": [None]}
    till.spoil(ana, {**till.customer(ana), "loyalty_tier": "gold"})
    assert api.get(f"/customers/{ana}/").json()["loyalty_tier"] == "gold"
    till.spoil(ana, None)
    assert "loyalty_tier" not in api.get(f"/customers/{ana}/").json()


def test_the_rate_limit_is_a_real_window(api: httpx.Client, till: InventorumTill) -> None:
    till.turn(rate_limit=3, rate_window_s=0.4, retry_after="1")
    statuses = [api.get("/customers/").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert till.ledger.counts["status:429"] == 2
    time.sleep(0.45)
    assert api.get("/customers/").status_code == 200


def test_a_clock_offset_shifts_one_tills_stamps(running: Shop) -> None:
    running.reset()
    running.oslo.turn(clock_offset_s=-3600.5)
    running.riyadh.turn(clock_offset_s=60)
    ana, sara = running.oslo.add(firstname="Ana"), running.riyadh.add(name="Sara")
    assert running.oslo.customer(ana)["createdAt"] == "2026-01-05T07:00:00.500Z"
    assert running.riyadh.customer(sara)["created_at"] == "2026-01-05 08:01:02"


def test_the_ledger_tells_writes_from_reads_and_keeps_creates(api: httpx.Client, till: InventorumTill) -> None:
    api.get("/customers/", params={"page": 1})
    made = api.post("/customers/", json=ANA).json()["id"]
    api.post("/customers/", json={})
    api.put(f"/customers/{made}/", json={"note": "x"})
    till.edit(str(made), note="by staff")
    assert [(e.method, e.path, e.params, e.status, e.changed) for e in till.ledger.requests()] == [
        ("GET", "/customers/", "page=1", 200, False),
        ("POST", "/customers/", "", 200, True),
        ("POST", "/customers/", "", 400, False),
        ("PUT", f"/customers/{made}/", "", 200, True),
    ]
    assert [e.n for e in till.ledger.writes()] == [2, 3, 4]
    assert [e.n for e in till.ledger.reads()] == [1]
    assert [(c.n, c.record_id) for c in till.ledger.creates()] == [(2, str(made))]
    assert till.ledger.counts["change:update"] == 1
    till.ledger.reset()
    assert (till.ledger.requests(), till.ledger.creates(), till.ledger.arrived) == ([], [], 0)
