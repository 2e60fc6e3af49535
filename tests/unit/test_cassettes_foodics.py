"""The wire format of every Foodics endpoint in use, pinned by cassettes (recorded against the simulator).

To record them against a sandbox business of your own: FOODICS_TOKEN in the environment, and
`--record-mode=rewrite --allowed-hosts=api-sandbox.foodics.com`. The test customers are deleted again where the test can.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Gone, Record, Settings, Write
from connectors.foodics import Foodics
from connectors.foodics.oauth import exchange_code
from connectors.simulators.foodics import FoodicsTill
from connectors.simulators.server import serve
from tests.conformance.suite import MemoryTokens, walked
from tests.recording_text_ids import vcr_config as recording

pytestmark = pytest.mark.vcr

PUBLIC = "https://api-sandbox.foodics.com/v5"
ANA = {"name": "Ana Schmidt", "dial_code": 966, "phone": "512345678", "email": "ana@example.com"}
PHONES = [f"51234567{n}" for n in range(3)]
BACK = "https://example.com/back"


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return recording(PUBLIC, [*map(str, ANA.values()), *PHONES, "Ana", BACK])


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    return "tests/cassettes/foodics"


@pytest.fixture
def settings(record_mode: str) -> Iterator[Settings]:
    """Of the business that is recorded: one's own where the environment names it, else a simulator's; or of nobody."""
    token = os.environ.get("FOODICS_TOKEN", "")
    if record_mode == "none" or token:
        yield Settings("riyadh", PUBLIC, {"token": token or "t"}, None if token else 60_000)
        return
    till = FoodicsTill("riyadh")
    with serve({"riyadh": till}) as handle:
        yield Settings("riyadh", handle.url("riyadh"), till.credentials, 60_000)


@pytest.fixture
def connector(settings: Settings) -> Iterator[Foodics]:
    made = Foodics(settings, MemoryTokens())
    yield made
    made.close()


def made(connector: Foodics, **fields: Any) -> Record:
    (result,) = connector.write([Write("c", "create", fields={**ANA, **fields})])
    assert result.record
    return result.record


def test_account(connector: Foodics) -> None:
    assert connector.account().identity
    assert connector.settings()["business_timezone"] == "Asia/Riyadh"


def test_pull(connector: Foodics) -> None:
    ids = [made(connector, phone=phone).record_id for phone in PHONES]
    connector.write([Write("d", "delete", ids[1])])
    full = walked(connector.walk(None, full=True))
    assert [(r.record_id, r.deleted_at is not None) for r in full.records] == [
        (ids[0], False),
        (ids[2], False),
        (ids[1], True),
    ]
    later = walked(connector.walk(full.ends[0].cursor, full=False))
    assert ids[2] in later.live


def test_writes(connector: Foodics) -> None:
    ana = made(connector)
    (updated,) = connector.write(
        [Write("u", "update", ana.record_id, {"name": "Ana"}, ana.payload, frozenset({"name"}))]
    )
    assert updated.record
    assert updated.record.payload["name"] == "Ana"
    assert connector.write([Write("d", "delete", ana.record_id)])[0].status == "done"
    assert isinstance(connector.get(ana.record_id), Gone)
    (taken,) = connector.write([Write("c", "create", fields=ANA)])
    assert (taken.status, taken.reason) == ("refused", "phone_taken_deleted")
    assert connector.write([Write("r", "restore", ana.record_id)])[0].status == "done"


def test_look_ups(connector: Foodics) -> None:
    ana = made(connector)
    assert connector.find("phone", "+966512345678") == [ana]
    assert connector.find("email", "ana@example.com") == [ana]
    assert connector.find("phone", "+966587654321") == []


def test_authorisation(settings: Settings, record_mode: str) -> None:
    if record_mode != "none" and "FOODICS_TOKEN" in os.environ:
        pytest.skip("a code is good once, and a refresh token may rotate; the simulator's cassette stays")
    till = FoodicsTill("riyadh")
    oauth = replace(settings, auth=till.oauth_credentials)
    assert exchange_code(oauth, code=till.consent_code, redirect_uri=BACK)["access_token"]
    connector = Foodics(oauth, MemoryTokens())
    assert connector.account().identity  # which needs an access token first
    connector.close()
