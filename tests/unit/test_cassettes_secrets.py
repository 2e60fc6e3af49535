"""No cassette holds a secret or a person (law 13)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CASSETTES = sorted((Path(__file__).parents[1] / "cassettes").rglob("*.yaml"))

FORBIDDEN = {
    "a token or a secret": re.compile(
        r"""(?:access_token|refresh_token|client_secret|client_id|"token")["']?\s*[:=]\s*["']?(?!REDACTED|null|["'&\s])"""
    ),
    "a scheme with its token": re.compile(r"\b(?:Bearer|Basic)\s+(?!REDACTED)\S{4,}", re.IGNORECASE),
    "a JSON web token": re.compile(r"eyJ[A-Za-z0-9_-]{10,}"),
    "a cookie": re.compile(r"(?im)^\s*(?:set-)?cookie:"),
    "an e-mail of somebody": re.compile(r"[\w.+-]+@(?!example\.(?:com|org|net)\b)[\w-]+\.\w+"),
    "the host of a recording": re.compile(r"127\.0\.0\.1|localhost"),
}


def found(text: str) -> list[str]:
    """What is in `text` that must not be. An authorization header is a list of one value in the line after it."""
    problems = [name for name, pattern in FORBIDDEN.items() if pattern.search(text)]
    headers = re.findall(r"(?im)^\s*authorization:\s*\n?\s*-?\s*(.*)$", text)
    return problems + ["an authorization header" for value in headers if value.strip("'\" ") != "REDACTED"]


def test_there_are_cassettes() -> None:
    assert CASSETTES


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_cassette_tells_nothing(path: Path) -> None:
    assert found(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "body: grant_type=refresh_token&refresh_token=abc123",
        '{"access_token": "abc"}',
        "authorization:\n      - Bearer abcdef",
        "Authorization:\n      - abcdef",
        "string: Basic ZGVtbzpkZW1v",
        "x: eyJhbGciOiJIUzI1NiJ9",
        "  set-cookie:\n  - session=1",
        '"email": "ana@shop.de"',
        "uri: http://127.0.0.1:8080/",
    ],
)
def test_the_scan_finds_what_it_is_for(text: str) -> None:
    assert found(text)


@pytest.mark.parametrize(
    "text",
    [
        "body: grant_type=refresh_token&refresh_token=REDACTED",
        '{"access_token": "REDACTED", "token_type": "Bearer"}',
        "authorization:\n      - REDACTED",
        '"email": "ana@example.com"',
    ],
)
def test_the_scan_lets_through_what_is_clean(text: str) -> None:
    assert found(text) == []
