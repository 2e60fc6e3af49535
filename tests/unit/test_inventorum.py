"""The traps of the Inventorum reference (section 14) and its variants (13), beyond what the conformance suite asks of all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from connectors import open_connector
from connectors.base import End, Gone, Page, Record, Restart, Settings, Write
from connectors.errors import BadAnswer, Incomplete, Refused
from connectors.inventorum import Inventorum, phones
from connectors.inventorum.models import record_of
from connectors.paging import Tally, both_ends
from connectors.simulators import faults
from connectors.simulators.inventorum import InventorumTill
from connectors.simulators.server import Handle, serve
from tests.conformance.suite import MemoryTokens, quick, walked  # noqa: F401 - a fixture
from tests.unit.scripted import Reply, scripted

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def server() -> Iterator[Handle]:
    with serve({"berlin": InventorumTill("berlin")}) as handle:
        yield handle


@pytest.fixture
def till(server: Handle) -> InventorumTill:
    found = server.tills["berlin"]
    assert isinstance(found, InventorumTill)
    found.reset()
    return found


@pytest.fixture
def settings(server: Handle, till: InventorumTill) -> Settings:
    return Settings("berlin", server.url("berlin"), till.credentials, 60_000, timeout_s=5.0)


@pytest.fixture
def connector(settings: Settings) -> Iterator[Inventorum]:
    made = Inventorum(settings, MemoryTokens())
    yield made
    made.close()


def people(count: int) -> list[dict[str, Any]]:
    return [{"first_name": f"Ana {n}", "last_name": "Schmidt"} for n in range(count)]


def update(connector: Inventorum, record_id: str, **fields: Any) -> Any:
    present = connector.get(record_id)
    assert isinstance(present, Record)
    dotted = {name.replace("__", "."): value for name, value in fields.items()}
    (result,) = connector.write([Write("k", "update", record_id, dotted, present.payload)])
    return result


def sent(till: InventorumTill, method: str = "PUT") -> Any:
    return json.loads([entry for entry in till.ledger.writes() if entry.method == method][-1].body)


# Walking


def test_the_registry_opens_it(settings: Settings) -> None:
    connector = open_connector("inventorum", settings, MemoryTokens())
    assert connector.capabilities.changes == "full"
    connector.close()


@pytest.mark.parametrize("page_size", [None, 7, 30, 100])
def test_no_page_size_cuts_the_walk_short(till: InventorumTill, settings: Settings, page_size: int | None) -> None:
    """Trap 1: a clamped page size must not look like the last page; more than 30 is never asked for."""
    till.turn(limit_over_30="refuse")
    ids = till.load(people(95))
    connector = Inventorum(replace(settings, page_size=page_size), MemoryTokens())
    assert sorted(walked(connector.walk(None, full=True)).live) == ids
    connector.close()


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (30, 1), (31, 2), (300, 10)])
def test_a_walk_takes_the_fewest_requests(
    till: InventorumTill, connector: Inventorum, count: int, requests: int
) -> None:
    till.load(people(count))
    walked(connector.walk(None, full=True))
    assert till.ledger.counts["list"] == requests


@pytest.mark.parametrize("past_end", ["empty", "not_found"])
@pytest.mark.parametrize("order", ["id", "newest_first", "shuffled"])
@pytest.mark.parametrize("what", ["add", "delete", "both"])
def test_rows_that_move_are_never_lost(
    till: InventorumTill, connector: Inventorum, past_end: Any, order: Any, what: str
) -> None:
    """Trap 3."""
    till.turn(page_past_end=past_end, row_order=order)
    ids = till.load(people(200))
    if what in {"add", "both"}:
        till.on_list(2, lambda: till.add(first_name="New", last_name="One"))
    if what in {"delete", "both"}:
        till.on_list(4, lambda: till.delete(ids[0]))
    result = walked(connector.walk(None, full=True))
    missing = set(ids[1:]) - set(result.live)
    # An insert and a delete can cancel out unseen (law 1 gives that walk's successor the time).
    assert not missing or (what == "both" and len(missing) <= 2)
    assert len(result.live) == len(set(result.live))


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(0, 130),
    order=st.sampled_from(["id", "newest_first", "shuffled"]),
    width=st.integers(1, 4),
    kind=st.sampled_from(["add", "delete"]),
    events=st.lists(st.integers(1, 6), max_size=3),
)
def test_whoever_was_there_all_the_time_is_seen(
    till: InventorumTill, connector: Inventorum, *, count: int, order: Any, width: int, kind: str, events: list[int]
) -> None:
    """Law 1, for any order and any moments; or the walk says that it could not be completed."""
    till.reset()
    till.turn(row_order=order)
    connector._walker._width = width  # type: ignore[attr-defined]
    ids = till.load(people(count))
    doomed = iter(ids[: len(events)])
    for after in events:
        if kind == "add":
            till.on_list(after, lambda: till.add(first_name="New", last_name="One"))
        else:
            till.on_list(after, lambda: till.delete(record_id) if (record_id := next(doomed, None)) else None)
    try:
        result = walked(connector.walk(None, full=True))
    except Incomplete:
        return
    still_there = set(ids) if kind == "add" else set(ids[len(events) :])
    assert still_there <= set(result.live)


def test_records_that_go_away_begin_the_walk_again(till: InventorumTill, connector: Inventorum) -> None:
    ids = till.load(people(600))
    till.on_list(3, lambda: till.delete(ids[0]))
    result = walked(connector.walk(None, full=True))
    assert result.restarts == 1
    assert sorted(result.live) == ids[1:]


def test_records_that_keep_going_away_are_incomplete(till: InventorumTill, connector: Inventorum) -> None:
    """Trap 2: no endless loop; and nothing of it counts as absence."""
    ids = till.load(people(600))
    gone = iter(ids)
    till.on_list(1, lambda: till.delete(next(gone)), every=2)
    items: list[Any] = []
    with pytest.raises(Incomplete):
        items.extend(connector.walk(None, full=True))
    assert not [item for item in items if isinstance(item, End)]


def test_one_added_during_a_walk_costs_a_page_not_a_walk(till: InventorumTill, connector: Inventorum) -> None:
    """A shop that is open must be walkable: the new row is looked for at the ends of the list first."""
    till.turn(row_order="newest_first")
    till.load(people(600))
    till.on_list(5, lambda: till.add(first_name="New", last_name="One"))
    connector._walker._width = 1  # type: ignore[attr-defined] - else pages under way may overtake the shift
    result = walked(connector.walk(None, full=True))
    assert result.restarts == 0
    assert len(result.live) == 601
    assert till.ledger.counts["list"] <= 20 + 3


def test_a_total_that_is_never_reached_is_incomplete() -> None:
    rows = [{"id": n, "first_name": "Ana", "last_name": "B"} for n in range(1, 11)]
    page = Reply(body=json.dumps({"total": 12, "data": rows}).encode())
    with scripted(page) as server:
        connector = Inventorum(Settings("till", server.url, {"access_token": "t"}, 60_000), MemoryTokens())
        with pytest.raises((Incomplete, BadAnswer)):
            walked(connector.walk(None, full=True))
        connector.close()
        assert len(server.requests) < 30


def test_the_same_page_for_ever_is_noticed() -> None:
    rows = [{"id": n, "first_name": "Ana", "last_name": "B"} for n in range(1, 31)]
    page = Reply(body=json.dumps({"total": 9000, "data": rows}).encode())
    with scripted(page) as server:
        connector = Inventorum(Settings("till", server.url, {"access_token": "t"}, 60_000), MemoryTokens())
        with pytest.raises(BadAnswer) as caught:
            walked(connector.walk(None, full=True))
        connector.close()
        assert caught.value.code == "pages_repeat"
        assert len(server.requests) < 30


@pytest.mark.parametrize(
    "body", ["[]", '{"data": []}', '{"total": null, "data": []}', '{"total": 3}', "3", '{"total": 1, "data": {}}']
)
def test_what_is_no_page_is_a_bad_answer(body: str) -> None:
    with scripted(Reply(body=body.encode())) as server:
        connector = Inventorum(Settings("till", server.url, {"access_token": "t"}, 60_000), MemoryTokens())
        with pytest.raises(BadAnswer) as caught:
            walked(connector.walk(None, full=True))
        connector.close()
        assert (caught.value.code, caught.value.vendor_text) == ("bad_envelope", body)


def test_a_walk_that_is_left_stops_asking(till: InventorumTill, connector: Inventorum) -> None:
    till.load(people(3000))
    items = connector.walk(None, full=True)
    next(items)
    next(items)
    items.close()  # type: ignore[attr-defined]
    assert till.ledger.counts["list"] < 40


def test_favourites_are_listed(till: InventorumTill, connector: Inventorum) -> None:
    till.load([{**person, "is_favourite": n % 2 == 0} for n, person in enumerate(people(70))])
    found = list(connector.favourites())
    assert len({record.record_id for record in found}) == 35
    assert all(record.payload["is_favourite"] for record in found)


def test_totals_that_overtake_each_other_are_not_a_shrinking() -> None:
    """Page 8 was asked for before page 7 came, and answered before somebody was added: nobody went away."""
    tally = Tally(0, 30)
    tally.hear(101, asked_at=1.0, answered_at=3.0)
    tally.hear(100, asked_at=2.0, answered_at=2.5)
    assert not tally.shrunk
    assert tally.doubtful
    tally.hear(101, asked_at=4.0, answered_at=5.0)
    assert not tally.shrunk
    assert not tally.doubtful
    tally.hear(100, asked_at=6.0, answered_at=7.0)
    assert tally.shrunk


def test_both_ends_name_every_page_once() -> None:
    for last in range(1, 20):
        assert sorted(both_ends(last)) == list(range(1, last + 1))
    assert list(both_ends(5)) == [1, 5, 2, 4, 3]


# Rows


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, "not_an_object"),
        (7, "not_an_object"),
        ({}, "missing_id"),
        ({"id": None}, "missing_id"),
        ({"id": "abc"}, "bad_id"),
        ({"id": -3}, "bad_id"),
        ({"id": True}, "bad_id"),
        ({"id": 1.5}, "bad_id"),
        ({"id": 1, "email": {"home": "a@example.com"}}, "wrong_type:email"),
        ({"id": 1, "billing_address": "Berlin"}, "wrong_type:billing_address"),
        ({"id": 1, "billing_address": {"city": []}}, "wrong_type:billing_address.city"),
        ({"id": 1, "shipping_address": {}}, "wrong_type:shipping_address"),
        ({"id": 1, "phone_numbers": ["030"]}, "wrong_type:phone_numbers"),
    ],
)
def test_rows_that_cannot_be_understood_say_why(row: Any, reason: str) -> None:
    rejected = record_of(row, strict=True)
    assert rejected.reason == reason  # type: ignore[union-attr]
    assert json.loads(rejected.raw) == row  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "row",
    [
        {"id": 1},
        {"id": "17"},
        {"id": 1, "billing_address": None, "shipping_address": None, "birthday": "0000-00-00", "title": None},
        {"id": 1, "phone_number": 565445254.0, "unknown": {"deep": [1]}},
        {"id": 1, "note": "x" * 2_000_000},
        {"id": 1, "first_name": "\x00\x1b"},
    ],
)
def test_odd_rows_are_still_records(row: Any) -> None:
    assert record_of(row, strict=True) == Record(str(row["id"]), row)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda x: (
            st.lists(x) | st.dictionaries(st.sampled_from(["id", "email", "billing_address", "phone_numbers", "x"]), x)
        ),
    )
)
def test_no_row_whatever_raises(row: Any) -> None:
    record_of(row, strict=False)


def test_one_id_twice_on_a_page_keeps_the_first(till: InventorumTill, connector: Inventorum) -> None:
    ids = till.load(people(3))
    row = till.customer(ids[0])
    till.spoil(ids[1], {**row, "first_name": "Other"})
    with pytest.raises(Incomplete):  # two ids of a total of three: no proof that the third is nobody new
        walked(connector.walk(None, full=True))


# Single records


@pytest.mark.parametrize("shape", ["bare", "data_object", "envelope"])
def test_get_reads_every_shape(till: InventorumTill, connector: Inventorum, shape: Any) -> None:
    ids = till.load(people(3))
    till.turn(get_one=shape)
    record = connector.get(ids[1])
    assert isinstance(record, Record)
    assert record.payload["first_name"] == "Ana 1"


def test_get_never_takes_somebody_else(till: InventorumTill, connector: Inventorum) -> None:
    """Trap 6."""
    ids = till.load(people(3))
    till.turn(get_one="wrong_envelope")
    with pytest.raises(BadAnswer) as caught:
        connector.get(ids[1])
    assert caught.value.code == "unreadable_record"


def test_what_cannot_be_an_id_is_nobody(till: InventorumTill, connector: Inventorum) -> None:
    for record_id in ("", "abc", "../info", "٣", "1/2"):
        assert isinstance(connector.get(record_id), Gone)
    assert till.ledger.requests() == []


# Writing


def test_an_update_is_a_put_on_the_id(till: InventorumTill, connector: Inventorum) -> None:
    """Trap 5: the reference's sample would create a duplicate."""
    (record_id,) = till.load(people(1))
    result = update(connector, record_id, first_name="Anna")
    assert (result.status, result.record.payload["first_name"]) == ("done", "Anna")
    assert [entry.method for entry in till.ledger.writes()] == ["PUT"]
    assert sent(till) == {"first_name": "Anna"}


