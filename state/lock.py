"""Who holds a workspace: one run at a time, over all processes of the machine.

An advisory lock on `<store>.lock` that the kernel drops when its holder dies, however it dies. The file's text names
the holder.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

PATIENCE_S = 0.25
"""How long to try: somebody who only looks (`holder`) has the lock for a moment."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a workspace. `since` is UTC, ISO 8601."""

    pid: int
    host: str
    command: str
    since: str


class Held(Exception):
    """Somebody else holds the workspace. `info` says who, as far as the lock file tells."""

    def __init__(self, info: Holder | None) -> None:
        self.info = info
        who = f"`{info.command}` (process {info.pid} on {info.host}) since {info.since}" if info else "another process"
        super().__init__(f"This workspace is held by {who}.")


def lock_path(store: Path) -> Path:
    """The lock file of a store."""
    return store.with_name(store.name + ".lock")


@contextmanager
def hold(store: Path, command: str) -> Iterator[None]:
    """Hold the workspace of `store` for the length of the block. Raises Held at once when somebody else does."""
    path = lock_path(store)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Never unlinked: a second process could then lock a file that nobody else sees.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _try_lock(handle):
            raise Held(_read(path))
        me = Holder(os.getpid(), socket.gethostname(), command, datetime.now(UTC).isoformat(timespec="seconds"))
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(asdict(me)).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def holder(store: Path) -> Holder | None:
    """Who holds the workspace now, or None. Only looks."""
    path = lock_path(store)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path)
    else:
        return None
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        else:
            return True


def _read(path: Path) -> Holder | None:
    try:
        found = json.loads(path.read_text("utf-8"))
        return Holder(int(found["pid"]), str(found["host"]), str(found["command"]), str(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
