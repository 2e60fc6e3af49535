"""Everything that speaks to the outside; knows nothing of the flow.

The registry is a dictionary of strings, loaded on use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from connectors.base import Connector, Settings, TokenStore

REGISTRY: dict[str, str] = {
    "inventorum": "connectors.inventorum:Inventorum",
    "flow_retail": "connectors.flow_retail:FlowRetail",
    "foodics": "connectors.foodics:Foodics",
    "memory": "connectors.memory:Memory",
}

CONSENT: Mapping[str, str] = {"foodics": "connectors.foodics.oauth"}
"""Vendors that give tokens for a consent on their page: a module with `authorize_url` and `exchange_code`."""


def consent_of(name: str) -> Any:
    """The module that asks for the merchant's consent, None for a vendor that has no such page."""
    return import_module(CONSENT[name]) if name in CONSENT else None


def open_connector(name: str, settings: Settings, tokens: TokenStore) -> Connector:
    """The connector registered under `name`, for one account. Raises KeyError on an unknown name.

    A fixed token that was given later (`customer-sync auth`) wins over the configured one, as rotated tokens do.
    """
    if settings.auth.get("token"):
        settings = replace(settings, auth=tokens.load(settings.system, settings.auth))
    module, _, attribute = REGISTRY[name].partition(":")
    connector: Connector = getattr(import_module(module), attribute)(settings, tokens)
    return connector