def test_every_path_has_its_slash(till: InventorumTill, connector: Inventorum) -> None:
    """Trap 18."""
    record_id = till.load(people(1))[0]
    update(connector, record_id, first_name="Anna")
    connector.write([Write("k", "delete", record_id)])
    connector.account()
    list(connector.favourites())
    assert all(entry.path.endswith("/") for entry in till.ledger.requests())


def test_a_changed_street_sends_the_whole_address(till: InventorumTill, connector: Inventorum) -> None:
    (record_id,) = till.load(
        [{**people(1)[0], "billing_address": {"address1": "Old", "city": "Berlin", "title": None}}]
    )
    update(connector, record_id, billing_address__address1="New")
    body = sent(till)["billing_address"]
    assert (body["address1"], body["city"]) == ("New", "Berlin")
    assert body["id"] == till.customer(record_id)["billing_address"]["id"]
    assert set(body) == set(till.customer(record_id)["billing_address"])


def test_a_first_address_is_made_from_nothing(till: InventorumTill, connector: Inventorum) -> None:
    till.turn(blank_billing="null")
    (record_id,) = till.load(people(1))
    assert update(connector, record_id, billing_address__city="Berlin").status == "done"
    assert sent(till) == {"billing_address": {"city": "Berlin"}}


@pytest.mark.parametrize("form", ["replace", "append"])
def test_shipping_addresses_are_neither_lost_nor_doubled(
    till: InventorumTill, connector: Inventorum, form: Any
) -> None:
    """Trap 11."""
    till.turn(shipping_write=form)
    (record_id,) = till.load([{**people(1)[0], "shipping_address": [{"city": "Bonn"}, {"city": "Kiel"}]}])
    update(connector, record_id, first_name="Anna", shipping_address=[{"city": "Ulm"}])
    assert "shipping_address" not in sent(till)
    stored = till.customer(record_id)["shipping_address"]
    update(connector, record_id, shipping_address=[{**stored[0], "city": "Köln"}, stored[1]])
    assert [address["city"] for address in till.customer(record_id)["shipping_address"]] == ["Köln", "Kiel"]


