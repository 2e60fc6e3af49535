"""The Foodics simulator against its API reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from connectors.simulators.dials import ALL_SCOPES
from connectors.simulators.foodics import FoodicsTill
from tests.simulators import Shop, start


@pytest.fixture(scope="module")
def running() -> Iterator[Shop]:
    with start() as shop:
        yield shop


@pytest.fixture
def till(running: Shop) -> FoodicsTill:
    running.reset()
    return running.riyadh


@pytest.fixture
def api(running: Shop, till: FoodicsTill) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {till.credentials['token']}", "Accept": "application/json"}
    with httpx.Client(base_url=running.url("riyadh"), headers=headers) as client:
        yield client


SARA = {"name": "Sara Harbi", "dial_code": 966, "phone": "512345678", "email": "sara@example.com"}


def rows(n: int) -> list[dict[str, Any]]:
    return [{"name": f"Guest {i}", "phone": f"5{i:08d}"} for i in range(n)]


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


def without(*scopes: str) -> tuple[str, ...]:
    return tuple(scope for scope in ALL_SCOPES if scope not in scopes)


def test_create_answers_data_with_whole_second_stamps(api: httpx.Client, till: FoodicsTill) -> None:
    answer = api.post("/customers", json=SARA | {"gender": 2, "birth_date": "1990-09-17", "house_account_balance": 300})
    body = answer.json()["data"]
    assert answer.status_code == 200
    assert (body["created_at"], body["updated_at"], body["deleted_at"]) == (
        "2026-01-05 08:00:01",
        "2026-01-05 08:00:01",
        None,
    )
    assert (body["dial_code"], body["phone"], body["gender"]) == (966, "512345678", 2)
    assert body["house_account_balance"] == 0  # money is not updatable
    assert (body["is_blacklisted"], body["is_loyalty_enabled"]) == (False, 0)  # the sample's mixture
    assert "tags" not in body
    assert list(till.customers()) == [body["id"]]


def test_the_envelope_is_laravels_and_next_has_only_the_page(api: httpx.Client, till: FoodicsTill) -> None:
    till.load(rows(58))
    body = api.get("/customers", params={"filter[dial_code]": 966, "per_page": 500}).json()
    meta = body["meta"]
    assert (meta["current_page"], meta["from"], meta["to"], meta["last_page"], meta["per_page"], meta["total"]) == (
        1, 1, 50, 2, 50, 58,
    )  # fmt: skip
    assert urlsplit(body["links"]["next"]).query == "page=2"
    assert len(api.get("/customers", params={"page": 2}).json()["data"]) == 8
    past = api.get("/customers", params={"page": 3}).json()
    assert (past["data"], past["meta"]["from"], past["links"]["next"]) == ([], None, None)


def test_paging_dials(api: httpx.Client, till: FoodicsTill) -> None:
    till.load(rows(60))
    till.turn(per_page_over_50="honour")
    assert len(ids(api.get("/customers", params={"per_page": 500}))) == 60
    till.turn(meta="absent")
    assert list(api.get("/customers").json()) == ["data"]
    till.turn(page_cap=1)
    assert ids(api.get("/customers", params={"page": 2})) == []
    till.turn(past_page_cap="refuse")
    assert api.get("/customers", params={"page": 2}).status_code == 400


@pytest.mark.parametrize(("boundary", "expected"), [("exclusive", [2]), ("inclusive", [1, 2])])
def test_updated_after_and_its_boundary(
    api: httpx.Client, till: FoodicsTill, boundary: str, expected: list[int]
) -> None:
    till.turn(updated_after=boundary)
    made = [till.add(**row) for row in rows(3)]
    stamp = till.customer(made[1])["updated_at"]
    for sort in ("updated_at", "created_at"):
        query = {"sort": sort, "filter[updated_after]": stamp}
        assert ids(api.get("/customers", params=query)) == [made[i] for i in expected]
    down = {"sort": "-updated_at", "filter[updated_after]": stamp}
    assert ids(api.get("/customers", params=down)) == [made[i] for i in reversed(expected)]
    assert len(ids(api.get("/customers", params={"sort": "updated_at", "filter[updated_after]": "2026-01-05"}))) == 3
    assert api.get("/customers", params={"filter[updated_after]": "yesterday"}).status_code == 422


def test_many_rows_in_one_second_and_the_order_of_ties(api: httpx.Client, till: FoodicsTill) -> None:
    till.clock.step_s = 0
    made = [till.add(**row) for row in rows(60)]
    till.clock.step_s = 1
    stamps = {row["updated_at"] for row in till.customers().values()}
    assert len(stamps) == 1
    assert ids(api.get("/customers", params={"sort": "updated_at"})) == made[:50]
    till.turn(ties="shuffled")
    first, second = (ids(api.get("/customers", params={"sort": "updated_at"})) for _ in range(2))
    assert first != second


def test_sorting_and_its_dials(api: httpx.Client, till: FoodicsTill) -> None:
    a, b, c = (till.add(**row) for row in rows(3))
    till.edit(a, name="Changed")
    assert ids(api.get("/customers")) == [c, b, a]  # newest first by default
    assert ids(api.get("/customers", params={"sort": "-updated_at"})) == [a, c, b]
    assert ids(api.get("/customers", params={"sort": "updated_at,id"})) == [b, c, a]
    assert api.get("/customers", params={"sort": "shoe_size"}).status_code == 400
    till.turn(descending="refused")
    assert api.get("/customers", params={"sort": "-updated_at"}).status_code == 400
    till.turn(sort="ignored")
    assert ids(api.get("/customers", params={"sort": "updated_at"})) == [c, b, a]
    till.turn(sort="refused")
    assert api.get("/customers", params={"sort": "updated_at"}).status_code == 400


def test_filters(api: httpx.Client, till: FoodicsTill) -> None:
    sara = till.add(**SARA, tags=["8d06aaa0"], is_blacklisted=True)
    omar = till.add(name="Omar", dial_code=971, phone="1512345678", email="omar@example.com", order_count=3)

    def found(**filters: Any) -> list[str]:
        return sorted(
            ids(api.get("/customers", params={f"filter[{k.replace('__', '.')}]": v for k, v in filters.items()}))
        )

    assert found(phone="512345678", dial_code=966) == [sara]
    assert found(phone="512345678", dial_code=971) == []
    assert found(name="sara") == [sara]
    assert found(email="SARA@example.com") == [sara]
    assert found(is_blacklisted="true") == [sara]
    assert found(is_blacklisted="0") == [omar]
    assert found(has_orders="true") == [omar]
    assert found(tags__id="8d06aaa0,zzz") == [sara]
    assert found(shoe_size="43") == sorted([sara, omar])  # unknown: ignored
    till.turn(text_filter="contains")
    assert found(phone="512345678") == sorted([sara, omar])
    till.turn(ignored_filters=("phone",))
    assert found(phone="000", dial_code=966) == [sara]
    till.turn(ignored_filters=("*",))
    assert found(phone="000", dial_code=1) == sorted([sara, omar])


def test_soft_delete_and_restore(api: httpx.Client, till: FoodicsTill) -> None:
    sara = api.post("/customers", json=SARA).json()["data"]["id"]
    stamp = till.customer(sara)["updated_at"]
    gone = api.delete(f"/customers/{sara}")
    assert (gone.status_code, gone.content) == (200, b"")
    assert ids(api.get("/customers")) == []
    assert ids(api.get("/customers", params={"filter[is_deleted]": "false"})) == []
    row = api.get("/customers", params={"filter[is_deleted]": "true"}).json()["data"][0]
    assert (row["id"], row["deleted_at"], row["updated_at"]) == (sara, "2026-01-05 08:00:02", stamp)
    assert api.get(f"/customers/{sara}").status_code == 404
    assert api.put(f"/customers/{sara}", json=SARA).status_code == 404
    assert api.delete(f"/customers/{sara}").status_code == 404
    back = api.put(f"/customers/{sara}/restore")
    assert (back.status_code, back.content) == (200, b"")
    assert api.get(f"/customers/{sara}").json()["data"]["deleted_at"] is None
    assert api.put(f"/customers/{sara}/restore").status_code == 404
    assert [change.operation for change in till.ledger.changes()] == ["create", "delete", "restore"]


def test_deletion_dials(api: httpx.Client, till: FoodicsTill) -> None:
    till.turn(
        delete_moves_updated_at=True,
        delete_status=204,
        restore_answer="data",
        get_deleted="found",
        without_is_deleted="both",
    )
    sara = till.add(**SARA)
    stamp = till.customer(sara)["updated_at"]
    assert api.delete(f"/customers/{sara}").status_code == 204
    assert api.get(f"/customers/{sara}").json()["data"]["deleted_at"]
    assert ids(api.get("/customers")) == [sara]
    assert till.deleted()[sara]["updated_at"] > stamp
    assert api.put(f"/customers/{sara}/restore").json()["data"]["id"] == sara
    till.delete(sara)
    till.turn(restore_answer="no_content")
    assert api.put(f"/customers/{sara}/restore").status_code == 204
    till.purge(sara)
    assert api.get(f"/customers/{sara}").status_code == 404
    assert till.deleted() == {}


def test_a_taken_phone_is_422_also_when_a_deleted_customer_holds_it(api: httpx.Client, till: FoodicsTill) -> None:
    sara = till.add(**SARA)
    taken = api.post("/customers", json=SARA)
    assert (taken.status_code, list(taken.json()["errors"])) == (422, ["phone"])
    assert api.post("/customers", json=SARA | {"dial_code": 971}).status_code == 200
    till.delete(sara)
    assert api.post("/customers", json=SARA).status_code == 422
    till.turn(deleted_holds_phone=False)
    assert api.post("/customers", json=SARA).status_code == 200
    assert api.put(f"/customers/{sara}/restore").status_code == 422
    till.turn(duplicate_phone="allow")
    assert api.post("/customers", json=SARA).status_code == 200
    till.turn(duplicate_phone="refuse")
    other = till.add(**SARA | {"phone": "599999999"})
    assert api.put(f"/customers/{other}", json=SARA).status_code == 422
    assert api.put(f"/customers/{other}", json=SARA | {"phone": "599999999"}).status_code == 200


@pytest.mark.parametrize("missing", ["name", "dial_code", "phone"])
def test_create_needs_name_dial_code_and_phone(api: httpx.Client, missing: str) -> None:
    answer = api.post("/customers", json={name: value for name, value in SARA.items() if name != missing})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [missing])


@pytest.mark.parametrize("wrong", [{"gender": 3}, {"birth_date": "2030-01-01"}, {"birth_date": "17.09.1990"}, {"phone": 512345678},
                                   {"phone": "+966512345678"}, {"email": "sara"}, {"is_blacklisted": "yes"}, {"name": " "},
                                   {"tags": [{"id": "unknown"}]}, {"dial_code": None}])  # fmt: skip
def test_validation_is_422_and_names_the_field(api: httpx.Client, till: FoodicsTill, wrong: dict[str, Any]) -> None:
    answer = api.post("/customers", json=SARA | wrong)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, list(wrong))
    assert till.customers() == {}


def test_put_partial_refused_or_resetting(api: httpx.Client, till: FoodicsTill) -> None:
    sara = till.add(**SARA, gender=2, tags=["8d06aaa0"])
    path = f"/customers/{sara}"
    assert api.put(path, json={"name": "Sara"}).json()["data"]["email"] == "sara@example.com"
    till.turn(partial_put="refused")
    assert api.put(path, json={"name": "Sara"}).status_code == 422
    till.turn(partial_put="resets")
    body = api.put(path, json={"name": "Sara"}, params={"include": "tags"}).json()["data"]
    assert (body["email"], body["gender"], body["tags"], body["phone"]) == (None, None, [], "512345678")


def test_tags_and_addresses_come_when_included(api: httpx.Client, till: FoodicsTill) -> None:
    sara = till.add(**SARA, tags=["8d06aaa0"], addresses=[{"id": "a1", "delivery_zone": {"id": "z1"}}])
    assert not {"tags", "addresses"} & set(api.get(f"/customers/{sara}").json()["data"])
    row = api.get("/customers", params={"include": "tags,addresses"}).json()["data"][0]
    assert (row["tags"], row["addresses"]) == ([{"id": "8d06aaa0"}], [{"id": "a1"}])
    deep = api.get(f"/customers/{sara}", params={"include": "addresses,addresses.delivery_zone"}).json()["data"]
    assert deep["addresses"] == [{"id": "a1", "delivery_zone": {"id": "z1"}}]
    till.turn(includes="always")
    assert api.get(f"/customers/{sara}").json()["data"]["tags"] == [{"id": "8d06aaa0"}]
    replaced = api.put(f"/customers/{sara}", json={"tags": [{"id": "fhhsd8r5"}]}).json()["data"]["tags"]
    assert replaced == [{"id": "fhhsd8r5"}]
    assert {tag["id"] for tag in api.get("/tags").json()["data"]} == {"8d06aaa0", "fhhsd8r5"}


@pytest.mark.parametrize(("scope", "method", "path"), [
    ("customers.list", "GET", "/customers"), ("customers.get", "GET", "/customers/{id}"),
    ("customers.write", "POST", "/customers"), ("customers.write", "PUT", "/customers/{id}"),
    ("admin.write", "DELETE", "/customers/{id}"), ("admin.restore", "PUT", "/customers/{id}/restore"),
])  # fmt: skip
def test_a_missing_scope_is_403(api: httpx.Client, till: FoodicsTill, scope: str, method: str, path: str) -> None:
    sara = till.add(**SARA)
    till.turn(scopes=without(scope))
    answer = api.request(method, path.format(id=sara), json=SARA if method != "GET" else None)
    assert (answer.status_code, answer.json()) == (403, {"message": "This action is unauthorized."})
    till.turn(scopes=(scope,))
    assert api.request(method, path.format(id=sara), json=SARA if method != "GET" else None).status_code != 403


def test_fields_behind_a_missing_read_scope_are_absent(api: httpx.Client, till: FoodicsTill) -> None:
    sara = till.add(**SARA)
    hidden = {"house_account_limit", "house_account_balance", "loyalty_balance"}
    assert hidden <= set(api.get(f"/customers/{sara}").json()["data"])
    till.turn(scopes=without("customers.accounts.read", "customers.loyalty.read"))
    assert not hidden & set(api.get(f"/customers/{sara}").json()["data"])


@pytest.mark.parametrize(("value", "status"), [("ignored", 200), ("refused", 403)])
def test_fields_behind_a_missing_write_scope(api: httpx.Client, till: FoodicsTill, value: str, status: int) -> None:
    till.turn(scopes=without("customers.loyalty.write"), ungranted_fields=value)
    sara = till.add(**SARA)
    assert api.put(f"/customers/{sara}", json={"is_loyalty_enabled": True}).status_code == status
    assert till.customer(sara)["is_loyalty_enabled"] is False


@pytest.mark.parametrize(("form", "blacklisted", "loyalty"), [("sample", True, 1), ("true", True, True), ("int", 1, 1),
                                                              ("string", "1", "1")])  # fmt: skip
def test_booleans_in_four_spellings(
    api: httpx.Client, till: FoodicsTill, form: str, blacklisted: Any, loyalty: Any
) -> None:
    till.turn(booleans=form)
    sara = till.add(**SARA, is_blacklisted=True, is_loyalty_enabled=True)
    body = api.get(f"/customers/{sara}").json()["data"]
    assert (body["is_blacklisted"], body["is_loyalty_enabled"]) == (blacklisted, loyalty)
    assert (type(body["is_blacklisted"]), type(body["is_loyalty_enabled"])) == (type(blacklisted), type(loyalty))


def test_dial_code_and_trunk_zero_dials(api: httpx.Client, till: FoodicsTill) -> None:
    till.turn(dial_code="string", trunk_zero="stripped", create_status=201)
    answer = api.post("/customers", json=SARA | {"phone": "0512345678", "dial_code": "966"})
    assert answer.status_code == 201
    assert (answer.json()["data"]["dial_code"], answer.json()["data"]["phone"]) == ("966", "512345678")
    till.turn(trunk_zero="kept")
    assert api.post("/customers", json=SARA | {"phone": "0512345678"}).json()["data"]["phone"] == "0512345678"


def token(running: Shop, **body: Any) -> httpx.Response:
    oauth = running.riyadh.oauth_credentials
    client = {"client_id": oauth["client_id"], "client_secret": oauth["client_secret"]}
    return httpx.post(f"{running.handle.root}/riyadh/oauth/token", json=client | body)


def test_a_refresh_rotates(running: Shop, api: httpx.Client, till: FoodicsTill) -> None:
    old = till.oauth_credentials["refresh_token"]
    pair = token(running, grant_type="refresh_token", refresh_token=old).json()
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 1_209_600)
    api.headers["Authorization"] = f"Bearer {pair['access_token']}"
    assert api.get("/whoami").status_code == 200
    assert token(running, grant_type="refresh_token", refresh_token=old).status_code == 400
    assert token(running, grant_type="refresh_token", refresh_token=pair["refresh_token"]).status_code == 200
    assert httpx.post(f"{api.base_url}oauth/token", json={}).status_code == 404  # section 2: no /v5 in this path


def test_consent_gives_a_code_good_once_with_or_without_refresh_token(running: Shop, till: FoodicsTill) -> None:
    query = {"client_id": till.oauth_credentials["client_id"], "redirect_uri": "http://127.0.0.1:1/back", "state": "s7"}
    back = httpx.get(f"{running.handle.root}/riyadh/authorize", params=query | {"response_type": "code"})
    sent = parse_qs(urlsplit(back.headers["location"]).query)
    assert (back.status_code, sent["state"]) == (302, ["s7"])
    code = sent["code"][0]
    till.turn(issues_refresh_token=False, token_lifetime_s=None)
    pair = token(running, grant_type="authorization_code", code=code, redirect_uri=query["redirect_uri"]).json()
    assert set(pair) == {"token_type", "access_token"}
    assert token(running, grant_type="authorization_code", code=code).status_code == 400
    refused = token(running, grant_type="refresh_token", refresh_token=till.oauth_credentials["refresh_token"])
    assert refused.status_code == 400


def test_whoami_and_settings(api: httpx.Client, till: FoodicsTill) -> None:
    who = api.get("/whoami").json()["data"]
    assert (who["business"]["id"], "customers.list" in who["scopes"]) == ("business-riyadh", True)
    assert api.get("/settings").json()["data"] == {"business_timezone": "Asia/Riyadh", "business_currency": "SAR"}


def test_the_word_bearer_is_case_sensitive_and_errors_may_be_html(api: httpx.Client, till: FoodicsTill) -> None:
    lower = {"Authorization": f"bearer {till.credentials['token']}"}
    assert api.get("/customers", headers=lower).status_code == 401
    assert api.get("/customers", headers=lower).json() == {"message": "Unauthenticated."}
    assert api.get("/customers", headers=lower | {"Accept": "*/*"}).text.startswith("<html>")


def test_an_order_moves_updated_at_and_nothing_personal(api: httpx.Client, till: FoodicsTill) -> None:
    sara = till.add(**SARA)
    before = till.customer(sara)
    till.touch(sara)
    after = till.customer(sara)
    assert {name for name in after if after[name] != before[name]} == {"updated_at", "order_count", "last_order_at"}


def test_the_rate_limit_tells_what_is_left(api: httpx.Client, till: FoodicsTill) -> None:
    till.turn(rate_limit=2)
    left = [api.get("/customers").headers["x-ratelimit-remaining"] for _ in range(2)]
    over = api.get("/customers")
    assert left == ["1", "0"]
    assert (over.status_code, over.headers["retry-after"], over.headers["x-ratelimit-limit"]) == (429, "60", "2")
    till.turn(rate_limit=None)
    assert "x-ratelimit-limit" not in api.get("/customers").headers
