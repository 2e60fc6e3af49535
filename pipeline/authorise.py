"""`auth SYSTEM`: a system gets new credentials, tried out before they are kept.

Reads:      the present configuration; which account the system was until now
Writes:     the token file beside the store; nothing else, and nothing at all when the credentials do not work or are another account's
Guarantees: no credential is printed, or held in an error.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import duckdb

from connectors import consent_of, open_connector
from connectors.base import Settings
from connectors.errors import Refused
from pipeline.config import connector_settings
from pipeline.errors import UserError
from pipeline.query import open_snapshot
from state.snapshot import snapshot_path
from state.tokens import FileTokens

if TYPE_CHECKING:
    from connectors.base import Account
    from pipeline.config import Config

Ask = Callable[[str], str]
"""Puts a question and returns the answer, which is not shown; `""` for none."""
Say = Callable[[str], None]


@dataclass(slots=True)
class _Trial:
    """Credentials on trial, as the token store that a connector asks for."""

    tokens: dict[str, str] = field(default_factory=dict)

    def load(self, system: str, configured: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG002
        return {**configured, **self.tokens}

    def save(self, system: str, configured: Mapping[str, str], tokens: Mapping[str, str]) -> None:  # noqa: ARG002
        self.tokens = dict(tokens)

    @contextmanager
    def locked(self, system: str) -> Iterator[None]:  # noqa: ARG002
        yield


def authorise(config: Config, name: str, ask: Ask, say: Say, redirect_uri: str) -> str:
    """Take new credentials for one system; returns what was kept, in words. Raises UserError, or what the connector raises."""
    if name not in config.systems:
        raise UserError(f"No system is called {name}; there are {', '.join(config.systems)}.")
    settings = connector_settings(config, name)
    kept = FileTokens(config.store_path)
    with kept.locked(name):
        account, tokens = _tried(
            settings, config.systems[name].connector, _candidates(config, settings, ask, say, redirect_uri)
        )
        _refuse_another_account(config, name, account)
        kept.save(name, settings.auth, tokens)
    return f"{name} is authorised" + (f" for {account.label}" if account.label else "") + "; runs use it from now on."


def _candidates(config: Config, settings: Settings, ask: Ask, say: Say, redirect_uri: str) -> Iterator[dict[str, str]]:
    """What may be the new tokens, the likeliest first."""
    connector = config.systems[settings.system].connector
    if settings.auth.get("token"):
        yield {"token": _given(ask("New token: "))}
    elif consent := consent_of(connector):
        yield _by_consent(consent, settings, ask, say, redirect_uri)
    else:
        say(
            "The vendor shows an access token and a refresh token. One of them alone will do; the refresh token lasts longer."
        )
        first, second = ask("Access token (or empty): ").strip(), ask("Refresh token (or empty): ").strip()
        if first and second:
            yield {"access_token": first, "refresh_token": second}
            return
        only = _given(first or second)
        # Which of the two it is shows when it is used: a refresh token brings a new pair, an access token opens the door.
        yield {"access_token": "", "refresh_token": only}
        yield {"access_token": only, "refresh_token": ""}


def _given(text: str) -> str:
    token = text.strip().removeprefix("Bearer ").strip()
    if not token:
        raise UserError("No token was given; nothing was changed.")
    return token


def _by_consent(consent: Any, settings: Settings, ask: Ask, say: Say, redirect_uri: str) -> dict[str, str]:
    """Send the merchant to the vendor's page, and take the code that comes back."""
    state = secrets.token_urlsafe(24)
    say("Open this page in a browser, signed in as the owner, and agree:")
    say(consent.authorize_url(settings, redirect_uri=redirect_uri, state=state))
    say(f"The browser is then sent to {redirect_uri}?code=...; copy that address, or the code in it.")
    code = _code_in(_given(ask("Address or code: ")), state)
    tokens = consent.exchange_code(settings, code=code, redirect_uri=redirect_uri)
    lifetime, now = tokens.pop("expires_in", None), time.time()
    tokens = {"access_token": "", "refresh_token": "", **tokens, "obtained_at": repr(now)}
    return tokens | ({"expires_at": repr(now + float(lifetime))} if lifetime else {})


def _code_in(answer: str, state: str) -> str:
    """The code, also out of the whole address that the browser was sent to, which must be an answer to our question."""
    if "code=" not in answer:
        return answer
    asked = parse_qs(urlsplit(answer).query or answer.partition("?")[2] or answer)
    if asked.get("state", [state]) != [state]:
        raise UserError("This address is not an answer to the page shown above (another state); nothing was changed.")
    return asked.get("code", [""])[0]


def _tried(settings: Settings, connector: str, candidates: Iterator[dict[str, str]]) -> tuple[Account, dict[str, str]]:
    """The account behind the first credentials that work, and the tokens as they are now. Raises the last refusal."""
    refusal: Refused | None = None
    for tokens in candidates:
        trial = _Trial(dict(tokens))
        try:
            opened = open_connector(connector, settings, trial)
            try:
                return opened.account(), trial.tokens
            finally:
                opened.close()
        except Refused as error:
            refusal = error
    assert refusal is not None
    raise refusal


def _refuse_another_account(config: Config, name: str, account: Account) -> None:
    """Raises UserError when these credentials are another account's than the system was until now, or another system's."""
    if account.identity is None or not snapshot_path(config.store_path).exists():
        return
    with open_snapshot(config.store_path) as con:
        known = dict(_accounts(con))
    if known.get(name) not in (None, account.identity):
        raise UserError(
            f"{name}: these credentials belong to another account than before; nothing was saved.",
            ["take the credentials of the right account, or give the other account a system name of its own"],
        )
    for other, identity in known.items():
        same_vendor = other in config.systems and config.systems[other].connector == config.systems[name].connector
        if other != name and same_vendor and identity == account.identity:
            raise UserError(f"{name}: these credentials belong to the account of {other}; nothing was saved.")


def _accounts(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return con.execute("SELECT system, account FROM core.systems WHERE account IS NOT NULL").fetchall()