def test_read_only_fields_are_not_sent(till: InventorumTill, connector: Inventorum) -> None:
    till.turn(channel_in_update="refuse")
    (record_id,) = till.load(people(1))
    result = update(connector, record_id, note="x", channel=3, total_sales="5", country_code="49", middle_name="M")
    assert result.status == "done"
    assert sent(till) == {"note": "x"}


def test_clearing_sends_empty_text_and_null_only_for_the_birthday(till: InventorumTill, connector: Inventorum) -> None:
    (record_id,) = till.load([{**people(1)[0], "note": "old", "birthday": "1985-04-30T12:00:00Z"}])
    update(connector, record_id, note=None, birthday=None, billing_address__city=None)
    body = sent(till)
    assert (body["note"], body["birthday"], body["billing_address"]["city"]) == ("", None, "")


def test_nobody_can_be_restored(connector: Inventorum) -> None:
    (result,) = connector.write([Write("k", "restore", "1")])
    assert (result.status, result.reason) == ("refused", "unsupported")


def test_a_lost_create_leaves_exactly_one_customer(till: InventorumTill, connector: Inventorum) -> None:
    """Trap 4."""
    till.faults.on(1, faults.RESET_AFTER, method="POST")
    (result,) = connector.write([Write("k", "create", fields=people(1)[0])])
    assert (result.status, len(till.customers()), len(till.ledger.writes())) == ("unknown", 1, 1)


