"""Flow Retail's reading side against the simulator: the variants (13) and traps (14) of its API reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from connectors.base import Gone, Page, Record, Reject, Settings
from connectors.errors import BadAnswer, Incomplete
from connectors.flow_retail import FlowRetail
from connectors.flow_retail.models import read_row, read_time
from connectors.flow_retail.read import same_phone, same_vat
from connectors.simulators.flow_retail import FlowRetailTill
from tests.conformance.suite import MemoryTokens, quick, walked  # noqa: F401 - a fixture
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

    def open_one(page_size: int = 10, **more: Any) -> FlowRetail:
        settings = Settings(
            "oslo",
            more.pop("base_url", running.url("oslo")),
            running.oslo.credentials,
            60_000,
            page_size,
            timeout_s=5.0,
            options={"tenant": "acme"},
        )
        opened.append(FlowRetail(settings, MemoryTokens()))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def people(count: int) -> list[dict[str, Any]]:
    return [{"firstname": f"Ana {n}", "lastname": "Schmidt", "email": f"ana{n}@example.com"} for n in range(count)]


def cursor_of(connector: FlowRetail) -> dict[str, Any]:
    cursor = walked(connector.walk(None, full=True)).ends[0].cursor
    assert cursor is not None
    return cursor


# Full walks


@pytest.mark.parametrize(
    "dials",
    [
        {},
        {"first_page": 0},
        {"first_page": 1, "page_zero": "refuse"},
        {"page_zero": "empty"},
        {"page_zero": "first"},
        {"max_page_size": 3},
        {"total_count": "missing"},
        {"total_count": "low"},
        {"total_count": "high"},
        {"sort": "ignored"},
        {"sort": "refused"},
        {"page_past_end": "not_found"},
        {"page_past_end": "refuse", "total_count": "missing"},
        {"first_page": 0, "max_page_size": 4, "total_count": "missing", "sort": "refused"},
    ],
)
@pytest.mark.parametrize("count", [0, 1, 10, 25])
def test_every_reading_gives_everybody_once(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], dials: Mapping[str, Any], count: int
) -> None:
    till.turn(**dials)
    ids = till.load(people(count))
    result = walked(connect().walk(None, full=False))
    assert sorted(result.live) == sorted(ids)
    assert result.ends[0].full


@pytest.mark.parametrize("count", [1, 2, 30])
@pytest.mark.parametrize("first_page", [0, 1])
def test_the_base_is_found_out_again_while_there_is_nobody(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], first_page: int, count: int
) -> None:
    """An empty tenant does not show where pages begin (4); taking 1 for good would lose the first page for ever (trap 8)."""
    till.turn(first_page=first_page)
    connector = connect()
    assert walked(connector.walk(None, full=True)).live == []
    ids = till.load(people(count))
    assert sorted(walked(connector.walk(None, full=True)).live) == sorted(ids)


def test_a_full_walk_costs_little_more_than_its_pages(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    till.load(people(2000))
    walked(connect(page_size=20).walk(None, full=True))
    assert till.ledger.arrived <= 100 + 4  # two to find the base, one for the cursor, one past a last page that is full


def test_a_server_that_ignores_page_numbers_is_an_error_and_no_loop(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    till.load(people(50))
    for total in ("exact", "missing"):
        till.turn(page_number="ignored", total_count=total)
        with pytest.raises(Incomplete) as caught:
            list(connect().walk(None, full=True))
        assert caught.value.code == "repeated_page"
    assert till.ledger.arrived < 30


@pytest.mark.parametrize("after", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("gone", [1, 3])
def test_a_deletion_during_the_walk_hides_nobody(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], after: int, gone: int
) -> None:
    """Rows move up and one at each later boundary would be skipped (11.2)."""
    ids = till.load(people(60))
    till.on_list(after, lambda: [till.delete(record_id) for record_id in ids[:gone]])
    result = walked(connect().walk(None, full=True))
    assert set(ids[gone:]) <= set(result.live)
    assert result.restarts == 0  # repaired by one page, not by starting over


def test_a_deletion_that_an_insert_hides_from_the_total_is_noticed(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    ids = till.load(people(60))

    def swap() -> None:
        till.delete(ids[0])
        till.add(firstname="New")

    till.on_list(5, swap)
    result = walked(connect().walk(None, full=True))
    assert set(ids[1:]) <= set(result.live)
    assert result.restarts == 1


def test_a_busy_tenant_can_still_be_read(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    ids = till.load(people(200))
    till.drift("delete", after=4, every=5)
    till.drift("touch", after=3, every=2)
    result = walked(connect().walk(None, full=True))
    assert set(till.customers()) <= set(result.live) <= set(ids)


@pytest.mark.parametrize("deleted", [0, 1, 25])
def test_an_interrupted_walk_goes_on_also_when_rows_moved_up(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], deleted: int
) -> None:
    ids = till.load(people(100))
    items = connect().walk(None, full=True)
    pages = [next(items) for _ in range(4)]
    assert isinstance(pages[-1], Page)
    seen = {record.record_id for page in pages if isinstance(page, Page) for record in page.records}
    assert len(seen) == 40
    for record_id in ids[:deleted]:
        till.delete(record_id)
    new = till.add(firstname="New")
    till.ledger.reset()
    rest = walked(connect().walk(None, full=True, resume=json.loads(json.dumps(pages[-1].resume))))
    assert {*seen, *rest.live} == {*ids, new}
    assert set(ids[40:]) <= set(rest.live)
    assert till.ledger.arrived < 15 or deleted
    assert rest.ends[0].full


# Incremental walks


def test_one_change_among_many_costs_at_most_four_requests(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    ids = till.load(people(20_000))
    cursor = cursor_of(connect(page_size=100))
    till.edit(ids[77], firstname="Changed")
    till.ledger.reset()
    result = walked(connect(page_size=100).walk(cursor, full=False))
    assert ids[77] in result.live
    assert not result.ends[0].full
    assert till.ledger.arrived <= 4
    quiet = walked(connect(page_size=100).walk(result.ends[0].cursor, full=False))
    assert not quiet.ends[0].full


def test_many_changes_are_read_page_by_page(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    ids = till.load(people(300))
    cursor = cursor_of(connect())
    for record_id in ids[100:150]:
        till.edit(record_id, city="Oslo")
    assert set(ids[100:150]) <= set(walked(connect().walk(cursor, full=False)).live)


def test_the_cursor_is_the_newest_stamp_of_the_first_page(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    """What changes while we read belongs to the next walk, so it must not move the cursor (11.2)."""
    ids = till.load(people(300))
    connector = connect()
    cursor = cursor_of(connector)
    for record_id in ids[:50]:
        till.edit(record_id, city="Oslo")
    till.on_list(2, lambda: till.edit(ids[200], city="Bergen"))
    first = walked(connector.walk(cursor, full=False))
    assert ids[200] not in first.live
    assert ids[200] in walked(connector.walk(first.ends[0].cursor, full=False)).live


@pytest.mark.parametrize("sort", ["ignored", "refused"])
def test_a_sort_that_is_not_honoured_ends_in_a_full_walk(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], sort: str
) -> None:
    ids = till.load(people(60))
    cursor = cursor_of(connect())
    till.turn(sort=sort)
    till.edit(ids[30], city="Oslo")
    result = walked(connect().walk(cursor, full=False))
    assert sorted(result.live) == sorted(ids)
    assert result.ends[0].full


def newest_created_first(request: int, total: int = 30, size: int = 10) -> bytes:
    """A server that ignores `sortBy` and lists the newest customers first; customer 5 was edited, deep in the list."""
    page = request
    items = [
        {
            "customerUid": f"c-{n}",
            "createdAt": f"2026-01-{n + 1:02}T00:00:00Z",
            "lastModifiedAt": "2026-02-01T00:00:00Z" if n == 5 else f"2026-01-{n + 1:02}T00:00:00Z",
        }
        for n in reversed(range(total))
    ][page * size : (page + 1) * size]
    return json.dumps(
        {"items": items, "paging": {"pageNumber": page + 1, "pageSize": size, "totalCount": total}}
    ).encode()


def test_newest_created_first_is_not_mistaken_for_newest_changed_first(connect: Callable[..., FlowRetail]) -> None:
    """Every row of its first page is in order, and still the change would be missed."""
    one, first, second, third, empty = newest_created_first(0, size=1), *[newest_created_first(n) for n in range(4)]
    whole = [first, second, third, empty]
    # The base (1, 0), newest first, the other direction (the same customer); then everything, in no order, twice.
    bodies = [one, empty, first, one, one, first, *whole, *whole]
    with scripted(*[Reply(body=body) for body in bodies]) as script:
        result = walked(connect(base_url=script.url).walk({"watermark": "2026-01-31T00:00:00+00:00"}, full=False))
    assert "sortBy=lastModifiedAt&sortDirection=ASC" in script.requests[3]
    assert sorted(result.live) == sorted(f"c-{n}" for n in range(30))
    assert result.ends[0].full
    assert len(script.requests) == len(bodies)


# Rows and answers


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, "not_an_object"),
        ([], "not_an_object"),
        ("text", "not_an_object"),
        ({}, "no_id"),
        ({"customerUid": ""}, "no_id"),
        ({"customerUid": None}, "no_id"),
        ({"customerUid": {"a": 1}}, "bad_id"),
        ({"customerUid": 1.5}, "bad_id"),
        ({"customerUid": True}, "bad_id"),
        ({"customerUid": "../secret"}, "bad_id"),
        ({"customerUid": ".."}, "bad_id"),
        ({"customerUid": "a\x00b"}, "bad_id"),
        ({"customerUid": "\ud800"}, "bad_id"),
        ({"customerUid": "c", "firstname": "\ud800"}, "broken_text"),
    ],
)
def test_bad_rows_are_rejected_with_a_reason(row: Any, reason: str) -> None:
    result = read_row(row, strict=False)
    assert isinstance(result, Reject)
    assert result.reason == reason
    assert json.loads(result.raw) == row
    assert result.raw.isascii()


def test_odd_values_are_kept_and_odd_dates_are_no_dates() -> None:
    payload = {
        "customerUid": 1000,
        "createdAt": "0000-00-00T00:00:00Z",
        "lastModifiedAt": 5,
        "note": "\x00\x07",
        "x": {},
    }
    row = read_row(payload)
    assert row == Record("1000", payload)


@pytest.mark.parametrize(
    "text",
    ["2025-07-30T18:12:05Z", "2025-07-30T18:12:05.0Z", "2025-07-30T20:12:05.000000000+02:00", "2025-07-30T18:12:05"],
)
def test_times_have_any_number_of_digits_and_any_offset(text: str) -> None:
    time = read_time(text)
    assert time is not None
    assert time.isoformat() == "2025-07-30T18:12:05+00:00"


def test_broken_text_in_one_row_leaves_the_others(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    ids = till.load(people(5))
    till.spoil(ids[1], f'{{"customerUid":"{ids[1]}","firstname":"\\ud800"}}')
    till.spoil(ids[2], json.dumps({"customerUid": ids[2], "internalNote": "x" * 2_000_000}))
    result = walked(connect().walk(None, full=True))
    assert sorted(result.live) == sorted(set(ids) - {ids[1]})
    assert [(reject.record_id, reject.reason) for reject in result.rejects] == [(ids[1], "broken_text")]


def test_an_id_that_comes_twice_on_a_page_is_set_aside_once(
    till: FlowRetailTill, connect: Callable[..., FlowRetail]
) -> None:
    ids = till.load(people(5))
    till.spoil(ids[1], json.dumps({"customerUid": ids[0], "firstname": "Somebody else"}))
    result = walked(connect().walk(None, full=True))
    assert sorted(result.live) == sorted(set(ids) - {ids[1]})
    assert [(reject.record_id, reject.reason) for reject in result.rejects] == [(ids[0], "duplicate_id")]


def test_a_page_that_is_not_a_list_is_a_bad_answer(connect: Callable[..., FlowRetail]) -> None:
    with scripted(Reply(body=b'{"rows": []}')) as script, pytest.raises(BadAnswer) as caught:
        list(connect(base_url=script.url).walk(None, full=True))
    assert caught.value.code == "not_a_list"


def test_a_wrong_tenant_is_said(connect: Callable[..., FlowRetail]) -> None:
    with scripted(Reply(404)) as script, pytest.raises(BadAnswer) as caught:
        connect(base_url=script.url).account()
    assert "tenant" in caught.value.hint


# Look-ups


@pytest.mark.parametrize("dial", ["exact", "substring", "ignored"])
def test_only_the_very_reference_is_found(till: FlowRetailTill, connect: Callable[..., FlowRetail], dial: str) -> None:
    """The first row of an unfiltered list would be taken for the match and overwritten (trap 4)."""
    till.turn(external_id_filter=dial)
    ids = till.load([{"externalId": f"hub-{n}"} for n in range(30)] + [{"externalId": "hub-7"}])
    assert [r.record_id for r in connect().find("reference", "hub-7")] == [ids[7], ids[30]]
    assert [r.record_id for r in connect().find("reference", "hub-29")] == [ids[29]]
    assert connect().find("reference", "hub") == []


@pytest.mark.parametrize("combines", ["and", "or"])
def test_keys_are_compared_in_canonical_form(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], combines: str
) -> None:
    till.turn(search_combines=combines)
    ana = till.add(email="Ana.Schmidt@Example.com", mobile="004915112345678", vatNumber="NO 923609016 MVA")
    bob = till.add(email="xana.schmidt@example.com", mobile="+4915112345678 ", vatNumber="923609016")
    assert [r.record_id for r in connect().find("email", "ana.schmidt@example.com")] == [ana]
    assert {r.record_id for r in connect().find("phone", "+4915112345678")} == {ana, bob}
    assert {r.record_id for r in connect().find("vat_number", "NO923609016")} == {ana, bob}
    assert connect().find("phone", "+4915112345679") == []


@pytest.mark.parametrize(
    ("stored", "same"),
    [
        ("+49 151 123-45678", True),
        ("0049 (151) 12345678", True),
        ("0151 12345678", True),
        ("4915112345678", True),
        ("١٥١١٢٣٤٥٦٧٨", True),
        ("+4415112345678", False),
        ("115112345678", False),
        ("", False),
        (None, False),
        (4915112345678, False),
    ],
)
def test_phones_are_the_same_by_digits(stored: Any, same: bool) -> None:
    assert same_phone(stored, "+4915112345678") is same


@pytest.mark.parametrize(
    ("stored", "same"), [("DE 288.362.273", True), ("288362273", True), ("DE28836227", False), ("", False)]
)
def test_vat_numbers_are_the_same_by_letters_and_digits(stored: Any, same: bool) -> None:
    assert same_vat(stored, "DE288362273") is same


@pytest.mark.parametrize(("dial", "expected"), [("not_found", Gone), ("gone", Gone), ("shell", Record)])
def test_a_deleted_customer_is_gone_or_a_shell(
    till: FlowRetailTill, connect: Callable[..., FlowRetail], dial: str, expected: type
) -> None:
    till.turn(get_deleted=dial)
    record_id = till.add(firstname="Ana")
    till.delete(record_id)
    assert isinstance(connect().get(record_id), expected)


# check, and what is beyond the sync


def test_check_names_the_missing_permission_to_delete(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    """Deletes would fail for ever while everything else works (trap 17)."""
    till.turn(permissions=("TENANT.ACCESS",))
    levels = [finding.level for finding in connect().check(need_write=True, need_delete=True)]
    assert levels == ["ok", "error"]
    assert [f.level for f in connect().check(need_write=True, need_delete=False)] == ["ok"]


def test_check_warns_when_sorting_does_not_work(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    till.load(people(3))
    till.turn(sort="refused")
    assert "warning" in [finding.level for finding in connect().check(need_write=False, need_delete=False)]


def test_the_other_endpoints(till: FlowRetailTill, connect: Callable[..., FlowRetail]) -> None:
    connector = connect()
    record_id = till.add(firstname="Ana", lastname="Schmidt")
    assert connector.export(record_id) is not None
    assert connector.export("nobody") is None
    assert (connector.store_details("store-1", record_id) or {})["customerUid"] == record_id
    with_extension = connector.add_extension(record_id, "TWO_INVOICE", "store-1")
    assert with_extension is not None
    assert [e["extensionCode"] for e in till.customer(record_id)["extensions"]] == ["TWO_INVOICE"]
    assert connector.remove_extension(record_id, "TWO_INVOICE", "store-1")
    assert till.customer(record_id)["extensions"] == []
    assert connector.add_address(record_id, {"type": "DELIVERY_ADDRESS", "city": "Oslo"}).status == 200
    assert connector.add_contact(record_id, {"firstname": "Bob", "lastname": "Ross"}).status == 200
    (address,) = connector.addresses(record_id)
    assert connector.address(record_id, address["customerAddressUid"]) == address
    assert [contact["firstname"] for contact in connector.contacts(record_id)] == ["Bob"]
    till.turn(external_search=True)
    assert connector.search_external("Ana") == []
