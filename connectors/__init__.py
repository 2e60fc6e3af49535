"""Everything that speaks to the outside; knows nothing of the flow.

The registry is a dictionary of strings, loaded on use.
"""

from __future__ import annotations

from importlib import import_module

from connectors.base import Connector, Settings, TokenStore

REGISTRY: dict[str, str] = {
    "inventorum": "connectors.inventorum:Inventorum",
    "flow_retail": "connectors.flow_retail:FlowRetail",
    "foodics": "connectors.foodics:Foodics",
    "memory": "connectors.memory:Memory",
}


def open_connector(name: str, settings: Settings, tokens: TokenStore) -> Connector:
    """The connector registered under `name`, for one account. Raises KeyError on an unknown name."""
    module, _, attribute = REGISTRY[name].partition(":")
    connector: Connector = getattr(import_module(module), attribute)(settings, tokens)
    return connector