def test_a_delete_that_says_nothing_is_looked_up(till: InventorumTill, connector: Inventorum) -> None:
    """An empty 200 that did not delete must not count as deleted."""
    (record_id,) = till.load(people(1))
    till.faults.on(1, faults.Fault("empty"), method="DELETE")
    assert connector.write([Write("k", "delete", record_id)])[0].status == "unknown"
    till.faults.on(1, faults.Fault("empty", when="after"), method="DELETE")
    assert connector.write([Write("k", "delete", record_id)])[0].status == "done"


@pytest.mark.parametrize(("when", "status"), [("before", "unknown"), ("after", "done")])
def test_an_update_that_says_nothing_is_looked_up(
    till: InventorumTill, connector: Inventorum, when: Any, status: str
) -> None:
    (record_id,) = till.load(people(1))
    till.faults.on(1, faults.Fault("empty", when=when), method="PUT")
    result = update(connector, record_id, note="new")
    assert result.status == status


def test_a_failing_look_up_does_not_undo_a_create(till: InventorumTill, settings: Settings) -> None:
    """The create was answered; that reading it back fails must not make it look unsent, or it is sent again."""
    till.turn(default_version=10)
    till.faults.on(1, faults.Fault("status", status=500), method="GET", times=None)
    connector = Inventorum(settings, MemoryTokens())
    connector._writer._version = 9  # type: ignore[attr-defined]
    (result,) = connector.write([Write("k", "create", fields={**people(1)[0], "phone_number": "030 1234"})])
    connector.close()
    assert (result.status, len(till.customers())) == ("done", 1)


