"""Flow Retail passes the suite under every reading of its reference's section 13."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from connectors.base import Connector, Key, Settings
from connectors.flow_retail import FlowRetail
from connectors.simulators.flow_retail import FlowRetailTill
from connectors.simulators.server import Handle, serve
from tests.conformance.suite import ConnectorSuite, Subject, quick  # noqa: F401 - a fixture


class FlowRetailSubject(Subject):
    invalid: ClassVar[Mapping[str, Any]] = {"email": "no e-mail"}

    def __init__(self, till: FlowRetailTill, base_url: str) -> None:
        super().__init__()
        self.till, self._base_url = till, base_url

    def make(self, settings: Settings) -> Connector:
        return FlowRetail(settings, self.tokens)

    @property
    def settings(self) -> Settings:
        assert self.till is not None
        return Settings(
            "oslo", self._base_url, self.till.credentials, 60_000, 20, timeout_s=5.0, options={"tenant": "acme"}
        )

    def person(self, n: int) -> dict[str, Any]:
        return {
            "firstname": "Sabine",
            "lastname": f"Quintus {n}",
            "email": f"Sabine{n}@example.com",
            "mobile": f"+4917699988{n:04}",
            "vatNumber": f"DE{n:09}",
        }

    def fields(self, n: int) -> dict[str, Any]:
        return {**self.person(n), "address": "Musterweg 1", "city": "Berlin", "countryCode": "DE"}

    def changed(self, n: int) -> dict[str, Any]:
        return {"internalNote": f"privat-note {n}"}

    def key(self, n: int, key: Key) -> str:
        return {"email": f"sabine{n}@example.com", "phone": f"+4917699988{n:04}", "vat_number": f"DE{n:09}"}[key]


@pytest.fixture(scope="module")
def server() -> Iterator[Handle]:
    with serve({"oslo": FlowRetailTill("acme")}) as handle:
        yield handle


class TestFlowRetail(ConnectorSuite):
    readings = (
        {},
        {"first_page": 0},
        {"page_zero": "empty"},
        {"page_zero": "first"},
        {"page_past_end": "not_found"},
        {"page_past_end": "refuse"},
        {"max_page_size": 7},
        {"sort": "ignored"},
        {"sort": "refused"},
        {"total_count": "missing"},
        {"total_count": "low"},
        {"total_count": "high"},
        {"external_id_filter": "substring"},
        {"external_id_filter": "ignored"},
        {"search_combines": "or"},
        {"duplicate_external_id": "conflict"},
        {"unique_fields": ("email", "mobile", "vatNumber")},
        {"validation_status": 422},
        {"mobile_form": "compact"},
        {"clears_with": "null"},
        {"empty_form": "null"},
        {"empty_form": "missing"},
        {"private_literal": "PERSON"},
        {"chosen_uid": "taken"},
        {"second_delete": 204},
        {"get_deleted": "gone"},
        {"get_deleted": "shell"},
        {"nested_moves_stamp": True},
        {"batch_form": "B"},
        {"batch_form": "C"},
        {"batch_form": "D"},
        {"batch_order": "reversed"},
        {"batch_status": "always_200"},
        {"batch_item_status": False},
        {"batch_max": 3},
        {"batch_max": 3, "batch_max_status": 400},
        {"batch_delete_denied": "item"},
        {"upsert": "inserts"},
        {"error_body": "errors"},
        {"error_body": "empty"},
        {"error_body": "html"},
        {"external_search": True},
    )

    @pytest.fixture
    def subject(self, server: Handle) -> Subject:
        till = server.tills["oslo"]
        assert isinstance(till, FlowRetailTill)
        till.reset()
        return FlowRetailSubject(till, server.url("oslo"))

    def test_check_changes_nothing_and_says_how_it_stands(self, subject: Subject, connector: Connector) -> None:
        """The permission to delete shows only by deleting (trap 17): somebody who cannot exist, so nothing changes."""
        subject.load(2)
        assert not [f for f in connector.check(need_write=True, need_delete=False) if f.level == "error"]
        assert subject.till
        assert subject.till.ledger.writes() == []
        assert not [f for f in connector.check(need_write=True, need_delete=True) if f.level == "error"]
        assert subject.till.ledger.changes() == []
        assert connector.account().identity == "acme"
