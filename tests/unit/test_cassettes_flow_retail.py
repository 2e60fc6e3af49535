"""The wire format of every Flow Retail endpoint in use, pinned by cassettes (recorded against the simulator).

To record them against a test tenant of your own: FLOW_TENANT and FLOW_TOKEN in the environment, and
`--record-mode=rewrite --allowed-hosts=api.flowretail.com`. The test customers are deleted again where the test can.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import Gone, Record, Settings, Write
from connectors.flow_retail import FlowRetail
from connectors.simulators.flow_retail import FlowRetailTill
from connectors.simulators.server import serve
from tests.conformance.suite import MemoryTokens, walked
from tests.recording_text_ids import vcr_config as recording

pytestmark = pytest.mark.vcr

PUBLIC = "https://api.flowretail.com/v2"
ANA = {"firstname": "Ana", "lastname": "Schmidt", "email": "ana@example.com", "mobile": "+4915112345678"}
SENT = {*ANA.values(), *(f"our-{n}" for n in range(4)), *(f"our-{n}@example.com" for n in range(4)), "Oslo"}


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return recording(PUBLIC, SENT | {"DELIVERY_ADDRESS", "TWO_INVOICE"})


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    return "tests/cassettes/flow_retail"


@pytest.fixture
def settings(record_mode: str) -> Iterator[Settings]:
    """Of the tenant that is recorded: one's own where the environment names it, else a simulator's; or of nobody."""
    token, options = os.environ.get("FLOW_TOKEN", ""), {"tenant": os.environ.get("FLOW_TENANT", "acme")}
    if record_mode == "none" or token:
        yield Settings("oslo", PUBLIC, {"token": token or "t"}, None if token else 60_000, 2, options=options)
        return
    till = FlowRetailTill("acme")
    with serve({"oslo": till}) as handle:
        yield Settings("oslo", handle.url("oslo"), till.credentials, 60_000, 2, options=options)


@pytest.fixture
def connector(settings: Settings) -> Iterator[FlowRetail]:
    made = FlowRetail(settings, MemoryTokens())
    yield made
    made.close()


def made(connector: FlowRetail, *references: str) -> list[Record]:
    writes = [
        Write(name, "create", fields={**ANA, "email": f"{name}@example.com"}, reference=name) for name in references
    ]
    records = [result.record for result in connector.write(writes)]
    assert all(records)
    return [record for record in records if record]


def test_pull(connector: FlowRetail) -> None:
    made(connector, "our-1", "our-2", "our-3")
    full = walked(connector.walk(None, full=True))
    assert [record.reference for record in full.records] == ["our-1", "our-2", "our-3"]
    later = walked(connector.walk(full.ends[0].cursor, full=False))
    assert [record.reference for record in later.records] == ["our-3", "our-2", "our-1"]


def test_batch(connector: FlowRetail) -> None:
    first, second = made(connector, "our-1", "our-2")
    results = connector.write(
        [
            Write("a", "create", fields={**ANA, "email": "bad"}, reference="our-3"),
            Write("b", "update", first.record_id, {"city": "Oslo"}, first.payload),
            Write("c", "delete", second.record_id),
        ]
    )
    assert [(result.status, result.reason) for result in results] == [
        ("refused", "validation"),
        ("done", ""),
        ("done", ""),
    ]


def test_one_by_one(connector: FlowRetail) -> None:
    (created,) = connector.write([Write("a", "create", fields=ANA)])
    assert created.record
    connector._writer._has_batch = False
    (updated,) = connector.write([Write("b", "update", created.record.record_id, {"city": "Oslo"})])
    assert updated.record
    assert updated.record.payload["city"] == "Oslo"
    assert isinstance(connector.get(created.record.record_id), Record)
    assert connector.write([Write("c", "delete", created.record.record_id)])[0].status == "done"
    assert isinstance(connector.get(created.record.record_id), Gone)


def test_look_ups(connector: FlowRetail) -> None:
    (ana,) = made(connector, "our-1")
    assert connector.find("reference", "our-1") == [ana]
    assert connector.find("email", "our-1@example.com") == [ana]
    assert connector.find("phone", "+4915112345678") == [ana]
    assert connector.find("vat_number", "DE288362273") == []


def test_beyond_the_sync(connector: FlowRetail) -> None:
    (ana,) = made(connector, "our-1")
    assert connector.export(ana.record_id)
    assert connector.store_details("store-1", ana.record_id)
    assert connector.add_extension(ana.record_id, "TWO_INVOICE", "store-1")
    assert connector.remove_extension(ana.record_id, "TWO_INVOICE", "store-1")
    assert connector.add_address(ana.record_id, {"type": "DELIVERY_ADDRESS", "city": "Oslo"}).status == 200
    assert connector.add_contact(ana.record_id, {"firstname": "Bob", "lastname": "Ross"}).status == 200
    (address,) = connector.addresses(ana.record_id)
    assert connector.address(ana.record_id, address["customerAddressUid"]) == address
    assert len(connector.contacts(ana.record_id)) == 1
