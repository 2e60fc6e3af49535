"""Foodics's reading side against the simulator: the variants (13) and traps (14) of its API reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from connectors.base import Gone, Page, Record, Reject, Settings
from connectors.errors import BadAnswer, Incomplete, Refused
from connectors.foodics import Foodics
from connectors.foodics.models import meaning, read_row, read_time
from connectors.foodics.oauth import authorize_url, exchange_code
from connectors.foodics.read import same_phone
from connectors.simulators.dials import ALL_SCOPES
from connectors.simulators.foodics import FoodicsTill
from tests.conformance.suite import MemoryTokens, quick, walked  # noqa: F401 - a fixture
from tests.simulators import Shop, start
from tests.unit.scripted import Reply, scripted


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

    def open_one(page_size: int | None = 10, **more: Any) -> Foodics:
        url, auth = more.get("base_url", running.url("riyadh")), more.get("auth", running.riyadh.credentials)
        opened.append(Foodics(Settings("riyadh", url, auth, 60_000, page_size, timeout_s=5.0), MemoryTokens()))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def people(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"name": f"Ana {n}", "dial_code": 966, "phone": f"5{n:08}", **fields} for n in range(count)]


def cursor_of(connector: Foodics) -> dict[str, Any]:
    cursor = walked(connector.walk(None, full=True)).ends[0].cursor
    assert cursor is not None
    return json.loads(json.dumps(cursor))  # type: ignore[no-any-return]


READINGS: list[dict[str, Any]] = [
    {},
    {"updated_after": "inclusive"},
    {"ties": "shuffled"},
    {"ties": "shuffled", "updated_after": "inclusive"},
    {"meta": "absent"},
    {"meta": "absent", "updated_after": "inclusive"},
    {"sort": "ignored"},
    {"sort": "refused"},
    {"sort": "ignored", "meta": "absent"},
    {"descending": "refused"},
    {"descending": "refused", "meta": "absent"},
    {"ignored_filters": ("updated_after",)},
    {"ignored_filters": ("is_deleted",)},
    {"ignored_filters": ("*",)},
    {"ignored_filters": ("*",), "sort": "ignored", "meta": "absent"},
    {"without_is_deleted": "both"},
    {"delete_moves_updated_at": True},
    {"page_cap": 10, "past_page_cap": "empty"},
    {"page_cap": 10, "past_page_cap": "refuse"},
]


@pytest.mark.parametrize("dials", READINGS)
@pytest.mark.parametrize(("count", "spacing_s"), [(0, 60.0), (1, 60.0), (10, 60.0), (35, 60.0), (35, 0.0), (35, 0.2)])
def test_every_reading_gives_everybody_once(
    till: FoodicsTill, connect: Callable[..., Foodics], dials: Mapping[str, Any], count: int, spacing_s: float
) -> None:
    till.turn(**dials)
    ids = till.load(people(count), spacing_s=spacing_s)
    result = walked(connect().walk(None, full=False))
    assert sorted(result.live) == sorted(ids)
    assert result.ends[0].full


@pytest.mark.parametrize("past", ["empty", "refuse"])
def test_a_page_cap_does_not_hide_anybody(till: FoodicsTill, connect: Callable[..., Foodics], past: str) -> None:
    """Page numbers end at 10; the walk goes by stamps (5)."""
    till.turn(page_cap=10, past_page_cap=past)
    ids = till.load(people(250))
    assert sorted(walked(connect().walk(None, full=True)).live) == sorted(ids)


@pytest.mark.parametrize("meta", ["full", "absent"])
@pytest.mark.parametrize("past", ["empty", "refuse"])
def test_more_than_the_cap_in_one_second_is_an_alarm_and_not_a_complete_walk(
    till: FoodicsTill, connect: Callable[..., Foodics], past: str, meta: str
) -> None:
    till.turn(page_cap=10, past_page_cap=past, meta=meta)
    till.load(people(150), spacing_s=0.0)
    with pytest.raises(Incomplete) as caught:
        list(connect().walk(None, full=True))
    assert caught.value.code == "page_cap"


@pytest.mark.parametrize(("asked", "over"), [(500, "clamp"), (500, "honour"), (None, "clamp")])
def test_a_page_is_as_long_as_the_server_says(
    till: FoodicsTill, connect: Callable[..., Foodics], asked: int | None, over: str
) -> None:
    """Asking for 500 and stopping at a short page would read 50 customers (trap 5)."""
    till.turn(per_page_over_50=over)
    ids = till.load(people(180))
    assert sorted(walked(connect(asked).walk(None, full=True)).live) == sorted(ids)


def test_a_full_walk_costs_at_most_five_percent_more(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    till.load(people(5000))
    walked(connect(None).walk(None, full=True))
    assert till.ledger.arrived <= 105


@pytest.mark.parametrize("ties", ["stable", "shuffled"])
@pytest.mark.parametrize("boundary", ["inclusive", "exclusive"])
def test_a_second_with_more_than_a_page_is_read_to_its_end(
    till: FoodicsTill, connect: Callable[..., Foodics], boundary: str, ties: str
) -> None:
    till.turn(updated_after=boundary, ties=ties)
    before = till.load(people(15), spacing_s=60.0)
    till.clock.advance(60)
    crowd = till.load(people(73), spacing_s=0.0)
    till.clock.advance(60)
    after = till.load(people(15), spacing_s=1.0)
    assert sorted(walked(connect().walk(None, full=True)).live) == sorted([*before, *crowd, *after])


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("boundary", ["inclusive", "exclusive"])
def test_whoever_is_touched_during_a_full_walk_is_seen(
    till: FoodicsTill, connect: Callable[..., Foodics], boundary: str, every: int
) -> None:
    """A touched row moves to the end; stopping at the newest stamp of the beginning would miss it (law 1)."""
    till.turn(updated_after=boundary)
    ids = till.load(people(120))
    connector = connect()
    till.drift("touch", after=1, every=every)
    result = walked(connector.walk(None, full=True))
    assert sorted(result.live) == sorted(ids)
    assert result.ends[0].full


def test_a_tail_that_runs_away_is_left_to_the_next_walk(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    """At a busy hour orders touch customers faster than pages can be read (trap 3): the walk ends, and says it is not whole."""
    ids = till.load(people(60))
    connector = connect()
    till.on_list(1, lambda: [till.touch(record_id) for record_id in ids[:20]], every=1)
    result = walked(connector.walk(None, full=True))
    assert set(ids[20:]) <= set(result.live)
    assert not result.ends[0].full
    assert till.ledger.arrived < 60


def test_deletions_during_the_walk_lose_nobody(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    ids = till.load(people(120))
    connector = connect()
    till.drift("delete", after=2, every=2)
    result = walked(connector.walk(None, full=True))
    assert {record.record_id for record in result.records} == set(ids)
    last = {record.record_id: record.deleted_at for record in result.records}
    assert {record_id for record_id, deleted_at in last.items() if deleted_at is None} == set(till.customers())


@pytest.mark.parametrize("pages", [1, 4, 11])
def test_an_interrupted_walk_goes_on(till: FoodicsTill, connect: Callable[..., Foodics], pages: int) -> None:
    ids = till.load(people(120))
    for record_id in ids[:5]:
        till.delete(record_id)
    items = connect().walk(None, full=True)
    first = [item for _, item in zip(range(pages), items, strict=False)]
    assert isinstance(first[-1], Page)
    resume = json.loads(json.dumps(first[-1].resume))
    touched = [*ids[5:10], *ids[100:105]]
    for record_id in touched:
        till.touch(record_id)
    rest = walked(connect().walk(None, full=True, resume=resume))
    seen = {record.record_id for item in first if isinstance(item, Page) for record in item.records}
    assert seen | {record.record_id for record in rest.records} == set(ids)
    assert rest.ends[0].full
    later = walked(connect().walk(rest.ends[0].cursor, full=False))
    assert set(touched) <= set(later.live)


# Incremental walks


@pytest.mark.parametrize("dials", [{}, {"updated_after": "inclusive"}, {"meta": "absent"}, {"descending": "refused"}])
def test_one_change_among_many_costs_at_most_six_requests(
    till: FoodicsTill, connect: Callable[..., Foodics], dials: Mapping[str, Any]
) -> None:
    till.turn(**dials)
    ids = till.load(people(20_000 if not dials else 1000))
    cursor = cursor_of(connect(None))
    till.edit(ids[77], name="Changed")
    till.ledger.reset()
    result = walked(connect(None).walk(cursor, full=False))
    assert ids[77] in result.live
    assert not result.ends[0].full
    assert till.ledger.arrived <= 6


@pytest.mark.parametrize("boundary", ["inclusive", "exclusive"])
def test_changes_in_the_second_of_the_cursor_are_not_lost(
    till: FoodicsTill, connect: Callable[..., Foodics], boundary: str
) -> None:
    """Stamps are whole seconds: a change may carry the very stamp that the walk before ended with (trap 1)."""
    till.turn(updated_after=boundary)
    till.clock.step_s = 0.0
    try:
        ids = till.load(people(30))
        connector = connect()
        cursor = cursor_of(connector)
        for round_ in range(5):
            till.edit(ids[round_], name=f"Changed {round_}")
            result = walked(connector.walk(cursor, full=False))
            assert f"Changed {round_}" in {record.payload["name"] for record in result.records}
            cursor = result.ends[0].cursor or {}
    finally:
        till.clock.step_s = 1.0


def test_the_cursor_comes_from_the_server_and_not_from_our_clock(
    till: FoodicsTill, connect: Callable[..., Foodics]
) -> None:
    till.turn(clock_offset_s=-3 * 3600.0)
    till.load(people(3))
    end = walked(connect().walk(None, full=True)).ends[0]
    assert end.watermark is not None
    assert end.watermark == till.clock.now() - timedelta(hours=3)


@pytest.mark.parametrize("dials", READINGS)
def test_a_change_and_a_new_one_are_found_under_every_reading(
    till: FoodicsTill, connect: Callable[..., Foodics], dials: Mapping[str, Any]
) -> None:
    till.turn(**dials)
    ids = till.load(people(45))
    connector = connect()
    cursor = cursor_of(connector)
    till.clock.advance(3600)
    till.edit(ids[3], name="Changed")
    new = till.add(name="New", phone="599999999")
    result = walked(connector.walk(cursor, full=False))
    assert {ids[3], new} <= set(result.live)
    till.clock.advance(3600)
    till.edit(new, name="Newer")
    later = walked(connector.walk(result.ends[0].cursor, full=False))
    assert "Newer" in {record.payload["name"] for record in later.records}


# Deleted customers


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("moves", [False, True])
def test_deletions_and_restores_are_seen_whether_or_not_they_move_the_stamp(
    till: FoodicsTill, connect: Callable[..., Foodics], moves: bool, many: bool
) -> None:
    till.turn(delete_moves_updated_at=moves)
    ids = till.load(people(60))
    till.clock.advance(3600)
    for record_id in ids[:30] if many else []:
        till.delete(record_id)
    connector = connect()
    cursor = cursor_of(connector)
    till.clock.advance(3600)
    till.delete(ids[40])
    first = walked(connector.walk(cursor, full=False))
    assert [r.deleted_at is not None for r in first.records if r.record_id == ids[40]] == [True]
    till.clock.advance(3600)
    till.restore(ids[40])
    second = walked(connector.walk(first.ends[0].cursor, full=False))
    assert [r.deleted_at for r in second.records if r.record_id == ids[40]] == [None]  # the same id (trap 20)
    third = walked(connector.walk(second.ends[0].cursor, full=False))
    assert not third.ends[0].full


def test_once_deleting_is_seen_to_move_the_stamp_deleted_ones_are_not_read_again(
    till: FoodicsTill, connect: Callable[..., Foodics]
) -> None:
    till.turn(delete_moves_updated_at=True)
    ids = till.load(people(400))
    till.clock.advance(3600)
    for record_id in ids[:300]:
        till.delete(record_id)
    cursor = cursor_of(connect(None))
    till.clock.advance(3600)
    till.delete(ids[350])
    till.ledger.reset()
    result = walked(connect(None).walk(cursor, full=False))
    assert ids[350] in [record.record_id for record in result.records if record.deleted_at]
    assert till.ledger.arrived <= 6


def test_somebody_purged_is_not_reported_as_restored(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    ids = till.load(people(3))
    till.delete(ids[0])
    cursor = cursor_of(connect())
    till.purge(ids[0])
    assert ids[0] not in walked(connect().walk(cursor, full=False)).live


@pytest.mark.parametrize(("dial", "expected"), [("not_found", Gone), ("found", Record)])
def test_a_deleted_customer_is_gone_or_comes_with_its_stamp(
    till: FoodicsTill, connect: Callable[..., Foodics], dial: str, expected: type
) -> None:
    till.turn(get_deleted=dial)
    record_id = till.add(name="Ana", phone="512345678")
    till.delete(record_id)
    found = connect().get(record_id)
    assert isinstance(found, expected)
    assert isinstance(found, Gone) or found.deleted_at is not None


# Rows


def test_what_was_not_granted_or_not_included_is_absent(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    """Absent is unknown, not null and not empty (traps 11 and 12); tags and addresses are asked for."""
    record_id = till.add(name="Ana", phone="512345678", tags=[{"id": "8d06aaa0"}], house_account_limit=50)
    till.turn(scopes=tuple(scope for scope in ALL_SCOPES if "accounts" not in scope))
    (record,) = walked(connect().walk(None, full=True)).records
    assert "house_account_limit" not in record.payload
    assert record.payload["tags"] == [{"id": "8d06aaa0"}]
    assert record.payload["addresses"] == []
    found = connect().get(record_id)
    assert isinstance(found, Record)
    assert found.payload["tags"] == [{"id": "8d06aaa0"}]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (None, "not_an_object"),
        (7, "not_an_object"),
        ({}, "no_id"),
        ({"id": None}, "no_id"),
        ({"id": []}, "bad_id"),
        ({"id": "a/b"}, "bad_id"),
        ({"id": "."}, "bad_id"),
        ({"id": False}, "bad_id"),
        ({"id": "\udfff"}, "bad_id"),
        ({"id": "x", "name": "a\ud83db"}, "broken_text"),
    ],
)
def test_bad_rows_are_rejected_with_a_reason(row: Any, reason: str) -> None:
    result = read_row(row, strict=False)
    assert isinstance(result, Reject)
    assert result.reason == reason
    assert json.loads(result.raw) == row


def test_rows_without_a_readable_stamp_do_not_stop_the_walk(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    ids = till.load(people(35))
    for n, stamp in ((4, None), (9, "0000-00-00 00:00:00"), (20, 17), (34, "yesterday")):
        till.spoil(ids[n], {"id": ids[n], "name": "\x00" * 3, "updated_at": stamp, "deleted_at": "0000-00-00 00:00:00"})
    till.spoil(ids[30], "null")
    result = walked(connect().walk(None, full=True))
    assert sorted(result.live) == sorted(set(ids) - {ids[30]})
    assert [reject.reason for reject in result.rejects] == ["not_an_object"]
    assert result.ends[0].full


@pytest.mark.parametrize(
    "text",
    [
        "2019-04-22 14:18:54",
        "2019-04-22 14-18-54",
        "2019-04-22T14:18:54Z",
        "2019-04-22T14:18:54.000000Z",
        "2019-04-22T17:18:54+03:00",
    ],
)
def test_stamps_are_utc_however_they_are_written(text: str) -> None:
    time = read_time(text)
    assert time is not None
    assert time.isoformat() == "2019-04-22T14:18:54+00:00"


@pytest.mark.parametrize(
    ("path", "left", "right", "same"),
    [
        ("is_loyalty_enabled", 1, True, True),
        ("is_loyalty_enabled", "0", False, True),
        ("is_blacklisted", "true", "1", True),
        ("is_blacklisted", 0, True, False),
        ("dial_code", "966", 966, True),
        ("dial_code", "+966", 966, True),
        ("phone", "0512", "512", False),
        ("email", "", None, True),
        ("tags", [{"id": "b"}, {"id": "a"}], [{"id": "a", "name": "A"}, {"id": "b"}], True),
        ("name", "Ana  S", "Ana S", False),
    ],
)
def test_values_compare_by_meaning(path: str, left: Any, right: Any, same: bool) -> None:
    """1 against true, compared strictly, is a difference for ever and a write for ever (trap 13)."""
    assert (meaning({path: left}, path) == meaning({path: right}, path)) is same
    assert meaning({}, path) is ...


def test_links_are_never_followed(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    """They lack the filters, and would carry the token to another host (trap 4); --block-network would fail the test."""
    till.load(people(60))
    walked(connect().walk(None, full=True))
    assert all("include=" in entry.params for entry in till.ledger.reads())


# Look-ups


@pytest.mark.parametrize(
    "dials",
    [
        {},
        {"text_filter": "contains"},
        {"ignored_filters": ("phone",)},
        {"ignored_filters": ("dial_code",)},
        {"ignored_filters": ("*",)},
        {"dial_code": "string"},
        {"without_is_deleted": "both"},
        {"meta": "absent"},
        {"meta": "absent", "ignored_filters": ("*",)},
    ],
)
def test_only_the_very_number_is_found(
    till: FoodicsTill, connect: Callable[..., Foodics], dials: Mapping[str, Any]
) -> None:
    """The filter may be ignored (trap 6) or mean "contains" (trap 7); a trunk zero may be stored or not (8)."""
    till.turn(**dials)
    ids = till.load(
        [
            *people(25),
            {"name": "A", "dial_code": 966, "phone": "512345678"},
            {"name": "B", "dial_code": 966, "phone": "1512345678"},
            {"name": "C", "dial_code": 971, "phone": "512345678"},
            {"name": "D", "dial_code": 966, "phone": "0598765432"},
            {"name": "E", "dial_code": 966, "phone": "577777777"},
        ]
    )
    till.delete(ids[29])
    connector = connect()
    assert [r.payload["name"] for r in connector.find("phone", "+966512345678")] == ["A"]
    assert [r.payload["name"] for r in connector.find("phone", "+966598765432")] == ["D"]
    assert connector.find("phone", "+966512345679") == []
    if "*" not in dials.get("ignored_filters", ()):
        (deleted,) = connector.find("phone", "+966577777777")
        assert deleted.deleted_at is not None


@pytest.mark.parametrize("text_filter", ["exact", "contains"])
def test_email_is_compared_without_case(till: FoodicsTill, connect: Callable[..., Foodics], text_filter: str) -> None:
    till.turn(text_filter=text_filter)
    till.load([{"name": "A", "email": "ana@example.com"}, {"name": "B", "email": "xana@example.com"}])
    assert [r.payload["name"] for r in connect().find("email", "ana@example.com")] == ["A"]


def test_a_look_up_that_ends_at_the_cap_is_not_believed(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    till.turn(ignored_filters=("*",), page_cap=10, meta="absent")
    till.load(people(150))
    with pytest.raises(Incomplete):
        connect().find("phone", "+966512345678")


@pytest.mark.parametrize(
    ("payload", "same"),
    [
        ({"dial_code": 966, "phone": "512345678"}, True),
        ({"dial_code": "+966", "phone": "0512 345 678"}, True),
        ({"dial_code": "966", "phone": "٥١٢٣٤٥٦٧٨"}, True),
        ({"dial_code": 971, "phone": "512345678"}, False),
        ({"dial_code": 966, "phone": 512345678}, False),
        ({"dial_code": 966, "phone": ""}, False),
        ({"phone": "512345678"}, False),
        ({}, False),
    ],
)
def test_numbers_are_compared_with_their_dial_code(payload: dict[str, Any], same: bool) -> None:
    assert same_phone(payload, "966", "512345678") is same


def test_what_is_no_number_is_nobodys(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    assert connect().find("phone", "no number") == []
    assert connect().find("vat_number", "DE288362273") == []
    assert till.ledger.arrived == 0


# Account, check, authorisation


@pytest.mark.parametrize("missing", ["customers.list", "customers.get", "customers.write", "admin.write"])
def test_check_names_the_missing_scope(till: FoodicsTill, connect: Callable[..., Foodics], missing: str) -> None:
    till.turn(scopes=tuple(scope for scope in ALL_SCOPES if scope != missing))
    findings = connect().check(need_write=True, need_delete=True)
    (error,) = [finding for finding in findings if finding.level == "error"]
    assert missing in error.hint
    assert till.ledger.writes() == []


def test_check_without_scopes_in_whoami_says_what_can_be_said(connect: Callable[..., Foodics]) -> None:
    no_delete = [Reply(404), Reply(body=b'{"data": []}'), Reply(404), Reply(403, b"{}")]
    with scripted(*no_delete) as script:
        findings = connect(base_url=script.url).check(need_write=True, need_delete=True)
    assert [finding.level for finding in findings] == ["ok", "warning", "error"]
    assert script.requests[-1].startswith("DELETE ")


def test_the_account_is_the_business(till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    account = connect().account()
    assert account.identity
    assert account.identity.isdecimal()
    assert account.label == "Demo restaurant riyadh"
    with scripted(Reply(404)) as script:
        assert connect(base_url=script.url).account().identity is None


def test_a_page_that_is_not_a_list_is_a_bad_answer(connect: Callable[..., Foodics]) -> None:
    with scripted(Reply(body=b'{"customers": []}')) as script, pytest.raises(BadAnswer):
        list(connect(base_url=script.url).walk(None, full=True))
    with scripted(Reply(400, b"{}")) as script, pytest.raises(BadAnswer) as caught:
        list(connect(base_url=script.url).walk(None, full=True))
    assert caught.value.code == "list_refused"


@pytest.mark.parametrize(
    ("base_url", "page"),
    [
        ("https://api.foodics.com/v5", "https://console.foodics.com/authorize?"),
        ("https://api-sandbox.foodics.com/v5/", "https://console-sandbox.foodics.com/authorize?"),
        ("http://127.0.0.1:9/riyadh/v5", "http://127.0.0.1:9/riyadh/authorize?"),
    ],
)
def test_the_consent_page_belongs_to_the_environment(base_url: str, page: str) -> None:
    url = authorize_url(Settings("r", base_url, {"client_id": "me"}), redirect_uri="http://localhost:1/x", state="s 1")
    assert url == f"{page}client_id=me&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fx&state=s+1"


def test_a_code_is_exchanged_for_tokens_once(running: Shop, till: FoodicsTill, connect: Callable[..., Foodics]) -> None:
    settings = Settings("riyadh", running.url("riyadh"), till.oauth_credentials)
    tokens = exchange_code(settings, code=till.consent_code, redirect_uri="http://localhost:1/x")
    assert set(tokens) == {"access_token", "refresh_token", "expires_in"}
    assert connect(auth={"token": tokens["access_token"]}).account().identity
    with pytest.raises(Refused) as caught:
        exchange_code(settings, code=till.consent_code, redirect_uri="http://localhost:1/x")
    assert caught.value.code == "code_refused"


def test_tokens_are_renewed_beside_the_api_and_not_under_it(
    running: Shop, till: FoodicsTill, connect: Callable[..., Foodics]
) -> None:
    connector = connect(auth=till.oauth_credentials)
    assert connector.account().identity
    till.lose_tokens()
    assert connector.account().identity
    assert [entry.path for entry in till.ledger.requests() if entry.kind == "auth"] == ["/oauth/token"] * 2
