"""The published copy of a store, which everybody reads: `query`, the dashboard, a notebook, the DuckDB shell.

The copy is made in a child process: closing any descriptor of the live file inside its owner would drop DuckDB's lock
on it (POSIX locks), and a second writer would get in (architecture, section 8).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_COPY = """
import os, shutil, sys
source, target = sys.argv[1:]
made = target + ".tmp"
with open(source, "rb") as left, open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as right:
    os.fchmod(right.fileno(), 0o600)
    try:
        while os.sendfile(right.fileno(), left.fileno(), None, 1 << 30):
            pass
    except OSError:  # a file system without sendfile
        left.seek(0); right.seek(0); right.truncate()
        shutil.copyfileobj(left, right, 1 << 20)
        right.flush()
    os.fsync(right.fileno())
os.replace(made, target)
folder = os.open(os.path.dirname(target), os.O_RDONLY)
os.fsync(folder)
"""


class CopyFailed(Exception):
    """The store could not be copied (disk full, permission). The previous copy is untouched."""


def snapshot_path(store: Path) -> Path:
    """`customers.duckdb` → `customers.snapshot.duckdb`."""
    return store.with_name(f"{store.stem}.snapshot{store.suffix}")


def publish(store: Path) -> Path:
    """Make the store's present file the snapshot, atomically. The caller has checkpointed, with no transaction open."""
    target = snapshot_path(store)
    copy(store, target)
    return target


def copy(source: Path, target: Path) -> None:
    """Copy a store's file durably to `target` (mode 0600), replacing it atomically. Raises CopyFailed."""
    child = subprocess.run(  # noqa: S603  our own code, our own interpreter, paths as arguments
        [sys.executable, "-I", "-S", "-c", _COPY, str(source.absolute()), str(target.absolute())],
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        why = child.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise CopyFailed(f"{source} could not be copied to {target}: {why[0]}")
