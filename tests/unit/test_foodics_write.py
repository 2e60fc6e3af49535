"""Foodics's writing side against the simulator: whole-record updates on a fresh read, phones that are taken, restore."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from connectors.base import Settings, Write
from connectors.errors import Refused
from connectors.foodics import Foodics
from connectors.foodics.write import whole_body
from connectors.simulators import faults
from connectors.simulators.dials import ALL_SCOPES
from connectors.simulators.foodics import FoodicsTill
from tests.conformance.suite import MemoryTokens, quick  # noqa: F401 - a fixture
from tests.simulators import Shop, start
from tests.unit.scripted import Reply, scripted

ANA = {
    "name": "Ana  Al-Schmidt",
    "dial_code": 966,
    "phone": "512345678",
    "email": "ana@example.com",
    "gender": 2,
    "birth_date": "1990-09-17",
    "is_blacklisted": True,
    "is_loyalty_enabled": True,
    "is_house_account_enabled": True,
    "house_account_limit": 100,
    "house_account_balance": 42.5,
    "tags": [{"id": "8d06aaa0"}],
}


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def till(running: Shop) -> FoodicsTill:
    running.reset()
    return running.riyadh


@pytest.fixture
def connect(running: Shop) -> Iterator[Callable[..., Foodics]]:
    opened = []

    def open_one(base_url: str = "") -> Foodics:
        url, auth = base_url or running.url("riyadh"), running.riyadh.credentials
        opened.append(Foodics(Settings("riyadh", url, auth, 60_000, timeout_s=5.0), MemoryTokens()))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def create(**fields: Any) -> Write:
    return Write("c", "create", fields={"name": "Bob", "dial_code": 966, "phone": "587654321", **fields})


def update(till: FoodicsTill, record_id: str, *watched: str, **fields: Any) -> Write:
    return Write("u", "update", record_id, fields, till.customer(record_id), frozenset(watched))


def body(till: FoodicsTill, n: int = -1) -> dict[str, Any]:
    return json.loads(till.ledger.writes()[n].body)  # type: ignore[no-any-return]


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("includes", ["needed", "always"])
def test_a_create_is_done_with_the_stored_record(
    till: FoodicsTill, connect: Callable[..., Foodics], status: int, includes: str
) -> None:
    till.turn(create_status=status, includes=includes)
    (result,) = connect().write([create(email=None, tags=[{"id": "8d06aaa0", "name": "Regular"}], birth_date="")])
    assert (result.status, result.http_status) == ("done", status)
    assert result.record
    assert result.record.payload["tags"] == [{"id": "8d06aaa0"}]
    assert body(till) == {"name": "Bob", "dial_code": 966, "phone": "587654321", "tags": [{"id": "8d06aaa0"}]}


def test_money_is_never_sent(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    """`house_account_balance` stands in the vendor's own sample request (trap 10)."""
    connect().write([create(house_account_balance=5, loyalty_balance=7)])
    record_id = till.add(**ANA)
    connect().write([update(till, record_id, house_account_balance=5, name="Ana")])
    for entry in till.ledger.writes():
        assert b"balance" not in entry.body
    assert till.customer(record_id)["house_account_balance"] == 42.5


@pytest.mark.parametrize("dials", [{}, {"booleans": "string", "dial_code": "string"}, {"booleans": "int"}])
def test_an_update_is_the_whole_record_as_it_is_now(
    till: FoodicsTill, connect: Callable[..., Foodics], dials: Mapping[str, Any]
) -> None:
    till.turn(**dials)
    record_id = till.add(**ANA)
    write = update(till, record_id, "email", email="new@example.com")
    till.edit(record_id, gender=1)  # not what the plan relied on: kept as it is now
    (result,) = connect().write([write])
    assert result.status == "done"
    assert body(till) == {
        "name": "Ana  Al-Schmidt",
        "dial_code": 966,
        "phone": "512345678",
        "email": "new@example.com",
        "gender": 1,
        "birth_date": "1990-09-17",
        "is_blacklisted": True,
    }
    assert result.record
    assert result.record.payload["email"] == "new@example.com"


@pytest.mark.parametrize("partial", ["accepted", "refused", "resets"])
def test_an_update_changes_nothing_else_however_partial_bodies_are_read(
    till: FoodicsTill, connect: Callable[..., Foodics], partial: str
) -> None:
    till.turn(partial_put=partial)
    connector = connect()
    for number in ("512345678", "512345679"):
        record_id = till.add(**{**ANA, "phone": number})
        before = till.customer(record_id)
        (result,) = connector.write([update(till, record_id, name="Ana")])
        assert result.status == "done"
        after = till.customer(record_id)
        assert {**after, "updated_at": ""} == {**before, "name": "Ana", "updated_at": ""}
    if partial == "resets":  # put back after the first time, sent along from then on
        assert [("tags" in body(till, n)) for n in range(3)] == [False, True, True]