def test_a_phone_that_was_ignored_is_told(till: InventorumTill, settings: Settings) -> None:
    """Trap 13: the wrong version's attribute is an unknown field, ignored with a 2xx."""
    connector = Inventorum(settings, MemoryTokens())
    connector._writer._version = 9  # type: ignore[attr-defined]
    (result,) = connector.write([Write("k", "create", fields={**people(1)[0], "phone_number": "030 1234"})])
    connector.close()
    assert (result.status, result.reason) == ("done", "phone_ignored")
    assert result.record is not None


@pytest.mark.parametrize("refused", [None, "county_code", "country_code"])
def test_version_9_writes_the_dial_code_in_a_spelling_that_is_taken(
    till: InventorumTill, settings: Settings, refused: Any
) -> None:
    """Trap 14."""
    till.turn(v9_refused_key=refused)
    connector = Inventorum(replace(settings, options={"api_version": 9}), MemoryTokens())
    for n in range(2):
        fields = {**people(2)[n], "phone_number": "+4915112345678"}
        (result,) = connector.write([Write("k", "create", fields=fields)])
        assert result.status == "done"
        assert result.record is not None
        (phone,) = result.record.payload["phone_numbers"]
        assert (phone["national_number"], phone["county_code"]) == ("15112345678", "49")
    connector.close()
    assert len(till.ledger.writes()) == (2 if refused is None else 3)


