"""The wire format of every Inventorum endpoint in use, pinned by cassettes (recorded against the simulator).

How to record them against an account of your own is in `tests/recording.py`; the test customer is deleted again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Gone, Page, Record, Settings, Write
from connectors.inventorum import Inventorum
from connectors.simulators.inventorum import InventorumTill
from connectors.simulators.server import serve
from tests.conformance.suite import MemoryTokens
from tests.recording import vcr_config as recording

PUBLIC = "https://app.inventorum.com/api"
SENT = {
    "first_name": "Sabine",
    "last_name": "Beispiel",
    "email": "sabine@example.com",
    "phone_number": "030 23125000",
    "billing_address.address1": "Musterweg",
    "billing_address.address2": "5",
    "billing_address.city": "Berlin",
    "billing_address.country": "DE",
}


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return recording(PUBLIC, [*SENT.values(), "changed by a test"])


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    return "tests/cassettes/inventorum"


@pytest.fixture
def settings(record_mode: str) -> Iterator[Settings]:
    """Of the account that is recorded: one's own where the environment names it, else a simulator's; or of nobody."""
    access = os.environ.get("INVENTORUM_ACCESS_TOKEN", "")
    if record_mode == "none" or access:
        yield Settings("berlin", PUBLIC, {"access_token": access or "a", "refresh_token": "r", "client_id": "c"})
        return
    till = InventorumTill("berlin")
    till.load([{"first_name": f"A{n}", "last_name": "B", "phone_number": "030 23125000"} for n in range(31)])
    with serve({"berlin": till}) as handle:
        yield Settings("berlin", handle.url("berlin"), till.credentials, 60_000)


@pytest.fixture
def connector(settings: Settings) -> Iterator[Inventorum]:
    made = Inventorum(settings, MemoryTokens())
    yield made
    made.close()


@pytest.mark.vcr
def test_list(connector: Inventorum, vcr: Any) -> None:
    first = next(iter(connector.walk(None, full=True)))
    assert isinstance(first, Page)
    assert 0 < len(first.records) <= 30
    assert first.rejects == ()
    assert vcr.requests[0].uri == f"{PUBLIC}/customers/?limit=30&page=1"
    assert vcr.requests[0].headers["x-api-version"] == "10"
    assert {"id", "first_name", "billing_address", "phone_number"} <= set(first.records[0].payload)
    assert "total_sales" not in first.records[0].payload


@pytest.mark.vcr
def test_create_get_update_delete(connector: Inventorum) -> None:
    (created,) = connector.write([Write("c", "create", fields=SENT)])
    assert created.status == "done"
    assert created.record is not None
    assert created.record.payload["billing_address"]["address1"] == "Musterweg"
    record_id = created.record.record_id

    found = connector.get(record_id)
    assert isinstance(found, Record)
    assert found.payload["email"] == "sabine@example.com"

    changes = {"note": "changed by a test", "billing_address.address2": "7"}
    (updated,) = connector.write([Write("u", "update", record_id, changes, found.payload)])
    assert updated.status == "done"
    assert updated.record is not None
    assert updated.record.payload["note"] == "changed by a test"

    assert connector.write([Write("d", "delete", record_id)])[0].status == "done"
    assert isinstance(connector.get(record_id), Gone)


@pytest.mark.vcr
def test_refused(connector: Inventorum) -> None:
    (result,) = connector.write([Write("c", "create", fields={"first_name": "Sabine"})])
    assert (result.status, result.reason, result.http_status) == ("refused", "validation", 400)


@pytest.mark.vcr
def test_account_and_favourites(connector: Inventorum) -> None:
    assert connector.account().identity
    assert list(connector.favourites()) == []


@pytest.mark.vcr
def test_refresh(settings: Settings, record_mode: str) -> None:
    if record_mode != "none" and "INVENTORUM_ACCESS_TOKEN" in os.environ:
        pytest.skip("would rotate the real refresh token away; the simulator's cassette stays")
    store = MemoryTokens()
    connector = Inventorum(replace(settings, auth={**settings.auth, "access_token": "expired"}), store)
    assert connector.account().identity
    connector.close()
    assert store.saves[0]["access_token"]
    assert store.saves[0]["expires_at"]
