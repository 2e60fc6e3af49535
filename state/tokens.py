"""Rotated tokens: `<store>.tokens`, beside the store and never in it, so that no snapshot or export can contain one.

A system's kept tokens win until the configured ones change. The pair before them stays in the file, for a person
to mend with.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TOKENS = ("token", "access_token", "refresh_token")
"""What makes a configured set of credentials another one; a new client secret alone does not end a token."""


class FileTokens:
    """The tokens of one workspace (the `TokenStore` that connectors ask for). Safe from any thread or process."""

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(store.name + ".tokens")

    def load(self, system: str, configured: Mapping[str, str]) -> dict[str, str]:
        """The newest tokens with the rest of `configured`: the kept ones, unless the configured ones changed since."""
        entry = self._entries().get(system)
        if entry is None or entry["configured"] != _mark(configured):
            return dict(configured)
        return {**configured, **entry["tokens"]}

    def save(self, system: str, configured: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        """Keep `tokens` durably, and what was kept before them."""
        with self._file_lock(""):
            entries = self._entries()
            before = entries.get(system, {}).get("tokens", {})
            entries[system] = {"configured": _mark(configured), "tokens": dict(tokens), "previous": before}
            self._write(entries)

    @contextmanager
    def locked(self, system: str) -> Iterator[None]:
        """One at a time for this system, over all threads and processes; waits. Not reentrant."""
        with self._file_lock("." + system):
            yield

    @contextmanager
    def _file_lock(self, suffix: str) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # A descriptor of its own each time: this kind of lock then also keeps threads of one process apart.
        handle = os.open(f"{self._path}{suffix}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _entries(self) -> dict[str, dict[str, Any]]:
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return {}
        entries: dict[str, dict[str, Any]] = json.loads(text)
        return entries

    def _write(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        made = Path(f"{self._path}.tmp")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:  # noqa: PTH123
            json.dump(entries, handle)
            handle.flush()
            os.fsync(handle.fileno())
        made.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _mark(configured: Mapping[str, str]) -> str:
    """Changes when a configured token does; says nothing about it."""
    chosen = {name: configured[name] for name in _TOKENS if configured.get(name)}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()