def test_version_9_keeps_the_other_phones(till: InventorumTill, settings: Settings) -> None:
    connector = Inventorum(replace(settings, options={"api_version": 9}), MemoryTokens())
    (record_id,) = till.load(people(1))
    till.edit(
        record_id,
        phone_numbers=[
            {"national_number": "030 1", "county_code": "49"},
            {"national_number": "030 2", "county_code": "49"},
        ],
    )
    update(connector, record_id, phone_number="+4915112345678")
    found = connector.get(record_id)
    connector.close()
    assert isinstance(found, Record)
    assert [phone["national_number"] for phone in found.payload["phone_numbers"]] == ["15112345678", "030 2"]


def test_only_versions_9_and_10_are_spoken(settings: Settings) -> None:
    with pytest.raises(Refused):
        Inventorum(replace(settings, options={"api_version": 11}), MemoryTokens())


@pytest.mark.parametrize(
    ("version", "body", "expected"),
    [
        (10, {"phone_number": "030 1"}, {"phone_number": "030 1"}),
        (10, {"phone_numbers": [{"country_code": "49", "national_number": "151123"}]}, {"phone_number": "+49151123"}),
        (10, {"phone_numbers": [{"county_code": "49", "national_number": "0151123"}]}, {"phone_number": "0151123"}),
        (10, {"phone_numbers": []}, {"phone_number": ""}),
        (9, {"phone_number": ""}, {"phone_numbers": []}),
        (9, {"phone_numbers": [{"county_code": "49", "national_number": "1"}]}, {"phone_numbers": [{"county_code": "49", "country_code": "49", "national_number": "1"}]}),
        (9, {"phone_number": "+999"}, {"phone_numbers": [{"type": "normal", "national_number": "+999", "country_code": "", "county_code": ""}]}),
        (9, {"note": "x"}, {"note": "x"}),
    ],
)  # fmt: skip
def test_a_phone_is_written_in_the_form_of_the_version(version: int, body: Any, expected: Any) -> None:
    assert phones.in_version(version, body, {}) == expected


# check


def test_check_says_how_many_there_are(till: InventorumTill, settings: Settings) -> None:
    till.load(people(61))
    connector = Inventorum(replace(settings, requests_per_minute=1), MemoryTokens())
    (finding,) = connector.check(need_write=False, need_delete=False)
    connector.close()
    assert (finding.level, finding.records) == ("ok", 61)


def test_check_warns_about_the_other_versions_phones(till: InventorumTill, connector: Inventorum) -> None:
    till.load(people(1))
    till.turn(phones_in_v10="list")
    assert "warning" in [finding.level for finding in connector.check(need_write=False, need_delete=False)]


def test_a_missing_scope_is_a_refusal(till: InventorumTill, connector: Inventorum) -> None:
    till.turn(scopes=("basic:read",))
    with pytest.raises(Refused) as caught:
        connector.check(need_write=True, need_delete=False)
    assert caught.value.code == "permission"
    (result,) = connector.write([Write("k", "create", fields=people(1)[0])])
    assert (result.status, result.reason) == ("refused", "permission")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_check_finds_a_permission_that_is_missing(till: InventorumTill, connector: Inventorum, method: str) -> None:
    till.faults.on(1, faults.Fault("status", status=403), method=method)
    findings = connector.check(need_write=True, need_delete=True)
    assert [finding.level for finding in findings].count("error") == 1


def test_an_account_that_does_not_tell_is_unknown(till: InventorumTill, connector: Inventorum) -> None:
    till.turn(info="not_found")
    assert connector.account().identity is None


def test_walk_items_are_what_the_protocol_says(till: InventorumTill, connector: Inventorum) -> None:
    till.load(people(65))
    items = list(connector.walk({"ignored": 1}, full=False, resume={"ignored": 1}))
    assert [type(item) for item in items] == [Page, Page, Page, End]
    assert items[-1] == End(None, full=True)
    assert all(isinstance(item, Page) and item.resume is None and item.total == 65 for item in items[:-1])
    assert not [item for item in items if isinstance(item, Restart)]
