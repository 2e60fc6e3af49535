"""`mappings check` on real data: every staged record, by its system's mapping, against the lens laws.

Reads: the snapshot, where there is one. Writes: nothing. What is found names system, record and rule, and no value of anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from mappings import Context, Mapping
from mappings.explain import broken_laws
from state.snapshot import snapshot_path

if TYPE_CHECKING:
    from pipeline.config import Config

SAMPLES = 5
"""Records named per system and broken law; the others are counted."""


@dataclass(slots=True)
class Staged:
    """What became of one system's records: how many were looked at, and how often which law broke, with sample record ids."""

    records: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=dict)

    def problems(self, system: str) -> list[str]:
        """One line per broken law."""
        return [
            f"{system}: {law}: {count} of {self.records} records, such as {', '.join(self.samples[law])}"
            for law, count in self.broken.most_common()
        ]


def context_of(config: Config, system: str) -> Context:
    """Where a system stands, as runs see it."""
    settings = config.systems[system]
    regions = tuple(region for region in (settings.region, config.region) if region)
    return Context(settings.region or config.region, regions, settings.timezone or config.timezone)


def check_staged(config: Config, mappings: AbstractMapping[str, Mapping]) -> dict[str, Staged]:
    """system → findings over all its live staged records; empty where nothing was ever staged."""
    if not snapshot_path(config.store_path).exists():
        return {}
    from pipeline.query import open_snapshot

    found = {name: Staged() for name in config.systems}
    before: dict[str, dict[str, Any]] = {}
    contexts = {name: context_of(config, name) for name in config.systems}
    with open_snapshot(config.store_path) as con:
        rows = con.execute(
            "SELECT system, record_id, payload FROM records WHERE deleted_at IS NULL ORDER BY system, record_id"
        )
        while batch := rows.fetchmany(2000):
            for system, record_id, text in batch:
                if system not in found:
                    continue
                payload = msgspec.json.decode(text)
                one = found[system]
                one.records += 1
                mapping = mappings[config.systems[system].connector]
                for law in broken_laws(mapping, payload, contexts[system], before.get(system)):
                    one.broken[law] += 1
                    if len(one.samples.setdefault(law, [])) < SAMPLES:
                        one.samples[law].append(str(record_id))
                before[system] = payload
    return found
