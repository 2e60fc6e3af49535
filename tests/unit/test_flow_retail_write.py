"""Flow Retail's writing side against the simulator: batches, what their answers say, and what is looked up instead."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Settings, Write
from connectors.errors import Refused
from connectors.flow_retail import FlowRetail
from connectors.flow_retail.batch import correlated, took, verdicts
from connectors.simulators import faults
from connectors.simulators.flow_retail import FlowRetailTill
from tests.conformance.suite import MemoryTokens, quick  # noqa: F401 - a fixture
from tests.simulators import Shop, start
from tests.unit.scripted import Reply, scripted


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def till(running: Shop) -> FlowRetailTill:
    running.reset()
    return running.oslo


@pytest.fixture
def connect(running: Shop) -> Iterator[Callable[..., FlowRetail]]:
    opened = []

    def open_one(base_url: str = "") -> FlowRetail:
        url, auth = base_url or running.url("oslo"), running.oslo.credentials
        settings = Settings("oslo", url, auth, 60_000, timeout_s=5.0, options={"tenant": "acme"})
        opened.append(FlowRetail(settings, MemoryTokens()))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def create(n: int, **fields: Any) -> Write:
    fields = {"firstname": f"Ana {n}", "lastname": "Schmidt", "email": f"ana{n}@example.com", **fields}
    return Write(f"c{n}", "create", fields=fields, reference=f"our-{n}")


def update(record_id: str, present: Mapping[str, Any] | None = None, **fields: Any) -> Write:
    return Write(f"u-{record_id}", "update", record_id, fields, dict(present or {}))


def delete(record_id: str) -> Write:
    return Write(f"d-{record_id}", "delete", record_id)


FORMS = [
    {},
    {"batch_form": "B"},
    {"batch_form": "C"},
    {"batch_form": "D"},
    {"batch_order": "reversed"},
    {"batch_form": "B", "batch_order": "reversed"},
    {"batch_status": "always_200"},
    {"batch_form": "C", "batch_status": "always_200"},
    {"batch_item_status": False},
    {"batch_form": "B", "batch_item_status": False},
]


@pytest.mark.parametrize("dials", FORMS)
def test_a_batch_of_fifty_with_one_bad_item_writes_forty_nine(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], dials: Mapping[str, Any]
) -> None:
    """207 is a success to an HTTP client, 200 is no proof, and positions mean nothing (traps 1 and 2)."""
    till.turn(**dials)
    old = till.load([{"firstname": "Old", "email": f"old{n}@example.com"} for n in range(20)])
    writes = [
        *(create(n, **({"email": "bad"} if n == 7 else {})) for n in range(30)),
        *(update(record_id, city=f"Oslo {record_id}") for record_id in old[:10]),
        *(delete(record_id) for record_id in old[10:]),
    ]
    results = {result.key: result for result in connect().write(writes)}
    assert list(results) == [write.key for write in writes]
    counts = Counter(result.status for result in results.values())
    # With form D nothing is said: that the bad one was not created is no proof that it will not be.
    assert counts == {"done": 49, "unknown" if dials.get("batch_form") == "D" else "refused": 1}
    for n in range(30):
        if n != 7:
            record = results[f"c{n}"].record
            assert record
            assert (record.reference, record.payload["email"]) == (f"our-{n}", f"ana{n}@example.com")
            assert record.payload == till.customer(record.record_id)
    for record_id in old[:10]:
        record = results[f"u-{record_id}"].record
        assert record
        assert record.payload["city"] == f"Oslo {record_id}"
    assert len(till) == 39
    assert len(till.ledger.writes()) == 1


def test_a_refusal_keeps_the_vendors_words(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    good, bad = connect().write([create(1), create(2, email="bad")])
    assert good.status == "done"
    assert (bad.status, bad.reason, bad.http_status) == ("refused", "validation", 400)
    assert "email" in bad.vendor_text


def test_full_batches_cost_two_requests_each(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    """The batch, and one newest-first page with what is stored now."""
    connector = connect()
    connector.write([create(1000)])
    till.ledger.reset()
    for start_at in range(0, 500, 50):
        connector.write([create(n) for n in range(start_at, start_at + 50)])
    assert len(till.ledger.writes()) == 10
    assert till.ledger.arrived <= 20 + 2  # and finding the base once


@pytest.mark.parametrize(("dials", "most"), [({"batch_max": 3}, 40), ({"batch_max": 20, "batch_max_status": 400}, 10)])
def test_a_batch_that_is_refused_as_a_whole_is_halved(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], dials: Mapping[str, Any], most: int
) -> None:
    till.turn(**dials)
    results = connect().write([create(n) for n in range(50)])
    assert {result.status for result in results} == {"done"}
    assert len(till.ledger.creates()) == 50
    assert len(till.ledger.writes()) <= most


def test_one_bad_item_that_spoils_its_batch_is_found(connect: Callable[..., FlowRetail]) -> None:
    """A server may refuse the batch for one item; halving finds it, and the single call has the last word."""
    ok = Reply(201, b'{"customerUid":"x","createdAt":"2026-01-01T00:00:00Z","externalId":"our-0"}')
    fine = Reply(
        body=json.dumps(
            {
                "create": [
                    {"status": 201, "customerUid": "x", "externalId": "our-0", "createdAt": "2026-01-01T00:00:00Z"}
                ]
            }
        ).encode()
    )
    refused = Reply(422, b'{"message":"no"}')
    with scripted(refused, fine, refused, refused) as script:
        first, second = connect(script.url).write([create(0), create(1)])
    assert (first.status, second.status, second.reason) == ("done", "refused", "validation")
    assert [request.split("/")[-1] for request in script.requests] == ["batch", "batch", "batch", "customers"]
    with scripted(refused, refused, ok, refused, refused) as script:
        connector = connect(script.url)
        assert [r.status for r in connector.write([create(0), create(1)])] == ["done", "refused"]
        connector.write([create(0)])
    assert script.requests[-1].endswith("/customers")  # the batch itself was what this server did not take


@pytest.mark.parametrize("reply", [Reply(405), Reply(501), Reply(404)])
def test_without_a_batch_endpoint_customers_are_written_one_by_one(
    connect: Callable[..., FlowRetail], reply: Reply
) -> None:
    customer = Reply(201, b'{"customerUid":"x","createdAt":"2026-01-01T00:00:00Z","externalId":"our-0"}')
    deleted = Reply(204, b"")
    with scripted(reply, customer, deleted, customer) as script:
        connector = connect(script.url)
        results = connector.write([create(0), delete("y")])
        connector.write([create(0)])
    assert [result.status for result in results] == ["done", "done"]
    assert [line.split("/")[-1] for line in script.requests] == ["batch", "customers", "y", "customers"]


@pytest.mark.parametrize("denied", ["whole", "item"])
def test_without_the_permission_to_delete_the_rest_is_written(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], denied: str
) -> None:
    till.turn(permissions=("TENANT.ACCESS",), batch_delete_denied=denied)
    record_id = till.add(firstname="Old")
    made, kept = connect().write([create(1), delete(record_id)])
    assert made.status == "done"
    assert (kept.status, kept.reason) == ("refused", "permission")
    assert len(till) == 2


def test_updates_send_only_what_differs(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    """Echoing the whole object would put back what staff changed meanwhile (trap 14); zeros in front stay (trap 12)."""
    record_id = till.add(firstname="Ana", city="Oslo")
    connect().write([update(record_id, ledgerNumber="000417", **{"ehf.enabled": True})])
    body = json.loads(till.ledger.writes()[0].body)
    assert body == {"update": [{"customerUid": record_id, "ledgerNumber": "000417", "ehf": {"enabled": True}}]}
    assert till.customer(record_id)["ledgerNumber"] == "000417"


def test_a_create_leaves_empty_fields_out_and_carries_our_reference(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    connect().write([create(1, city="", mobile=None, defaultStoreUid="")])
    (item,) = json.loads(till.ledger.writes()[0].body)["create"]
    assert item == {"externalId": "our-1", "firstname": "Ana 1", "lastname": "Schmidt", "email": "ana1@example.com"}


@pytest.mark.parametrize(("owner", "stored"), [("crm-9", "crm-9"), ("", "our-1"), ("our-1", "our-1")])
def test_a_reference_that_somebody_else_owns_stays(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], owner: str, stored: str
) -> None:
    """An external customer search keeps its id there; overwriting it breaks their link (trap 6)."""
    record_id = till.add(externalId=owner)
    (result,) = connect().write([update(record_id, till.customer(record_id), externalId="our-1", city="Oslo")])
    assert result.status == "done"
    assert (till.customer(record_id)["externalId"], till.customer(record_id)["city"]) == (stored, "Oslo")


@pytest.mark.parametrize("form", ["A", "C"])
@pytest.mark.parametrize("clears_with", ["text", "null"])
def test_a_field_is_emptied_the_way_the_server_takes_it(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], clears_with: str, form: str
) -> None:
    till.turn(clears_with=clears_with, batch_form=form)
    ids = till.load([{"city": "Oslo", "address": "A 1"} for _ in range(3)])
    connector = connect()
    results = connector.write([update(record_id, city=None) for record_id in ids])
    assert {result.status for result in results} == {"done"}
    assert [till.customer(record_id)["city"] for record_id in ids] == ["", "", ""]
    assert [result.record.payload["city"] for result in results if result.record] == ["", "", ""]
    till.ledger.reset()
    connector.write([update(record_id, address="") for record_id in ids])
    assert [till.customer(record_id)["address"] for record_id in ids] == ["", "", ""]
    assert len(till.ledger.writes()) == 1  # learnt


@pytest.mark.parametrize("second", [404, 204])
def test_deleting_somebody_who_is_gone_is_done(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], second: int
) -> None:
    till.turn(second_delete=second)
    ids = till.load([{}, {}])
    for record_id in ids:
        till.delete(record_id)
    assert [result.status for result in connect().write([delete(record_id) for record_id in ids])] == ["done", "done"]
    assert [result.status for result in connect().write([update(record_id, city="X") for record_id in ids])] == [
        "gone"
    ] * 2


@pytest.mark.parametrize("shown", ["not_found", "gone", "shell"])
def test_a_deletion_that_nothing_is_said_about_is_looked_up(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], shown: str
) -> None:
    till.turn(get_deleted=shown, batch_form="D")
    ids = till.load([{"firstname": "A"}, {"firstname": "B"}])
    assert [r.status for r in connect().write([delete(record_id) for record_id in ids])] == ["done", "done"]


LOST = [faults.RESET_AFTER, faults.LOST_REPLY, faults.SERVER_ERROR_AFTER, faults.CUT_JSON, faults.NOT_JSON_AFTER]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.label)
def test_a_batch_whose_reply_is_lost_is_looked_up_and_never_repeated(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], fault: faults.Fault
) -> None:
    """Nothing enforces uniqueness here: a batch that is sent again makes everybody twice (trap 5)."""
    old = till.load([{"firstname": "Old", "city": "Bergen"}, {"firstname": "Gone"}])
    till.faults.on(1, fault, method="POST", path="batch")
    writes = [*(create(n) for n in range(10)), update(old[0], city="Oslo"), delete(old[1])]
    results = connect().write(writes)
    assert {result.status for result in results} == {"done"}
    assert len(till.ledger.creates()) == 10
    assert len(till.ledger.writes()) == 1


@pytest.mark.parametrize("fault", [faults.RESET, faults.SERVER_ERROR, faults.NOT_JSON], ids=lambda fault: fault.label)
def test_a_batch_that_did_not_arrive_is_unknown(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], fault: faults.Fault
) -> None:
    """It could still be carried out late: only the engine, later, may send it again."""
    record_id = till.add(city="Bergen")
    till.faults.on(1, fault, method="POST", path="batch")
    results = connect().write([create(1), create(2), update(record_id, city="Oslo"), delete(record_id)][:3])
    assert {result.status for result in results} == {"unknown"}
    assert all(result.reason for result in results)
    assert till.ledger.changes() == []


def test_a_look_up_that_fails_leaves_things_unknown(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    till.faults.on(1, faults.LOST_REPLY, method="POST", path="batch")
    till.faults.on(1, faults.SERVER_ERROR, method="GET", times=None)
    assert [result.status for result in connect().write([create(1), create(2)])] == ["unknown", "unknown"]


def test_what_the_server_confirmed_is_done_even_if_it_cannot_be_read(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    till.faults.on(1, faults.SERVER_ERROR, method="GET", times=None)
    results = connect().write([create(1), create(2)])
    assert [(result.status, result.record) for result in results] == [("done", None), ("done", None)]


def test_a_create_that_shows_late_is_unknown_not_absent(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    """Filters may lag behind writes (trap 5): nothing found is no proof."""
    till.turn(lookup_lag_s=60.0)
    till.faults.on(1, faults.LOST_REPLY, method="POST", path="batch")
    (result,) = connect().write([create(1)])
    assert result.status == "unknown"


def test_a_duplicate_of_our_own_is_taken_for_what_it_is(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    till.turn(duplicate_external_id="conflict")
    ours = till.add(externalId="our-1", email="ana1@example.com")
    (result,) = connect().write([create(1)])
    assert result.status == "done"
    assert result.record
    assert result.record.record_id == ours
    till.turn(unique_fields=("email",))
    (taken,) = connect().write([create(2, email="ana1@example.com")])
    assert (taken.status, taken.reason) == ("refused", "conflict")


def test_two_writes_to_one_customer_go_in_order(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    record_id = till.add(city="Bergen")
    writes = [replace(update(record_id, city="Oslo"), key="1"), replace(update(record_id, city="Voss"), key="2")]
    assert [result.status for result in connect().write(writes)] == ["done", "done"]
    assert till.customer(record_id)["city"] == "Voss"


def test_a_refused_token_is_raised_before_anything_was_done(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    till.tokens.clear()
    with pytest.raises(Refused):
        connect().write([create(1)])


def test_what_was_done_is_told_when_the_token_dies_halfway(connect: Callable[..., FlowRetail]) -> None:
    fine = {"create": [{"status": 201, "customerUid": "x", "externalId": "our-0", "createdAt": "2026-01-01T00:00:00Z"}]}
    with scripted(Reply(413), Reply(body=json.dumps(fine).encode()), Reply(401, b"{}")) as script:
        results = connect(script.url).write([create(0), create(1)])
    assert [(result.status, result.reason) for result in results] == [("done", ""), ("unsent", "token_refused")]


def test_restoring_is_not_possible_here(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    (result,) = connect().write([Write("k", "restore", "x")])
    assert (result.status, result.reason) == ("refused", "unsupported")


# What an answer says


ITEMS: list[tuple[Any, bool | None]] = [
    ({"create": [{"status": 201, "externalId": "our-1", "customerUid": "x"}]}, True),
    ({"create": [{"status": "201", "externalId": "our-1"}]}, True),
    ({"items": [{"operation": "CREATE", "status": 200, "externalId": "our-1"}]}, True),
    ({"results": [{"status": 200, "customer": {"externalId": "our-1", "customerUid": "x"}}]}, True),
    ([{"status": 201, "externalId": "our-1"}], True),
    ({"create": [{"externalId": "our-1", "customerUid": "x"}]}, None),
    ({"create": [{"status": 200, "error": {"message": "no"}, "externalId": "our-1"}]}, False),
    ({"create": [{"externalId": "our-1", "errors": ["no"]}]}, False),
    ({"create": [{"externalId": "our-1", "message": "no"}]}, False),
    ({"create": [{"status": 409, "externalId": "our-1"}]}, False),
    ({"update": [{"status": 200, "externalId": "our-1"}]}, None),
    ({"create": [{"status": 201, "externalId": "our-2"}]}, None),
    ({"create": [{"status": 201}]}, None),
    ({"create": [{"status": 201, "externalId": "our-1"}, {"status": 400, "externalId": "our-1"}]}, None),
    ({"create": [None, 5, "x"]}, None),
    ({"create": {"status": 201}}, None),
    ({"create": [{"status": {"code": 201}, "externalId": "our-1"}]}, None),
    (None, None),
    ("ok", None),
    ([], None),
]


@pytest.mark.parametrize(("data", "good"), ITEMS)
def test_only_a_clear_word_about_the_very_item_counts(data: Any, good: bool | None) -> None:
    said = correlated([create(1)], verdicts(data))
    assert (said["c1"].good if "c1" in said else None) is good


def test_an_update_took_when_everything_sent_is_stored_whatever_the_spelling() -> None:
    write = update("x", mobile="+47 912-34 567", email="Ana@Example.com", city=None, **{"ehf.enabled": True})
    stored = {"mobile": "+4791234567", "email": "ana@example.com", "ehf": {"enabled": True}}
    assert took(write, stored)
    assert not took(write, {**stored, "ehf": None})
    assert not took(write, {**stored, "city": "Oslo"})
