"""The Inventorum simulator against its API reference (section numbers in the tests' names or docstrings)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

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
    headers = {
        "Authorization": f"Bearer {till.credentials['access_token']}",
        "X-Api-Version": "10",
        "Accept": "application/json",
    }
    with httpx.Client(base_url=running.url("berlin"), headers=headers) as client:
        yield client


ANA = {"first_name": "Ana", "last_name": "Schmidt", "email": "ana@example.com", "phone_number": "978437427278"}


def test_create_answers_the_bare_customer_with_ids_defaults_and_total_sales(
    api: httpx.Client, till: InventorumTill
) -> None:
    answer = api.post("/customers/", json=ANA | {"birthday": "1985-04-30T10:49:52Z", "title": "Mrs."})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["first_name"], body["title"], body["phone_number"]) == ("Ana", "Mrs.", "978437427278")
    assert body["birthday"] == "1985-04-30T12:49:52+02:00"  # section 7.1: same instant, local offset
    assert (body["total_sales"], body["group"], body["middle_name"], body["channel"]) == ("0", None, None, 1)
    assert body["account_scoped_id"] == 1
    assert list(till.customers()) == [str(body["id"])]


@pytest.mark.parametrize("status", [200, 201])
def test_the_status_of_a_create_is_a_dial(api: httpx.Client, till: InventorumTill, status: int) -> None:
    till.turn(create_status=status)
    assert api.post("/customers/", json=ANA).status_code == status


def test_a_list_row_has_every_field_but_total_sales(api: httpx.Client, till: InventorumTill) -> None:
    created = api.post("/customers/", json=ANA).json()
    listed = api.get("/customers/").json()
    assert listed["total"] == 1
    assert set(created) - set(listed["data"][0]) == {"total_sales"}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, (65, 30)),
        ({"limit": 10, "page": 2}, (65, 10)),
        ({"limit": 30, "page": 3}, (65, 5)),
        ({"limit": 30, "page": 4}, (65, 0)),
        ({"limit": 100}, (65, 30)),
    ],
)
def test_paging_clamps_at_30_and_counts_everybody(
    api: httpx.Client, till: InventorumTill, params: dict[str, int], expected: tuple[int, int]
) -> None:
    till.load(dict(ANA) for _ in range(65))
    body = api.get("/customers/", params=params).json()
    assert (body["total"], len(body["data"])) == expected


def test_the_pages_of_a_walk_hold_everybody_once(api: httpx.Client, till: InventorumTill) -> None:
    ids = till.load(dict(ANA) for _ in range(65))
    till.delete(ids.pop(10))
    seen = [row["id"] for page in (1, 2, 3) for row in api.get("/customers/", params={"page": page}).json()["data"]]
    assert [str(i) for i in seen] == ids


@pytest.mark.parametrize(
    ("dial", "params", "status"),
    [
        ({"limit_over_30": "clamp"}, {"limit": 31}, 200),
        ({"limit_over_30": "refuse"}, {"limit": 31}, 400),
        ({"page_past_end": "empty"}, {"page": 9}, 200),
        ({"page_past_end": "not_found"}, {"page": 9}, 404),
    ],
)
def test_paging_dials_both_ways(
    api: httpx.Client, till: InventorumTill, dial: dict[str, str], params: dict[str, int], status: int
) -> None:
    till.add(**ANA)
    till.turn(**dial)
    assert api.get("/customers/", params=params).status_code == status


@pytest.mark.parametrize(("order", "same"), [("id", True), ("newest_first", False), ("shuffled", False)])
def test_the_row_order_is_a_dial(api: httpx.Client, till: InventorumTill, order: str, same: bool) -> None:
    ids = till.load(dict(ANA) for _ in range(25))
    till.turn(row_order=order)
    seen = [str(row["id"]) for row in api.get("/customers/").json()["data"]]
    assert (seen == ids) is same
    assert sorted(seen) == sorted(ids)
    again = [str(row["id"]) for row in api.get("/customers/").json()["data"]]
    assert (seen == again) is (order != "shuffled")


def test_favourites_are_listed_apart(api: httpx.Client, till: InventorumTill) -> None:
    till.add(**ANA)
    favourite = till.add(**ANA, is_favourite=True)
    body = api.get("/customers/favourites/").json()
    assert (body["total"], [row["id"] for row in body["data"]]) == (1, [int(favourite)])
    till.edit(favourite, is_favourite=False)
    assert api.get("/customers/favourites/").json()["total"] == 0


def test_get_one_in_its_four_shapes(api: httpx.Client, till: InventorumTill) -> None:
    """Section 6.4: the documented sample is an envelope around somebody else."""
    other, ana = till.add(first_name="Bo", last_name="Berg"), till.add(**ANA)
    path = f"/customers/{ana}/"
    assert api.get(path).json()["id"] == int(ana)
    till.turn(get_one="data_object")
    assert api.get(path).json()["data"]["id"] == int(ana)
    till.turn(get_one="envelope")
    assert [row["id"] for row in api.get(path).json()["data"]] == [int(ana)]
    till.turn(get_one="wrong_envelope")
    assert [row["id"] for row in api.get(path).json()["data"]] == [int(other)]


def test_update_is_partial_and_answers_the_whole(api: httpx.Client, till: InventorumTill) -> None:
    ana = till.add(**ANA, note="likes tea")
    body = api.put(f"/customers/{ana}/", json={"email": "ana@example.org"}).json()
    assert (body["email"], body["note"], body["total_sales"]) == ("ana@example.org", "likes tea", "0")


def test_delete_is_200_with_an_empty_object_then_404(api: httpx.Client, till: InventorumTill) -> None:
    ana = till.add(**ANA)
    first, second = api.delete(f"/customers/{ana}/"), api.delete(f"/customers/{ana}/")
    assert (first.status_code, first.json()) == (200, {})
    assert second.status_code == 404
    assert second.json() == {"error": {"key": "common.unknown", "fields": {}, "description": None}}
    assert api.get(f"/customers/{ana}/").status_code == 404
    assert api.put(f"/customers/{ana}/", json={"note": "x"}).status_code == 404


def test_without_name_and_company_the_400_flags_all_three(api: httpx.Client, till: InventorumTill) -> None:
    answer = api.post("/customers/", json={"email": "ana@example.com"})
    message = ["Name or company must be set"]
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "key": "common.serializer_error",
        "description": "Serialization error",
        "fields": {"first_name": message, "last_name": message, "company": message},
    }
    assert till.customers() == {}


@pytest.mark.parametrize(("rule", "status"), [("both", 400), ("one", 200)])
def test_whether_one_name_suffices_is_a_dial(api: httpx.Client, till: InventorumTill, rule: str, status: int) -> None:
    till.turn(name_rule=rule)
    assert api.post("/customers/", json={"first_name": "Ana"}).status_code == status
    assert api.post("/customers/", json={"company": "Example GmbH"}).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "Dr."},
        {"birthday": "1985-04-30"},
        {"birthday": "1985-13-30T00:00:00Z"},
        {"is_b2b": "yes"},
        {"email": 7},
        {"billing_address": {"country": "Atlantis"}},
        {"billing_address": []},
        {"shipping_address": {}},
        {"billing_address": {"title": "Dr."}},
    ],
)
def test_invalid_values_are_a_400(api: httpx.Client, till: InventorumTill, wrong: dict[str, Any]) -> None:
    assert api.post("/customers/", json=ANA | wrong).status_code == 400
    assert till.customers() == {}


def test_the_same_customer_twice_makes_two(api: httpx.Client, till: InventorumTill) -> None:
    assert api.post("/customers/", json=ANA).json()["id"] != api.post("/customers/", json=ANA).json()["id"]
    assert [change.payload and change.payload["email"] for change in till.ledger.creates()] == ["ana@example.com"] * 2


def test_a_country_name_comes_back_as_its_code(api: httpx.Client) -> None:
    body = api.post("/customers/", json=ANA | {"billing_address": {"country": "Deutschland", "city": "Berlin"}}).json()
    assert (body["billing_address"]["country"], body["billing_address"]["city"]) == ("DE", "Berlin")


def test_billing_is_replaced_or_merged_and_keeps_its_id(api: httpx.Client, till: InventorumTill) -> None:
    ana = till.add(**ANA, billing_address={"address1": "Voltastrasse", "address2": "5", "city": "Berlin"})
    address_id = till.customer(ana)["billing_address"]["id"]
    till.turn(billing_write="merge")
    merged = api.put(f"/customers/{ana}/", json={"billing_address": {"city": "Bremen"}}).json()["billing_address"]
    assert (merged["id"], merged["address1"], merged["city"]) == (address_id, "Voltastrasse", "Bremen")
    till.turn(billing_write="replace")
    replaced = api.put(f"/customers/{ana}/", json={"billing_address": {"city": "Kiel"}}).json()["billing_address"]
    assert (replaced["id"], replaced["address1"], replaced["city"]) == (address_id, "", "Kiel")


@pytest.mark.parametrize(("how", "count"), [("replace", 1), ("append", 2)])
def test_shipping_elements_without_id_replace_or_append(
    api: httpx.Client, till: InventorumTill, how: str, count: int
) -> None:
    ana = till.add(**ANA, shipping_address=[{"city": "Bremen"}])
    till.turn(shipping_write=how)
    body = api.put(f"/customers/{ana}/", json={"shipping_address": [{"city": "Kiel"}]}).json()
    assert len(body["shipping_address"]) == count
    kept = api.put(f"/customers/{ana}/", json={"shipping_address": body["shipping_address"]}).json()
    assert kept["shipping_address"] == body["shipping_address"]


def test_address_dials(api: httpx.Client, till: InventorumTill) -> None:
    ana = till.add(**ANA)
    blank = api.get(f"/customers/{ana}/").json()["billing_address"]
    assert (blank["country"], blank["title"], blank["address2"]) == ("DE", "Mr.", "")
    till.turn(empty_address_members="null")
    assert api.get(f"/customers/{ana}/").json()["billing_address"]["address2"] is None
    till.turn(blank_billing="null")
    assert api.post("/customers/", json=ANA).json()["billing_address"] is None


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("local", "1985-01-30T11:49:52+01:00"),
        ("Z", "1985-01-30T10:49:52Z"),
        ("+01:00", "1985-01-30T11:49:52+01:00"),
        ("+02:00", "1985-01-30T12:49:52+02:00"),
    ],
)
def test_a_birthday_is_one_instant_in_four_spellings(
    api: httpx.Client, till: InventorumTill, form: str, text: str
) -> None:
    ana = till.add(**ANA, birthday="1985-01-30T10:49:52Z")
    till.turn(birthday_form=form)
    assert api.get(f"/customers/{ana}/").json()["birthday"] == text
    assert api.put(f"/customers/{ana}/", json={"birthday": None}).json()["birthday"] is None


def test_no_phone_in_three_spellings_and_a_list_in_spite_of_version_10(api: httpx.Client, till: InventorumTill) -> None:
    bo = till.add(first_name="Bo", last_name="Berg")
    assert api.get(f"/customers/{bo}/").json()["phone_number"] == ""
    till.turn(no_phone="null")
    assert api.get(f"/customers/{bo}/").json()["phone_number"] is None
    till.turn(no_phone="absent")
    assert "phone_number" not in api.get(f"/customers/{bo}/").json()
    till.turn(phones_in_v10="list")
    till.edit(bo, phone_number="030 12341234")
    phones = api.get(f"/customers/{bo}/").json()["phone_numbers"]
    assert [(p["county_code"], p["national_number"]) for p in phones] == [("49", "030 12341234")]


def test_version_9_has_a_list_of_phones_and_version_10_shows_one(api: httpx.Client, till: InventorumTill) -> None:
    phones = [
        {"county_code": "49", "national_number": "15112345678", "type": "mobile"},
        {"country_code": "47", "national_number": "22000000"},
    ]
    v9 = {"X-Api-Version": "9"}
    made = api.post(
        "/customers/", json={"first_name": "A", "last_name": "B", "phone_numbers": phones}, headers=v9
    ).json()
    assert [(p["county_code"], p["national_number"], p["type"]) for p in made["phone_numbers"]] == [
        ("49", "15112345678", "mobile"),
        ("47", "22000000", "normal"),
    ]
    assert "phone_number" not in made
    assert api.get(f"/customers/{made['id']}/").json()["phone_number"] == "15112345678"
    till.turn(v9_code_key="country_code")
    assert api.get("/customers/", headers=v9).json()["data"][0]["phone_numbers"][0]["country_code"] == "49"


def test_v10_shows_the_last_of_several_phones_where_the_dial_says_so(api: httpx.Client, till: InventorumTill) -> None:
    till.turn(v10_shows="last")
    bo = till.add(first_name="Bo", last_name="Berg", phone_numbers=[{"national_number": "1"}, {"national_number": "2"}])
    assert api.get(f"/customers/{bo}/").json()["phone_number"] == "2"


def test_the_other_versions_phone_attribute_is_ignored(api: httpx.Client) -> None:
    """Trap 13: a 2xx, and the phone is lost."""
    made = api.post("/customers/", json=ANA, headers={"X-Api-Version": "9"}).json()
    assert made["phone_numbers"] == []
    assert api.get(f"/customers/{made['id']}/").json()["phone_number"] == ""


def test_version_9_may_refuse_one_spelling(api: httpx.Client, till: InventorumTill) -> None:
    till.turn(v9_refused_key="country_code")
    body = {"first_name": "A", "last_name": "B", "phone_numbers": [{"national_number": "1", "country_code": "49"}]}
    assert api.post("/customers/", json=body, headers={"X-Api-Version": "9"}).status_code == 400


def test_without_a_version_header_the_default_version_answers(api: httpx.Client, till: InventorumTill) -> None:
    till.add(**ANA)
    del api.headers["X-Api-Version"]
    assert "phone_numbers" in api.get("/customers/").json()["data"][0]
    till.turn(default_version=10)
    assert "phone_number" in api.get("/customers/").json()["data"][0]
    assert api.get("/customers/", headers={"X-Api-Version": "2"}).status_code == 400


@pytest.mark.parametrize(("value", "status"), [("ignore", 200), ("refuse", 400)])
def test_channel_cannot_be_changed(api: httpx.Client, till: InventorumTill, value: str, status: int) -> None:
    till.turn(channel_in_update=value)
    made = api.post("/customers/", json=ANA | {"channel": 3}).json()
    assert made["channel"] == 3
    assert api.put(f"/customers/{made['id']}/", json={"channel": 4}).status_code == status
    assert till.customer(str(made["id"]))["channel"] == 3


@pytest.mark.parametrize(
    ("shape", "start_of_body"), [("fields", '{"error":'), ("detail", '{"detail":'), ("empty", ""), ("html", "<html>")]
)
def test_error_bodies_come_in_four_shapes(
    api: httpx.Client, till: InventorumTill, shape: str, start_of_body: str
) -> None:
    till.turn(error_body=shape)
    answer = api.post("/customers/", json={})
    assert answer.status_code == 400
    assert answer.text.startswith(start_of_body)
    assert bool(answer.text) is bool(start_of_body)


def test_a_missing_slash_is_an_empty_301(api: httpx.Client, till: InventorumTill) -> None:
    """Section 1: a client that follows it would turn a POST into a GET."""
    for method, path in (
        ("GET", "/customers"),
        ("POST", "/customers"),
        ("PUT", "/customers/1"),
        ("GET", "/customers/favourites"),
    ):
        answer = api.request(method, path, json={} if method != "GET" else None)
        assert (answer.status_code, answer.content) == (301, b"")
        assert answer.headers["location"].endswith(f"{path}/")
    assert till.ledger.creates() == []


def refresh(api: httpx.Client, till: InventorumTill, token: str) -> httpx.Response:
    auth = (till.credentials["client_id"], till.credentials["client_secret"])
    form = {"grant_type": "refresh_token", "refresh_token": token}
    with httpx.Client(base_url=str(api.base_url), auth=auth) as client:
        return client.post("/auth/token/", data=form)


def test_a_refresh_rotates_and_the_old_refresh_token_dies(api: httpx.Client, till: InventorumTill) -> None:
    old = till.credentials["refresh_token"]
    answer = refresh(api, till, old)
    pair = answer.json()
    assert answer.status_code == 200
    assert (pair["token_type"], pair["expires_in"], pair["scope"]) == ("Bearer", 36000, "customers")
    assert api.get("/customers/", headers={"Authorization": f"Bearer {pair['access_token']}"}).status_code == 200
    dead = refresh(api, till, old)
    assert (dead.status_code, dead.json()) == (400, {"error": "invalid_grant"})
    assert refresh(api, till, pair["refresh_token"]).status_code == 200


def test_refresh_dials(api: httpx.Client, till: InventorumTill) -> None:
    old = till.credentials["refresh_token"]
    till.turn(old_refresh_token="lives", refresh_refused_status=401)
    assert [refresh(api, till, token).status_code for token in (old, old, "nonsense")] == [200, 200, 401]


def test_a_refresh_needs_the_clients_secret(api: httpx.Client, till: InventorumTill) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": till.credentials["refresh_token"]}
    assert httpx.post(f"{api.base_url}auth/token/", data=form, auth=("who", "knows")).status_code == 401


@pytest.mark.parametrize("status", [401, 400])
def test_an_expired_access_token(api: httpx.Client, till: InventorumTill, status: int) -> None:
    till.turn(expired_status=status)
    till.lose_tokens()
    answer = api.get("/customers/")
    assert answer.status_code == status
    assert "fields" not in answer.text or status == 401
    assert refresh(api, till, till.credentials["refresh_token"]).status_code == 200
    till.lose_tokens(refresh_too=True)
    assert refresh(api, till, "berlin-refresh-1").status_code == 400


def test_a_refreshed_token_expires_by_the_tills_clock(api: httpx.Client, till: InventorumTill) -> None:
    pair = refresh(api, till, till.credentials["refresh_token"]).json()
    api.headers["Authorization"] = f"Bearer {pair['access_token']}"
    till.clock.advance(35_999)
    assert api.get("/customers/").status_code == 200
    till.clock.advance(1)
    assert api.get("/customers/").status_code == 401


def test_a_missing_scope_is_403(api: httpx.Client, till: InventorumTill) -> None:
    till.turn(scopes=())
    assert api.get("/customers/").status_code == 403


def test_info_names_the_account_or_does_not_exist(api: httpx.Client, till: InventorumTill) -> None:
    account = api.get("/info/").json()["account"]
    other = InventorumTill("hamburg")
    assert account["id"] != other._number("account", 90_000) + 1_000
    till.turn(info="not_found")
    assert api.get("/info/").status_code == 404


def test_unreadable_bodies_are_a_400(api: httpx.Client, till: InventorumTill) -> None:
    for content in (b"{", b"[1]", b"\xff"):
        assert api.post("/customers/", content=content).status_code == 400
    assert till.customers() == {}