def test_tags_and_accounts_are_sent_when_they_are_to_change(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    record_id = till.add(**ANA)
    connect().write([update(till, record_id, tags=[], is_loyalty_enabled=False, house_account_limit=0)])
    after = till.customer(record_id)
    assert (after["tags"], after["is_loyalty_enabled"], after["house_account_limit"]) == ([], False, 0)
    assert body(till)["is_loyalty_enabled"] is False


def test_a_field_is_emptied_with_null(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    record_id = till.add(**ANA)
    connect().write([update(till, record_id, email="", birth_date=None)])
    assert (till.customer(record_id)["email"], till.customer(record_id)["birth_date"]) == (None, None)


def test_an_update_is_not_written_over_an_edit(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    """The fresh read differs from what the plan relied on: planned again instead of written."""
    record_id = till.add(**ANA)
    write = update(till, record_id, "name", "email", name="Ana")
    till.edit(record_id, email="edited@example.com")
    (result,) = connect().write([write])
    assert result.status == "moved"
    assert result.record
    assert result.record.payload["email"] == "edited@example.com"
    assert till.ledger.writes() == []


def test_another_spelling_of_the_same_value_is_no_edit(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    record_id = till.add(**ANA)
    write = update(till, record_id, "dial_code", "is_blacklisted", "is_loyalty_enabled", "tags", name="Ana")
    till.turn(booleans="string", dial_code="string")
    assert connect().write([write])[0].status == "done"


@pytest.mark.parametrize("dial", ["not_found", "found"])
def test_updating_a_deleted_customer_is_gone(till: FoodicsTill, connect: Callable[..., Foodics], dial: str) -> None:
    till.turn(get_deleted=dial)
    record_id = till.add(**ANA)
    write = update(till, record_id, name="Ana")
    till.delete(record_id)
    assert connect().write([write])[0].status == "gone"
    assert till.ledger.writes() == []


def test_a_value_that_would_be_refused_today_does_not_block_other_fields(
    till: FoodicsTill, connect: Callable[..., Foodics]
) -> None:
    """Staff, or an import, left a phone that the API does not take: it is left out, not mended."""
    record_id = till.add(**{**ANA, "phone": "51-234 56", "birth_date": "0000-00-00", "gender": 9})
    (result,) = connect().write([update(till, record_id, email="new@example.com")])
    assert result.status == "done"
    after = till.customer(record_id)
    assert (after["email"], after["phone"], after["gender"]) == ("new@example.com", "51-234 56", 9)


# Phones


@pytest.mark.parametrize("stored", ["587654321", "0587654321"])
def test_a_phone_that_is_taken_is_told_apart_from_a_wrong_one(
    till: FoodicsTill, connect: Callable[..., Foodics], stored: str
) -> None:
    """By the keys of `errors`, never by their words (9)."""
    till.add(**{**ANA, "phone": stored})
    (result,) = connect().write([create(phone=stored)])
    assert (result.status, result.reason, result.http_status) == ("refused", "phone_taken", 422)
    assert "phone" in result.vendor_text


def test_a_phone_held_by_a_deleted_customer_is_told_apart(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    """Otherwise 422 for ever, or a second profile that splits the first one's history (trap 9)."""
    holder = till.add(**{**ANA, "phone": "587654321"})
    till.delete(holder)
    (result,) = connect().write([create()])
    assert (result.status, result.reason) == ("refused", "phone_taken_deleted")
    (found,) = connect().find("phone", "+966587654321")
    assert (found.record_id, found.deleted_at is not None) == (holder, True)
    (restored,) = connect().write([Write("r", "restore", holder)])
    assert restored.status == "done"


def test_a_phone_that_is_malformed_is_not_called_taken(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    (result,) = connect().write([create(phone="12")])
    assert (result.status, result.reason) == ("refused", "validation")


def test_an_update_to_a_phone_of_somebody_else_is_refused(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    till.add(name="Bob", phone="587654321")
    record_id = till.add(**ANA)
    (result,) = connect().write([update(till, record_id, phone="587654321")])
    assert (result.status, result.reason) == ("refused", "phone_taken")
    assert till.customer(record_id)["phone"] == "512345678"


def test_where_duplicates_are_allowed_nothing_is_taken(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    till.turn(duplicate_phone="allow")
    till.add(name="Bob", phone="587654321")
    assert connect().write([create()])[0].status == "done"


# Delete and restore


@pytest.mark.parametrize("status", [200, 204])
def test_deleting_is_soft_and_twice_is_once(till: FoodicsTill, connect: Callable[..., Foodics], status: int) -> None:
    till.turn(delete_status=status)
    record_id = till.add(**ANA)
    for _ in range(2):
        assert connect().write([Write("d", "delete", record_id)])[0].status == "done"
    assert list(till.deleted()) == [record_id]


@pytest.mark.parametrize(
    ("scope", "operation"), [("admin.write", "delete"), ("admin.restore", "restore"), ("customers.write", "update")]
)
def test_a_missing_scope_refuses_one_write_and_no_more(
    till: FoodicsTill, connect: Callable[..., Foodics], scope: str, operation: Any
) -> None:
    record_id = till.add(**ANA)
    if operation == "restore":
        till.delete(record_id)
    till.turn(scopes=tuple(one for one in ALL_SCOPES if one != scope))
    (result,) = connect().write([Write("k", operation, record_id, {"name": "X"})])
    assert (result.status, result.reason, result.http_status) == ("refused", "permission", 403)


@pytest.mark.parametrize("answer", ["empty", "no_content", "data"])
def test_a_restored_customer_is_read_again(till: FoodicsTill, connect: Callable[..., Foodics], answer: str) -> None:
    till.turn(restore_answer=answer)
    record_id = till.add(**ANA)
    till.delete(record_id)
    (result,) = connect().write([Write("r", "restore", record_id)])
    assert result.status == "done"
    assert result.record
    assert (result.record.record_id, result.record.deleted_at) == (record_id, None)
    assert (
        connect().write([Write("r", "restore", record_id)])[0].status == "done"
    )  # it is there, which is what was wanted
    assert connect().write([Write("r", "restore", "nobody")])[0].status == "gone"


# Lost answers

LOST = [faults.RESET_AFTER, faults.LOST_REPLY, faults.SERVER_ERROR_AFTER, faults.TRUNCATED, faults.NOT_JSON_AFTER]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.label)
def test_a_create_without_an_answer_is_unknown_and_not_repeated(
    till: FoodicsTill, connect: Callable[..., Foodics], fault: faults.Fault
) -> None:
    till.faults.on(1, fault, method="POST")
    (result,) = connect().write([create()])
    assert (result.status, bool(result.reason)) == ("unknown", True)
    assert len(till.ledger.creates()) == 1


@pytest.mark.parametrize("operation", ["update", "delete", "restore"])
def test_what_is_stored_tells_whether_a_lost_write_went_through(
    till: FoodicsTill, connect: Callable[..., Foodics], operation: Any
) -> None:
    record_id = till.add(**ANA)
    if operation == "restore":
        till.delete(record_id)
    write = Write("k", operation, record_id, {"name": "Changed"} if operation == "update" else {})
    till.faults.on(1, faults.LOST_REPLY, method="PUT|DELETE")
    till.faults.on(2, faults.SERVER_ERROR, method="PUT|DELETE", times=None)
    assert connect().write([write])[0].status == "done"
    till.faults.clear()
    till.faults.on(1, faults.SERVER_ERROR, method="PUT|DELETE", times=None)
    other = till.add(**{**ANA, "phone": "511111111"})
    if operation == "restore":
        till.delete(other)
    (unknown,) = connect().write([Write("k", operation, other, {"name": "Changed"} if operation == "update" else {})])
    assert unknown.status == "unknown"


def test_a_refused_token_is_raised(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    till.lose_tokens(refresh_too=True)
    with pytest.raises(Refused):
        connect().write([create()])


def test_an_answer_without_the_customer_is_completed(connect: Callable[..., Foodics]) -> None:
    stored = b'{"data":[{"id":"x","name":"Bob","dial_code":966,"phone":"587654321"}],"meta":{"per_page":50,"total":1}}'
    with scripted(Reply(201, b""), Reply(body=stored)) as script:
        (result,) = connect(script.url).write([create()])
    assert result.status == "done"
    assert result.record
    assert result.record.record_id == "x"
    one = b'{"data":{"id":"x","name":"Bob","dial_code":966,"phone":"587654321"}}'
    with scripted(Reply(body=one), Reply(200, b""), Reply(body=one)) as script:
        (updated,) = connect(script.url).write([Write("u", "update", "x", {"name": "Bob"})])
    assert (updated.status, len(script.requests)) == ("done", 3)
    assert updated.record


def test_fields_that_were_not_returned_are_not_sent() -> None:
    """Hidden or not included is not empty (traps 11 and 12)."""
    fresh = {"id": "x", "name": "A", "phone": "5", "email": None, "order_count": 3, "unknown": 1}
    assert whole_body(fresh, {"name": "B"}) == {"name": "B", "phone": "5", "email": None}
