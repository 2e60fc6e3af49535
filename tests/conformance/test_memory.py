"""The reference connector passes its own suite, as the richest and as the poorest kind of system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Capabilities, Connector, Key, Settings
from connectors.memory import ALL, Memory, world
from tests.conformance.suite import ConnectorSuite, Subject, quick  # noqa: F401 - a fixture

POOR = replace(
    ALL,
    changes="full",
    deletions="absence",
    stamps=False,
    reference=False,
    find_by=frozenset(),
    batch_size=1,
    operations=frozenset({"create", "update"}),
)


class MemorySubject(Subject):
    def __init__(self, capabilities: Capabilities) -> None:
        super().__init__()
        self.world = world("conformance", capabilities)

    def make(self, settings: Settings) -> Connector:
        return Memory(settings, self.tokens)

    @property
    def settings(self) -> Settings:
        return Settings("till", "memory:conformance", {})

    def person(self, n: int) -> dict[str, Any]:
        return {
            "given": "Sabine",
            "family": f"Quintus {n}",
            "email": f"s{n}@example.com",
            "phone": f"+4917699988{n:03}",
            "vat": f"DE{n:09}",
        }

    def fields(self, n: int) -> dict[str, Any]:
        return self.person(n)

    def changed(self, n: int) -> dict[str, Any]:
        return {"note": f"privat-note {n}"}

    def key(self, n: int, key: Key) -> str:
        return str(self.person(n)["vat" if key == "vat_number" else key])

    def add(self, n: int) -> str:
        return self.world.add(**self.person(n), note="")

    def load(self, count: int) -> list[str]:
        return [self.add(n) for n in range(count)]

    def edit(self, record_id: str, n: int = 0) -> None:
        self.world.edit(record_id, **self.changed(n))

    def delete(self, record_id: str) -> None:
        self.world.delete(record_id)

    def during_walk(self, after: int, action: Callable[[], object]) -> None:
        left = after

        def count() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                action()

        self.world.between_pages = count

    def held(self) -> dict[str, dict[str, Any]]:
        return self.world.customers()


class TestMemory(ConnectorSuite):
    @pytest.fixture(params=[ALL, POOR], ids=["rich", "poor"])
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        return MemorySubject(request.param)
