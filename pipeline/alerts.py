"""Tells people when something needs them, through Apprise: once when it begins, and once more when it is over.

What is wrong now is compared with what was told, which is kept in a small file beside the store: neither a restart nor
a service that was down for an hour makes an alert come twice or get lost.

Reads, writes: `<store>.alerts.json`. No customer's data is in any message: systems, codes, numbers and ids only.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog

from pipeline.config import Config
from pipeline.errors import UserError

if TYPE_CHECKING:
    from apprise import NotifyBase, NotifyType

Kind = Literal["run", "refused", "authorise", "safety", "stale", "rejects"]
RETRY_S = 60.0
LONGEST_RETRY_S = 3600.0
STOP_S = 3.0
"""How long the end of the daemon waits for a message that is on its way."""

_TITLES: Mapping[Kind, str] = {
    "run": "the run failed",
    "refused": "refuses our credentials",
    "authorise": "needs to be authorised again",
    "safety": "a safety limit stopped the run",
    "stale": "was not read for twice its interval",
    "rejects": "rejects many records",
}

log = structlog.get_logger("pipeline.alerts")


@dataclass(frozen=True, slots=True)
class Topic:
    """What an alert is about. `system` is empty where it is the whole workspace."""

    kind: Kind
    system: str = ""

    @property
    def title(self) -> str:
        return f"{self.system}: {_TITLES[self.kind]}" if self.system else _TITLES[self.kind]


class Service:
    """One place to send to. Its address is a secret: it is called by its place in the configuration."""

    def __init__(self, name: str, plugin: NotifyBase) -> None:
        self.name, self._plugin = name, plugin

    def send(self, title: str, body: str, kind: NotifyType) -> bool:
        """Whether it took the message."""
        try:
            return bool(self._plugin.notify(body=body, title=title, notify_type=kind))
        except Exception:  # a plugin's bug is no reason for the daemon to stop
            return False


def services(config: Config) -> list[Service]:
    """The configured services. Raises UserError where Apprise is missing or does not understand an address."""
    if not config.alerts:
        return []
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError:
        raise UserError(
            "`alerts` is configured, but the package apprise is not installed.",
            ["install it with: pip install 'customer-sync[alerts]'", "or remove `alerts` from the configuration"],
        ) from None
    # Its own complaints quote addresses and messages; ours say which service it was.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    asset = AppriseAsset(app_id="customer-sync", async_mode=False)
    found: list[Service] = []
    problems = []
    for number, url in enumerate(config.alerts):
        plugin = Apprise.instantiate(url.get_secret_value(), asset=asset)
        if plugin is None:
            problems.append(f"alerts[{number}] is no address that Apprise understands")
        else:
            found.append(Service(f"alerts[{number}]", plugin))
    if problems:
        raise UserError(f"{config.file.name}: alerts:", problems)
    return found


class Alerts:
    """The alerts of one daemon. `judge` says how things stand; a thread of its own does the telling. Close it at the end."""

    def __init__(self, workspace: str, store: Path, receivers: Sequence[Service], *, retry_s: float = RETRY_S) -> None:
        self._workspace, self._file = workspace, store.with_name(store.name + ".alerts.json")
        self._services, self._retry_s = list(receivers), retry_s
        self._turn = threading.Lock()
        self._now: dict[Topic, str] = {}
        """Every topic judged since the start; an empty text: all is well."""
        self._told = _load(self._file)
        self._news, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="alerts", daemon=True)
        self._thread.start()

    def judge(self, topic: Topic, trouble: str) -> None:
        """How `topic` stands: what is wrong, or empty when nothing is."""
        with self._turn:
            known = self._now.get(topic)
            self._now[topic] = trouble
        if bool(known) == bool(trouble) and known is not None:
            return
        if trouble:
            log.warning("alert.raised", topic=topic.kind, system=topic.system or None, why=trouble)
        elif known or topic in self._told:
            log.info("alert.over", topic=topic.kind, system=topic.system or None)
        self._news.set()

    def troubles(self) -> dict[Topic, str]:
        """What is wrong at the moment."""
        with self._turn:
            return {topic: text for topic, text in self._now.items() if text}

    def replace(self, receivers: Sequence[Service], systems: Iterable[str]) -> None:
        """Other services, after a reload; topics of systems that are gone are forgotten without a word."""
        names = {"", *systems}
        with self._turn:
            self._services = list(receivers)
            self._now = {topic: text for topic, text in self._now.items() if topic.system in names}
            self._told = {topic: text for topic, text in self._told.items() if topic.system in names}
        self._news.set()

    def close(self) -> None:
        """Tell what can be told quickly, and stop."""
        self._closing.set()
        self._news.set()
        self._thread.join(STOP_S)

    def _work(self) -> None:
        wait_s = self._retry_s
        while True:
            is_last = self._closing.is_set()
            self._news.clear()
            if self._tell():
                wait_s, until = self._retry_s, None
            else:
                until, wait_s = wait_s, min(wait_s * 2, LONGEST_RETRY_S)
            if is_last:
                return
            if not self._closing.is_set():
                self._news.wait(until)

    def _tell(self) -> bool:
        """Send one message with everything that changed since the last one. False: nobody took it."""
        with self._turn:
            begun = {t: text for t, text in self._now.items() if text and t not in self._told}
            over = [t for t, text in self._now.items() if not text and t in self._told]
            receivers = list(self._services)
        if not receivers or (not begun and not over):
            return True
        if not self._send(receivers, begun, over):
            return False
        with self._turn:
            self._told = {t: text for t, text in {**self._told, **begun}.items() if t not in over}
            _save(self._file, self._told)
        return True

    def _send(self, receivers: Sequence[Service], begun: Mapping[Topic, str], over: Sequence[Topic]) -> bool:
        from apprise import NotifyType

        lines = [f"{topic.title}: {text}" for topic, text in begun.items()]
        lines += [f"over: {topic.title}" for topic in over]
        first = next(iter(begun), None) or over[0]
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        title = f"customer-sync {self._workspace}: {'' if begun else 'over: '}{first.title}{more}"
        kind = NotifyType.FAILURE if begun else NotifyType.SUCCESS
        took = [service.send(title, "\n\n".join(lines), kind) for service in receivers]
        for service, done in zip(receivers, took, strict=True):
            if not done:
                log.error("alert.not_delivered", service=service.name)
        return any(took)


def _load(file: Path) -> dict[Topic, str]:
    """What was told before; nothing when the file is not there, or not ours."""
    try:
        rows = json.loads(file.read_text("utf-8"))
        return {Topic(row["kind"], row["system"]): row["text"] for row in rows if row["kind"] in _TITLES}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _save(file: Path, told: Mapping[Topic, str]) -> None:
    rows = [{"kind": topic.kind, "system": topic.system, "text": text} for topic, text in told.items()]
    made = file.with_name(file.name + ".tmp")
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:  # noqa: PTH123
        json.dump(rows, handle)
    made.replace(file)
