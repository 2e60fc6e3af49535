"""What one run works with: the store, the configuration, and each system with its connector and mapping.

SYSTEM     one system as the run sees it: settings, connector, mapping, and what became of it so far
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.base import Connector, End
from connectors.errors import ConnectorError
from mappings import Context, Mapping
from pipeline.config import Config, SystemConfig
from state.store import Store

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class System:
    """One system during one run. `problem` set: it was unreachable or refused us, and is left alone for the rest of the run."""

    name: str
    settings: SystemConfig
    connector: Connector
    mapping: Mapping
    context: Context
    problem: ConnectorError | None = None
    pulled: End | None = None

    @property
    def fingerprint(self) -> str:
        """Changes when the system's records would be read differently: its mapping, region or time zone."""
        return digest(
            [self.mapping.fingerprint, self.context.region, list(self.context.regions), self.context.timezone]
        )


@dataclass(slots=True)
class Workspace:
    """Everything one run needs. `systems` has all of the workspace's, `active` names those this run may pull from and write to."""

    run_id: str
    command: str
    config: Config
    store: Store
    systems: dict[str, System]
    active: frozenset[str]
    now: Clock = utc_now
    round: int = 1
    """Which round of match, merge, plan and apply this is; a later one follows when a write met something that had moved."""

    def working(self) -> list[System]:
        """The active systems that have answered so far."""
        return [s for s in self.systems.values() if s.name in self.active and s.problem is None]


_sorted = msgspec.json.Encoder(order="sorted").encode


def canonical_json(value: Any) -> str:
    """JSON text that is equal for equal values: sorted keys, no spaces."""
    try:
        return _sorted(value).decode()
    except UnicodeEncodeError:  # lone surrogates, which only escapes can carry
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(value: Any) -> str:
    """A short stable hash of a JSON value."""
    return text_digest(canonical_json(value))


def text_digest(text: str) -> str:
    """The same of canonical JSON text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
