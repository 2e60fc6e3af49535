"""Logs carry what happened, never a secret or a customer's value (law 13)."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from pipeline import log

SECRETS = ["s3cret-token", "ana@example.com", "+49 151 12345678", "+4915112345678", "Ana Berg", "DE288362273"]


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True)


def lines(form: str, level: str = "debug") -> tuple[io.StringIO, structlog.typing.FilteringBoundLogger]:
    out = io.StringIO()
    log.configure(level=level, form=form, out=out)
    return out, structlog.get_logger()


@pytest.mark.parametrize("form", ["console", "json"])
def test_secrets_and_values_never_come_through(form: str) -> None:
    """By key, inside nested values, inside text, and inside an exception's own words."""
    out, logger = lines(form)
    logger.info("batch.applied", token="s3cret-token", email="ana@example.com", n=3)
    logger.info("request", headers={"Authorization": "Bearer s3cret-token"}, detail={"auth": {"x": "s3cret-token"}})
    logger.warning("said: ana@example.com, call +49 151 12345678; Authorization: Bearer s3cret-token")
    logger.info("read", payload={"name": "Ana Berg"}, vat_number="DE288362273", keys=["ana@example.com"])
    try:
        raise ValueError("cannot convert ana@example.com and +4915112345678, refresh_token=s3cret-token")
    except ValueError:
        logger.exception("failed")
    logging.getLogger("httpx").warning("GET /customers?email=ana@example.com token=s3cret-token")
    text = out.getvalue()
    assert not [secret for secret in SECRETS if secret in text]
    assert "batch.applied" in text
    assert "ValueError" in text


def test_json_lines_carry_run_id_level_and_time() -> None:
    out, logger = lines("json")
    with log.bound(run_id="20260302T100000-abc123"):
        logger.info("pull.done", system="berlin", records=12)
    logger.info("later")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert {key: first[key] for key in ("event", "run_id", "system", "records", "level")} == {
        "event": "pull.done", "run_id": "20260302T100000-abc123", "system": "berlin", "records": 12, "level": "info",
    }  # fmt: skip
    assert first["timestamp"].endswith("Z")
    assert "run_id" not in second


def test_levels_filter() -> None:
    out, logger = lines("json", level="warning")
    logger.info("quiet")
    logger.warning("loud")
    logging.getLogger("httpx").info("GET https://till.example.com/customers")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]


@pytest.mark.parametrize(
    "text", ["20260302T100000-abc123", "took 12.5 s", "rows 1-30 of 270,000", "2026-03-02T10:00:00+01:00"]
)
def test_what_is_harmless_stays(text: str) -> None:
    assert log.masked_text(text) == text
