"""Connectors and mappings together, end to end: nothing is lost through a system that can say less, and nothing is sent that is not ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.simulators.dials import ALL_SCOPES
from tests.engine import Workshop
from tests.laws import disagreements, quiet
from tests.simulators import Shop, start

HOME = {"address1": "Voltastrasse", "address2": "5", "zipcode": "13355", "city": "Berlin", "country": "DE"}
CABIN = [
    {"address1": "Hüttenweg 1", "city": "Garmisch", "country": "DE"},
    {"address1": "Seestr. 2", "city": "Lindau", "country": "DE"},
]


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with start() as running:
        yield running


@pytest.fixture
def w(shop: Shop, tmp_path: Path) -> Workshop:
    shop.reset()
    return Workshop(tmp_path, shop)


def only(shop: Shop, till: str) -> dict[str, Any]:
    ((_, row),) = shop.tills[till].customers().items()
    return row


def bodies(shop: Shop, till: str) -> list[Any]:
    return [json.loads(entry.body) for entry in shop.tills[till].ledger.writes() if entry.body]


def test_a_name_in_parts_survives_the_one_field_of_foodics(w: Workshop) -> None:
    """Ana Maria von der Schmidt: one field there, an unrelated edit there, and still the same parts here."""
    ana = w.shop.berlin.add(
        first_name="Ana Maria", last_name="von der Schmidt", email="ana@example.com", phone_number="+4915112345001"
    )
    w.backfill()
    narrow = only(w.shop, "riyadh")
    assert narrow["name"] == "Ana Maria von der Schmidt"
    w.shop.riyadh.edit(narrow["id"], email="ana.maria@example.com")
    w.sync()
    row = w.shop.berlin.customer(ana)
    assert (row["first_name"], row["last_name"], row["email"]) == (
        "Ana Maria",
        "von der Schmidt",
        "ana.maria@example.com",
    )
    w.shop.riyadh.edit(narrow["id"], name="Ana Maria Weber")
    w.sync()
    row = w.shop.berlin.customer(ana)
    assert f"{row['first_name']} {row['last_name']}" == "Ana Maria Weber", "a real edit of the one field travels"
    assert (disagreements(w), quiet(w)) == ([], 0)


@pytest.mark.parametrize(("shipping_write", "billing_write"), [("replace", "replace"), ("append", "merge")])
def test_other_addresses_keep_their_ids_and_are_neither_dropped_nor_doubled(
    w: Workshop, shipping_write: str, billing_write: str
) -> None:
    """Whatever a sent array or a partial address does there (reference of Inventorum, 6.5)."""
    w.shop.berlin.turn(shipping_write=shipping_write, billing_write=billing_write)
    ana = w.shop.berlin.add(
        first_name="Ana", last_name="Berg", email="ana@example.com", phone_number="+4915112345001",
        billing_address={**HOME, "title": "Mrs.", "first_name": "Ana", "last_name": "Berg"}, shipping_address=CABIN,
    )  # fmt: skip
    before = w.shop.berlin.customer(ana)
    assert len({address["id"] for address in before["shipping_address"]}) == 2
    w.backfill()
    oslo = only(w.shop, "oslo")
    w.shop.oslo.edit(oslo["customerUid"], address="Voltastrasse 7", email="ana.berg@example.com")
    w.sync()
    after = w.shop.berlin.customer(ana)
    assert after["email"] == "ana.berg@example.com"
    assert after["shipping_address"] == before["shipping_address"]
    billing = after["billing_address"]
    assert (billing["address1"], billing["address2"]) == ("Voltastrasse", "7")
    assert {key: billing[key] for key in ("zipcode", "city", "title", "first_name", "last_name")} == {
        "zipcode": "13355", "city": "Berlin", "title": "Mrs.", "first_name": "Ana", "last_name": "Berg",
    }  # fmt: skip
    assert (disagreements(w), quiet(w)) == ([], 0)


def test_a_house_account_balance_is_never_sent(w: Workshop) -> None:
    w.shop.riyadh.add(
        name="Sara Haddad", dial_code=966, phone="512345678", email="sara@example.com",
        is_house_account_enabled=True, house_account_limit=500, house_account_balance=120.5,
    )  # fmt: skip
    berlin = w.shop.berlin.add(
        first_name="Sara", last_name="Haddad", email="sara@example.com", phone_number="+966512345678"
    )
    w.backfill()
    w.shop.berlin.edit(berlin, email="sara.haddad@example.com")
    w.sync()
    row = only(w.shop, "riyadh")
    assert row["email"] == "sara.haddad@example.com"
    assert (row["house_account_balance"], row["house_account_limit"]) == (120.5, 500)
    assert bodies(w.shop, "riyadh")
    assert all("house_account_balance" not in body for body in bodies(w.shop, "riyadh"))


@pytest.mark.parametrize("ungranted", ["ignored", "refused"])
def test_fields_hidden_by_a_missing_scope_are_never_cleared(w: Workshop, ungranted: str) -> None:
    """A token without the scope neither sees nor erases what the till knows."""
    sara = w.shop.riyadh.add(
        name="Sara Haddad", dial_code=966, phone="512345678", email="sara@example.com", birth_date="1986-09-17", gender=2,
        is_house_account_enabled=True, house_account_limit=500, is_loyalty_enabled=True,
    )  # fmt: skip
    whole = dict(w.shop.riyadh.customer(sara))
    berlin = w.shop.berlin.add(
        first_name="Sara", last_name="Haddad", email="sara@example.com", phone_number="+966512345678"
    )
    w.shop.riyadh.turn(
        scopes=("customers.list", "customers.get", "customers.write", "admin.write"), ungranted_fields=ungranted
    )
    w.backfill()
    w.shop.berlin.edit(berlin, last_name="Hadad")
    w.sync()
    w.shop.riyadh.turn(scopes=ALL_SCOPES)
    row = w.shop.riyadh.customer(sara)
    assert row["name"] == "Sara Hadad"
    moving = {"name", "updated_at", "email", "phone", "dial_code"}
    assert {k: v for k, v in row.items() if k not in moving} == {k: v for k, v in whole.items() if k not in moving}
