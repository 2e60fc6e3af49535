"""Foodics passes the suite under every reading of its reference's section 13."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from connectors.base import Connector, Key, Settings
from connectors.foodics import Foodics
from connectors.simulators.dials import ALL_SCOPES, FoodicsDials
from connectors.simulators.foodics import FoodicsTill
from connectors.simulators.server import Handle, serve
from tests.conformance.suite import ConnectorSuite, Subject, quick  # noqa: F401 - a fixture


class FoodicsSubject(Subject):
    invalid: ClassVar[Mapping[str, Any]] = {"gender": 3}

    def __init__(self, till: FoodicsTill, base_url: str, oauth: bool) -> None:
        super().__init__()
        self.till, self._base_url = till, base_url
        self._auth = till.oauth_credentials if oauth else till.credentials

    def make(self, settings: Settings) -> Connector:
        return Foodics(settings, self.tokens)

    @property
    def settings(self) -> Settings:
        return Settings("riyadh", self._base_url, self._auth, 60_000, 20, timeout_s=5.0)

    def person(self, n: int) -> dict[str, Any]:
        return {
            "name": f"Sabine Quintus {n}",
            "dial_code": 49,
            "phone": f"17699988{n:04}",
            "email": f"Sabine{n}@example.com",
        }

    def fields(self, n: int) -> dict[str, Any]:
        return {**self.person(n), "birth_date": "1990-09-17", "gender": 2, "is_blacklisted": False}

    def changed(self, n: int) -> dict[str, Any]:
        return {"name": f"Sabine Privat-Note {n}"}

    def key(self, n: int, key: Key) -> str:
        return {"email": f"sabine{n}@example.com", "phone": f"+4917699988{n:04}"}[key]


@pytest.fixture(scope="module")
def server() -> Iterator[Handle]:
    # Without x-ratelimit headers: they rightly slow us down before the configured budget is used.
    with serve({"riyadh": FoodicsTill("riyadh", FoodicsDials(rate_headers=False))}) as handle:
        yield handle


def _subject(server: Handle, *, oauth: bool) -> Subject:
    till = server.tills["riyadh"]
    assert isinstance(till, FoodicsTill)
    till.reset()
    return FoodicsSubject(till, server.url("riyadh"), oauth)


class TestFoodics(ConnectorSuite):
    readings = (
        {},
        {"updated_after": "inclusive"},
        {"sort": "ignored"},
        {"sort": "refused"},
        {"descending": "refused"},
        {"ties": "shuffled"},
        {"ignored_filters": ("updated_after",)},
        {"ignored_filters": ("is_deleted",)},
        {"ignored_filters": ("phone", "dial_code", "email")},
        {"ignored_filters": ("*",)},
        {"text_filter": "contains"},
        {"per_page_over_50": "honour"},
        {"page_cap": 10},
        {"page_cap": 10, "past_page_cap": "refuse"},
        {"meta": "absent"},
        {"meta": "absent", "updated_after": "inclusive"},
        {"without_is_deleted": "both"},
        {"delete_moves_updated_at": True},
        {"get_deleted": "found"},
        {"duplicate_phone": "allow"},
        {"deleted_holds_phone": False},
        {"partial_put": "refused"},
        {"partial_put": "resets"},
        {"ungranted_fields": "refused"},
        {"booleans": "true"},
        {"booleans": "int"},
        {"booleans": "string"},
        {"dial_code": "string"},
        {"trunk_zero": "stripped"},
        {"includes": "always"},
        {"create_status": 201},
        {"delete_status": 204},
        {"restore_answer": "no_content"},
        {"restore_answer": "data"},
        {"token_lifetime_s": None},
        {"scopes": tuple(scope for scope in ALL_SCOPES if "accounts" not in scope and "loyalty" not in scope)},
    )

    @pytest.fixture
    def subject(self, server: Handle) -> Subject:
        return _subject(server, oauth=False)


class TestFoodicsWithRefreshTokens(ConnectorSuite):
    """The other way to authorise: tokens that expire and rotate."""

    readings = ({}, {"old_refresh_token": "lives"}, {"issues_refresh_token": True, "token_lifetime_s": None})

    @pytest.fixture
    def subject(self, server: Handle) -> Subject:
        return _subject(server, oauth=True)

    @pytest.fixture
    def connector(self, subject: Subject) -> Connector:
        connector = subject.open()
        connector.account()  # renews the token, so that the faults of the tests meet what they are meant for
        return connector
