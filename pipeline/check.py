"""`customer-sync check`: is everything as it must be for a run? Changes nothing.

Configuration and mappings first; the systems are asked only when both are right, all at once.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors import open_connector
from connectors.base import Capabilities, Finding
from connectors.errors import ConnectorError
from pipeline import timetable
from pipeline.config import Config, SystemConfig, connector_settings
from pipeline.errors import Exit
from state.snapshot import snapshot_path
from state.tokens import FileTokens


@dataclass(frozen=True, slots=True)
class Line:
    """One finding. `system` is empty for the workspace as a whole."""

    system: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Checked:
    """Everything found, in the order of the configuration."""

    lines: tuple[Line, ...]
    exit_code: Exit


@dataclass(frozen=True, slots=True)
class _Asked:
    identity: str | None
    capabilities: Capabilities | None
    findings: tuple[Finding, ...]


def check_workspace(config: Config) -> Checked:
    """All findings. Exit 2: mappings or two systems on one account; exit 5: a system did not answer or refused us."""
    lines = [Line("", finding) for finding in _local(config)]
    names, problems = mapping_problems(config.mappings_folder)
    lines += [Line("", Finding("error", problem)) for problem in problems]
    if problems:
        return Checked(tuple(lines), Exit.USAGE)
    lines.append(Line("", Finding("ok", f"configuration and {len(names)} mappings")))
    awake = [name for name, system in config.systems.items() if not system.paused]
    with ThreadPoolExecutor(max_workers=max(len(awake), 1)) as pool:
        asked = dict(zip(awake, pool.map(lambda name: _ask(config, name), awake), strict=True))
    known = _known_records(config)
    for name, system in config.systems.items():
        if name not in asked:
            lines.append(Line(name, Finding("ok", "paused; not asked")))
            continue
        found = asked[name].findings
        lines += [Line(name, finding) for finding in found]
        if capabilities := asked[name].capabilities:
            records = max((finding.records or 0 for finding in found), default=0) or known.get(name, 0)
            if records:
                walk = _minutes(walk_time(capabilities, records))
                lines.append(Line(name, Finding("ok", f"{records:,} customers need {walk} for a full walk")))
            lines += [Line(name, finding) for finding in pace_warnings(system, capabilities, records)]
    twins = list(_twins(config, asked))
    lines += twins
    refused = any(line.finding.level == "error" for line in lines if line not in twins)
    return Checked(tuple(lines), Exit.USAGE if twins else Exit.UNREACHABLE if refused else Exit.DONE)


def mapping_problems(folder: Path | None) -> tuple[list[str], list[str]]:
    """The names of all mappings, and what is wrong with them or their examples."""
    from mappings import MappingError, check_examples, load_mappings

    try:
        mappings = load_mappings(folder)
    except MappingError as error:
        return [], list(error.problems)
    return list(mappings), [problem for mapping in mappings.values() for problem in check_examples(mapping)]


def _ask(config: Config, name: str) -> _Asked:
    """One system's own check, with whatever goes wrong as a finding."""
    system = config.systems[name]
    writes = system.access == "read-write"
    try:
        connector = open_connector(system.connector, connector_settings(config, name), FileTokens(config.store_path))
    except ConnectorError as error:
        return _Asked(None, None, (Finding("error", error.what, error.hint),))
    try:
        findings = connector.check(need_write=writes, need_delete=writes and system.deletes == "propagate")
        failed = any(finding.level == "error" for finding in findings)
        identity = None if failed else connector.account().identity
        return _Asked(identity, connector.capabilities, tuple(findings))
    except ConnectorError as error:
        return _Asked(None, connector.capabilities, (Finding("error", str(error)),))
    finally:
        connector.close()


def _twins(config: Config, asked: dict[str, _Asked]) -> Iterator[Line]:
    seen: dict[tuple[str, str], str] = {}
    for name, answer in asked.items():
        if answer.identity is None:
            continue
        account = (config.systems[name].connector, answer.identity)
        if (other := seen.setdefault(account, name)) != name:
            yield Line(
                name,
                Finding("error", f"is the same account as {other}", "one account is one system; remove one of them"),
            )


def _local(config: Config) -> Iterator[Finding]:
    """What can be said without asking anybody."""
    for warning in config.warnings:
        yield Finding("warning", warning)
    for file in _exposed_files(config):
        yield Finding("warning", f"{file} holds secrets or customers and others can read it", f"chmod 600 {file}")
    if config.safety.max_deletes == 0:
        for name, system in config.systems.items():
            if system.deletes == "propagate":
                yield Finding(
                    "warning",
                    f"systems.{name}.deletes is propagate, but safety.max_deletes is 0: a deletion will stop the run",
                    "raise safety.max_deletes, or set deletes: keep",
                )


def _exposed_files(config: Config) -> Iterator[Path]:
    """Files with secrets or customers that group or others may read. Mounted secrets are the container's business."""
    store = config.store_path
    with_literals = {config.file} if config.warnings else set()
    files = with_literals | config.secret_files | {store, snapshot_path(store), store.with_name(store.name + ".tokens")}
    for file in sorted(files):
        if (
            file.is_file()
            and not file.is_relative_to("/run/secrets")
            and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
        ):
            yield file


def _known_records(config: Config) -> dict[str, int]:
    """How many records each system had at the last run."""
    if not snapshot_path(config.store_path).exists():
        return {}
    from pipeline.query import open_snapshot

    with open_snapshot(config.store_path) as con:
        return dict(con.execute("SELECT system, records FROM cursors").fetchall())


def walk_time(capabilities: Capabilities, records: int) -> timedelta:
    """What a full walk over so many customers takes at the configured pace."""
    return timedelta(minutes=-(-records // capabilities.page_size) / capabilities.requests_per_minute)


def pace_warnings(system: SystemConfig, capabilities: Capabilities, records: int) -> Iterator[Finding]:
    """Schedules that the request budget cannot keep up with."""
    walk = walk_time(capabilities, records)
    plans = {"full_scan": system.full_scan}
    if capabilities.changes == "full":
        plans["schedule"] = system.schedule
    for key, text in plans.items():
        interval = _interval(text, ZoneInfo(system.timezone or "UTC"))
        if interval is not None and walk > interval:
            yield Finding(
                "warning",
                f"{key}: {records:,} customers need {_minutes(walk)}, but it is due every {_minutes(interval)}",
                f"set {key} to a longer interval, or raise requests_per_minute if the vendor allows more",
            )


def _interval(text: str, zone: ZoneInfo) -> timedelta | None:
    """The shortest time between two of the next ten moments."""
    due = timetable.parse(text)
    moments = [datetime.now(UTC)]
    for _ in range(10):
        following = due.next_after(moments[-1], zone)
        if following is None:
            break
        moments.append(following)
    return min((later - earlier for earlier, later in pairwise(moments[1:])), default=None)


def _minutes(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    if minutes >= 1.5:
        return f"{minutes:.0f} minutes"
    seconds = max(1, round(span.total_seconds()))
    return f"{seconds} second{'s' if seconds > 1 else ''}"
