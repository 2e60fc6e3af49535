"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """A test that configured logging for its own captured output must not leave that to the next one."""
    yield
    structlog.reset_defaults()
