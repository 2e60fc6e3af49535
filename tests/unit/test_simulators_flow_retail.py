"""The Flow Retail simulator against its API reference."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors.simulators.flow_retail import FlowRetailTill
from tests.simulators import Shop, start


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def till(running: Shop) -> FlowRetailTill:
    running.reset()
    return running.oslo


@pytest.fixture
def api(running: Shop, till: FlowRetailTill) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {till.credentials['token']}", "Accept": "application/json"}
    with httpx.Client(base_url=f"{running.url('oslo')}/tenants/acme", headers=headers) as client:
        yield client


ANA = {"firstname": "Ana", "lastname": "Schmidt", "email": "ana@example.com", "countryCode": "DE"}


def uids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["customerUid"] for item in answer.json()["items"]]


def test_create_is_201_with_the_whole_customer(api: httpx.Client, till: FlowRetailTill) -> None:
    answer = api.post("/customers", json=ANA | {"externalId": "hub-1", "mobile": "+4915112345678"})
    body = answer.json()
    assert answer.status_code == 201
    assert (body["externalId"], body["customerType"], body["displayName"]) == ("hub-1", "PRIVATE", "Ana Schmidt")
    assert (body["createdAt"], body["lastModifiedAt"]) == ("2026-01-05T08:00:01.000Z",) * 2
    assert (body["vatNumber"], body["addresses"], body["credit"]) == ("", [], {"limit": 0, "balance": 0})
    assert list(till.customers()) == [body["customerUid"]]


def test_the_envelope_has_items_and_paging(api: httpx.Client, till: FlowRetailTill) -> None:
    made = till.load(dict(ANA) for _ in range(120))
    body = api.get("/customers", params={"pageNumber": 2, "pageSize": 50}).json()
    assert body["paging"] == {"pageNumber": 2, "pageSize": 50, "totalCount": 120}
    assert [item["customerUid"] for item in body["items"]] == made[50:100]


@pytest.mark.parametrize(("asked", "size"), [(None, 50), (10, 10), (100, 100), (1000, 100)])
def test_page_sizes_are_clamped_and_the_effective_one_is_told(
    api: httpx.Client, till: FlowRetailTill, asked: int | None, size: int
) -> None:
    till.load(dict(ANA) for _ in range(130))
    body = api.get("/customers", params={"pageSize": asked} if asked else {}).json()
    assert (body["paging"]["pageSize"], len(body["items"])) == (size, size)


def test_pages_may_start_at_zero(api: httpx.Client, till: FlowRetailTill) -> None:
    first, second = till.add(**ANA), till.add(**ANA)
    one: dict[str, Any] = {"pageSize": 1, "sortBy": "createdAt", "sortDirection": "ASC"}
    assert api.get("/customers", params=one | {"pageNumber": 0}).status_code == 400
    till.turn(page_zero="empty")
    assert uids(api.get("/customers", params=one | {"pageNumber": 0})) == []
    till.turn(page_zero="first")
    assert uids(api.get("/customers", params=one | {"pageNumber": 0})) == [first]
    till.turn(first_page=0)
    assert uids(api.get("/customers", params=one | {"pageNumber": 0})) == [first]
    assert uids(api.get("/customers", params=one | {"pageNumber": 1})) == [second]


@pytest.mark.parametrize(("value", "status"), [("empty", 200), ("not_found", 404), ("refuse", 400)])
def test_a_page_past_the_end(api: httpx.Client, till: FlowRetailTill, value: str, status: int) -> None:
    till.add(**ANA)
    till.turn(page_past_end=value)
    assert api.get("/customers", params={"pageNumber": 2}).status_code == status
    assert api.get("/customers", params={"pageNumber": 1}).status_code == 200


def test_an_ignored_page_number_repeats_the_first_page(api: httpx.Client, till: FlowRetailTill) -> None:
    till.load(dict(ANA) for _ in range(60))
    till.turn(page_number="ignored")
    assert uids(api.get("/customers", params={"pageNumber": 2})) == uids(
        api.get("/customers", params={"pageNumber": 1})
    )


@pytest.mark.parametrize(("value", "count"), [("exact", 20), ("missing", None), ("low", 18), ("high", 23)])
def test_the_total_may_be_missing_or_wrong(
    api: httpx.Client, till: FlowRetailTill, value: str, count: int | None
) -> None:
    till.load(dict(ANA) for _ in range(20))
    till.turn(total_count=value)
    assert api.get("/customers").json()["paging"].get("totalCount") == count


def test_sorting_by_modification_and_creation(api: httpx.Client, till: FlowRetailTill) -> None:
    a, b, c = (till.add(**ANA) for _ in range(3))
    till.edit(a, city="Oslo")
    newest = {"sortBy": "lastModifiedAt", "sortDirection": "DESC"}
    assert uids(api.get("/customers", params=newest)) == [a, c, b]
    assert uids(api.get("/customers", params={"sortBy": "createdAt", "sortDirection": "ASC"})) == [a, b, c]
    assert api.get("/customers", params={"sortBy": "shoeSize"}).status_code == 400
    till.turn(sort="ignored")
    assert uids(api.get("/customers", params=newest)) == [a, b, c]
    till.turn(sort="refused")
    assert api.get("/customers", params=newest).status_code == 400


def test_the_external_id_filter_and_its_dials(api: httpx.Client, till: FlowRetailTill) -> None:
    one, twelve = till.add(**ANA, externalId="hub-1"), till.add(**ANA, externalId="hub-12")
    query = {"customerExternalId": "hub-1"}
    assert uids(api.get("/customers", params=query)) == [one]
    assert uids(api.get("/customers", params={"customerExternalId": "HUB-1"})) == []
    till.turn(external_id_filter="substring")
    assert uids(api.get("/customers", params=query)) == [one, twelve]
    till.turn(external_id_filter="ignored")
    assert uids(api.get("/customers", params={"customerExternalId": "nobody"})) == [one, twelve]


@pytest.mark.parametrize(("value", "status"), [("allowed", 201), ("conflict", 409)])
def test_a_second_customer_with_the_same_external_id(
    api: httpx.Client, till: FlowRetailTill, value: str, status: int
) -> None:
    till.turn(duplicate_external_id=value)
    till.add(**ANA, externalId="hub-1")
    assert api.post("/customers", json=ANA | {"externalId": "hub-1"}).status_code == status


def test_unique_fields_are_409_for_others_but_not_for_oneself(api: httpx.Client, till: FlowRetailTill) -> None:
    till.turn(unique_fields=("email",))
    ana = till.add(**ANA)
    assert api.post("/customers", json=ANA | {"email": "ANA@example.com"}).status_code == 409
    assert api.put(f"/customers/{ana}", json={"email": "ana@example.com"}).status_code == 200


def test_search(api: httpx.Client, till: FlowRetailTill) -> None:
    ana = till.add(**ANA, mobile="+4915112345678", vatNumber="DE288362273", city="Berlin", defaultStoreUid="s1")
    bo = till.add(firstname="Bo", lastname="Berg", email="bo@example.com", city="Bergen")

    def found(**body: Any) -> list[str]:
        return uids(api.post("/customers/search", json=body))

    assert found(email="Ana@Example.com", exactMatch=True) == [ana]
    assert found(email="example.com") == [ana, bo]
    assert found(email="example.com", exactMatch=True) == []
    assert found(query="berg") == [bo]
    assert found(query="ber") == [ana, bo]
    assert found(vatNumber="DE288362273", exactMatch=True) == [ana]
    assert found(mobile="5112345") == [ana]
    assert found(storeUid="s1") == [ana]
    assert found(createdAt=till.customer(bo)["createdAt"]) == [bo]
    assert found(email="ana@example.com", mobile="000") == []
    assert found() == [ana, bo]
    till.turn(search_combines="or")
    assert found(email="ana@example.com", mobile="000") == [ana]
    page = api.post("/customers/search", params={"pageSize": 1, "pageNumber": 2}, json={"query": "ber"}).json()
    assert page["paging"] == {"pageNumber": 2, "pageSize": 1, "totalCount": 2}


def test_a_new_customer_may_be_found_late(api: httpx.Client, till: FlowRetailTill) -> None:
    till.turn(lookup_lag_s=0.3)
    api.post("/customers", json=ANA | {"externalId": "hub-1"})
    assert uids(api.get("/customers", params={"customerExternalId": "hub-1"})) == []
    assert len(uids(api.get("/customers"))) == 1
    time.sleep(0.35)
    assert len(uids(api.get("/customers", params={"customerExternalId": "hub-1"}))) == 1


def test_update_is_partial_moves_the_stamp_and_ignores_unknown_keys(api: httpx.Client, till: FlowRetailTill) -> None:
    ana = till.add(**ANA)
    body = api.put(f"/customers/{ana}", json={"city": "Berlin", "firstName": "Eva", "customerUid": "other"}).json()
    assert (body["city"], body["firstname"], body["customerUid"]) == ("Berlin", "Ana", ana)
    assert body["lastModifiedAt"] > body["createdAt"]
    assert api.put(f"/customers/{ana}", json={"ehfEnabled": True}).json()["ehf"] == {"enabled": True}
    assert api.put("/customers/nobody", json={}).status_code == 404


@pytest.mark.parametrize(("clears_with", "sent", "left"), [("text", "", ""), ("text", None, "ana@example.com"),
                                                             ("null", None, ""), ("null", "", "ana@example.com")])  # fmt: skip
def test_what_clears_a_field_is_a_dial(
    api: httpx.Client, till: FlowRetailTill, clears_with: str, sent: str | None, left: str
) -> None:
    ana = till.add(**ANA)
    till.turn(clears_with=clears_with)
    assert api.put(f"/customers/{ana}", json={"email": sent}).json()["email"] == left


def test_empty_values_in_three_spellings(api: httpx.Client, till: FlowRetailTill) -> None:
    ana = till.add(**ANA)
    assert api.get(f"/customers/{ana}").json()["city"] == ""
    till.turn(empty_form="null")
    assert api.get(f"/customers/{ana}").json()["city"] is None
    till.turn(empty_form="missing")
    assert "city" not in api.get("/customers").json()["items"][0]


@pytest.mark.parametrize("wrong", [{"mobile": "0151 123"}, {"email": "ana"}, {"countryCode": "DEU"}, {"ledgerNumber": "A7"},
                                   {"paymentTerms": "14"}, {"postalCode": 13355}, {"customerType": "PERSON"}, {"defaultStoreUid": ""}])  # fmt: skip
def test_validation(api: httpx.Client, till: FlowRetailTill, wrong: dict[str, Any]) -> None:
    assert api.post("/customers", json=ANA | wrong).status_code == 400
    till.turn(validation_status=422)
    assert api.post("/customers", json=ANA | wrong).status_code == 422
    assert till.customers() == {}


def test_validation_can_be_off_or_tidy_up(api: httpx.Client, till: FlowRetailTill) -> None:
    till.turn(mobile_form="compact")
    assert api.post("/customers", json=ANA | {"mobile": "+49 (151) 123-45"}).json()["mobile"] == "+4915112345"
    till.turn(mobile_form="verbatim", validation="none")
    assert api.post("/customers", json=ANA | {"mobile": "+49 151"}).json()["mobile"] == "+49 151"


def test_what_a_private_person_needs_is_a_dial(api: httpx.Client, till: FlowRetailTill) -> None:
    assert api.post("/customers", json={"firstname": "Ana"}).status_code == 201
    till.turn(person_needs=("firstname", "lastname", "countryCode"))
    assert api.post("/customers", json={"firstname": "Ana"}).status_code == 400
    assert api.post("/customers", json={"companyName": "Example AS", "customerType": "COMPANY"}).status_code == 201


@pytest.mark.parametrize(("value", "status"), [(404, 404), (204, 204)])
def test_delete_is_204_and_a_second_one_a_dial(
    api: httpx.Client, till: FlowRetailTill, value: int, status: int
) -> None:
    till.turn(second_delete=value)
    ana = till.add(**ANA)
    first = api.delete(f"/customers/{ana}")
    assert (first.status_code, first.content) == (204, b"")
    assert api.delete(f"/customers/{ana}").status_code == status
    assert api.delete("/customers/never-was").status_code == 404
    assert uids(api.get("/customers")) == []


def test_a_deleted_customer_is_404_410_or_a_shell(api: httpx.Client, till: FlowRetailTill) -> None:
    ana = till.add(**ANA)
    till.delete(ana)
    assert api.get(f"/customers/{ana}").status_code == 404
    till.turn(get_deleted="gone")
    assert api.get(f"/customers/{ana}").status_code == 410
    till.turn(get_deleted="shell")
    shell = api.get(f"/customers/{ana}").json()
    assert (shell["customerUid"], shell["firstname"], shell["email"]) == (ana, "", "")


def test_an_anonymised_customer_stays_in_the_list(api: httpx.Client, till: FlowRetailTill) -> None:
    ana = till.add(**ANA)
    till.anonymise(ana)
    item = api.get("/customers").json()["items"][0]
    assert (item["customerUid"], item["firstname"], item["email"], item["displayName"]) == (ana, "", "", "")


def test_permissions(api: httpx.Client, till: FlowRetailTill, running: Shop) -> None:
    ana = till.add(**ANA)
    till.turn(permissions=("TENANT.ACCESS",))
    assert api.get("/customers").status_code == 200
    assert api.delete(f"/customers/{ana}").status_code == 403
    assert api.post("/customers/batch", json={"create": [ANA], "delete": [{"customerUid": ana}]}).status_code == 403
    till.turn(batch_delete_denied="item")
    mixed = api.post("/customers/batch", json={"create": [ANA], "delete": [{"customerUid": ana}]})
    assert (mixed.status_code, mixed.json()["delete"][0]["status"]) == (207, 403)
    assert len(till.customers()) == 2
    till.turn(permissions=())
    assert api.get("/customers").status_code == 403
    assert api.get(f"{running.url('oslo')}/tenants/other/customers").status_code == 403
    till.lose_tokens()
    assert api.get("/customers").status_code == 401


def batch(till: FlowRetailTill) -> dict[str, Any]:
    ana, bo = till.add(**ANA), till.add(**ANA, externalId="hub-9")
    till.delete(ana)
    return {
        "create": [ANA | {"externalId": "hub-1"}, {"externalId": "hub-2", "email": "no"}],
        "update": [{"customerUid": bo, "city": "Oslo"}, {"customerUid": ana, "city": "Oslo"}],
        "delete": [{"customerUid": ana}],
        "upsert": [{"externalId": "hub-9", "city": "Bergen"}],
    }


def test_batch_form_a_has_one_list_per_operation(api: httpx.Client, till: FlowRetailTill) -> None:
    sent = batch(till)
    answer = api.post("/customers/batch", json=sent)
    body = answer.json()
    assert answer.status_code == 207
    assert {name: [item["status"] for item in items] for name, items in body.items()} == {
        "create": [201, 400],
        "update": [200, 404],
        "delete": [404],
        "upsert": [200],
    }
    assert body["create"][0]["externalId"] == "hub-1"
    assert body["create"][0]["customerUid"] in till.customers()
    assert (body["create"][1]["externalId"], body["create"][1]["error"]) == ("hub-2", {"message": "email is not valid"})
    assert [row["city"] for row in till.customers().values()] == ["Bergen", ""]


def test_a_batch_without_failures_is_200(api: httpx.Client) -> None:
    assert api.post("/customers/batch", json={"create": [ANA]}).status_code == 200


def test_batch_form_b_is_flat_and_c_only_what_failed_and_d_empty(api: httpx.Client, till: FlowRetailTill) -> None:
    till.turn(batch_form="B")
    flat = api.post("/customers/batch", json=batch(till)).json()["items"]
    assert [(item["operation"], item["status"]) for item in flat] == [
        ("create", 201),
        ("create", 400),
        ("update", 200),
        ("update", 404),
        ("delete", 404),
        ("upsert", 200),
    ]
    till.turn(batch_form="C")
    failed = api.post("/customers/batch", json=batch(till)).json()
    assert {name: [item["status"] for item in items] for name, items in failed.items()} == {
        "create": [400],
        "update": [404],
        "delete": [404],
    }
    till.turn(batch_form="D")
    answer = api.post("/customers/batch", json=batch(till))
    assert (answer.status_code, answer.content) == (207, b"")


def test_batch_results_reordered_without_status_and_under_200(api: httpx.Client, till: FlowRetailTill) -> None:
    till.turn(batch_order="reversed", batch_item_status=False, batch_status="always_200")
    answer = api.post("/customers/batch", json=batch(till))
    created = answer.json()["create"]
    assert answer.status_code == 200
    assert [item["externalId"] for item in created] == ["hub-2", "hub-1"]
    assert "error" in created[0]
    assert "status" not in created[0]


@pytest.mark.parametrize("status", [413, 400])
def test_too_large_a_batch_is_refused_as_a_whole(api: httpx.Client, till: FlowRetailTill, status: int) -> None:
    till.turn(batch_max=3, batch_max_status=status)
    assert api.post("/customers/batch", json={"create": [ANA] * 4}).status_code == status
    assert till.customers() == {}
    assert api.post("/customers/batch", json={"create": [ANA] * 3}).status_code == 200


@pytest.mark.parametrize(("value", "count"), [("matches", 1), ("inserts", 2)])
def test_upsert_matches_on_the_external_id_or_inserts(
    api: httpx.Client, till: FlowRetailTill, value: str, count: int
) -> None:
    till.turn(upsert=value)
    for _ in range(2):
        assert api.post("/customers/batch", json={"upsert": [ANA | {"externalId": "hub-1"}]}).status_code == 200
    assert len(till.customers()) == count


def test_extensions_export_store_view_and_external_search(api: httpx.Client, till: FlowRetailTill) -> None:
    ana = till.add(**ANA)
    path = f"/customers/{ana}/extensions/TWO_INVOICE"
    assert api.post(path, json={}).status_code == 400
    assert [e["extensionCode"] for e in api.post(path, json={"storeUid": "s1"}).json()["extensions"]] == ["TWO_INVOICE"]
    assert api.request("DELETE", path, json={"storeUid": "s1"}).status_code == 204
    assert till.customer(ana)["extensions"] == []
    assert api.get(f"/customers/{ana}/export").json()["customer"]["email"] == "ana@example.com"
    assert api.get(f"/stores/s1/customers/{ana}").json()["storeUid"] == "s1"
    assert api.post("/customers/search/external", json={"query": "x"}).status_code == 403
    till.turn(external_search=True)
    assert api.post("/customers/search/external", json={"query": "x"}).json()["items"] == []


@pytest.mark.parametrize("moves", [False, True])
def test_nested_addresses_and_contacts_may_move_the_stamp(api: httpx.Client, till: FlowRetailTill, moves: bool) -> None:
    till.turn(nested_moves_stamp=moves)
    ana = till.add(**ANA)
    before = till.customer(ana)["lastModifiedAt"]
    made = api.post(f"/customers/{ana}/addresses", json={"type": "DELIVERY_ADDRESS", "city": "Oslo"})
    assert made.status_code == 200
    assert (till.customer(ana)["lastModifiedAt"] != before) is moves
    assert api.get(f"/customers/{ana}/addresses/{made.json()['customerAddressUid']}").json()["city"] == "Oslo"
    assert api.post(f"/customers/{ana}/addresses", json={"city": "Oslo"}).status_code == 400
    assert api.post(f"/customers/{ana}/contacts", json={"firstname": "Bo"}).status_code == 400
    assert api.post(f"/customers/{ana}/contacts", json={"firstname": "Bo", "lastname": "Berg"}).status_code == 200
    assert [c["firstname"] for c in api.get(f"/customers/{ana}/contacts").json()["items"]] == ["Bo"]


@pytest.mark.parametrize(
    ("shape", "start_of_body"),
    [("message", '{"message"'), ("errors", '{"errorCode"'), ("empty", ""), ("html", "<html>")],
)
def test_error_bodies(api: httpx.Client, till: FlowRetailTill, shape: str, start_of_body: str) -> None:
    till.turn(error_body=shape)
    body = api.get("/customers/nobody").text
    assert body.startswith(start_of_body)
    assert bool(body) is bool(start_of_body)


@pytest.mark.parametrize(("value", "own"), [("ignored", False), ("taken", True)])
def test_a_chosen_uid(api: httpx.Client, till: FlowRetailTill, value: str, own: bool) -> None:
    till.turn(chosen_uid=value)
    assert (api.post("/customers", json=ANA | {"customerUid": "mine"}).json()["customerUid"] == "mine") is own
