"""Inventorum passes the suite, in versions 9 and 10 and under every reading of its reference's section 13."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from connectors.base import Connector, Settings
from connectors.inventorum import Inventorum
from connectors.simulators.inventorum import InventorumTill
from connectors.simulators.server import Handle, serve
from tests.conformance.suite import ConnectorSuite, Subject, quick  # noqa: F401 - a fixture


class InventorumSubject(Subject):
    invalid: ClassVar[Mapping[str, Any]] = {"title": "Prof."}

    def __init__(self, till: InventorumTill, base_url: str, version: int) -> None:
        super().__init__()
        self.till, self._base_url, self._version = till, base_url, version

    def make(self, settings: Settings) -> Connector:
        return Inventorum(settings, self.tokens)

    @property
    def settings(self) -> Settings:
        assert self.till is not None
        credentials = self.till.credentials
        return Settings(
            "berlin", self._base_url, credentials, 60_000, timeout_s=5.0, options={"api_version": self._version}
        )

    def person(self, n: int) -> dict[str, Any]:
        return {
            "first_name": "Sabine",
            "last_name": f"Quintus {n}",
            "email": f"sabine{n}@example.com",
            "phone_number": f"017699988{n:03}",
        }

    def fields(self, n: int) -> dict[str, Any]:
        return {**self.person(n), "billing_address.city": "Berlin", "billing_address.country": "DE"}

    def changed(self, n: int) -> dict[str, Any]:
        return {"note": f"privat-note {n}"}


@pytest.fixture(scope="module")
def server() -> Iterator[Handle]:
    with serve({"berlin": InventorumTill("berlin")}) as handle:
        yield handle


class TestInventorum(ConnectorSuite):
    readings = (
        {},
        {"create_status": 201},
        {"empty_address_members": "null"},
        {"blank_billing": "null"},
        {"get_one": "data_object"},
        {"get_one": "envelope"},
        {"limit_over_30": "refuse"},
        {"page_past_end": "not_found"},
        {"row_order": "newest_first"},
        {"row_order": "shuffled"},
        {"expired_status": 400},
        {"old_refresh_token": "lives"},
        {"refresh_refused_status": 401},
        {"birthday_form": "Z"},
        {"birthday_form": "+02:00"},
        {"no_phone": "null"},
        {"no_phone": "absent"},
        {"phones_in_v10": "list"},
        {"v10_shows": "last"},
        {"billing_write": "merge"},
        {"shipping_write": "append"},
        {"name_rule": "one"},
        {"channel_in_update": "refuse"},
        {"error_body": "detail"},
        {"error_body": "empty"},
        {"error_body": "html"},
        {"info": "not_found"},
        {"v9_code_key": "country_code"},
        {"v9_refused_key": "country_code"},
        {"v9_refused_key": "county_code"},
    )

    @pytest.fixture(params=[10, 9], ids=["v10", "v9"])
    def subject(self, server: Handle, request: pytest.FixtureRequest) -> Subject:
        till = server.tills["berlin"]
        assert isinstance(till, InventorumTill)
        till.reset()
        return InventorumSubject(till, server.url("berlin"), request.param)
