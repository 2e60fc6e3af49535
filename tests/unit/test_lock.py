"""One run per workspace: a second one is told who holds it, and a crashed one holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from state import lock

HOLD = """
import sys, time
from pathlib import Path
from state import lock
with lock.hold(Path(sys.argv[1]), "backfill"):
    print("held", flush=True)
    time.sleep(60)
"""


def held_elsewhere(store: Path) -> subprocess.Popen[str]:
    """Another process that holds the workspace."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", HOLD, str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_told_who_holds_it_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    store = tmp_path / "var" / "customers.duckdb"
    with held_elsewhere(store) as process:
        with (
            pytest.raises(lock.Held, match=r"`backfill` \(process \d+ on .+\) since 20") as caught,
            lock.hold(store, "sync"),
        ):
            pass
        assert caught.value.info is not None
        assert (caught.value.info.pid, caught.value.info.command) == (process.pid, "backfill")
        assert lock.holder(store) == caught.value.info
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert lock.holder(store) is None
    with lock.hold(store, "sync"):
        pass


def test_it_is_held_by_threads_of_one_process_too(tmp_path: Path) -> None:
    """A daemon's sync and its dashboard's button live in one process."""
    store = tmp_path / "customers.duckdb"
    with lock.hold(store, "daemon"), pytest.raises(lock.Held), lock.hold(store, "sync"):
        pass


def test_looking_does_not_get_in_the_way(tmp_path: Path) -> None:
    """`status` looks with a shared lock; a run that starts in that moment must not be refused."""
    import fcntl
    import threading

    store = tmp_path / "customers.duckdb"
    assert lock.holder(store) is None
    with lock.hold(store, "sync"):
        pass
    looker = os.open(lock.lock_path(store), os.O_RDONLY)
    fcntl.flock(looker, fcntl.LOCK_SH)
    threading.Timer(0.05, os.close, [looker]).start()
    with lock.hold(store, "sync"):
        assert lock.holder(store) is not None


def test_an_unreadable_lock_file_still_locks(tmp_path: Path) -> None:
    store = tmp_path / "customers.duckdb"
    with lock.hold(store, "sync"):
        lock.lock_path(store).write_text("{")
        with pytest.raises(lock.Held, match="another process") as caught, lock.hold(store, "sync"):
            pass
    assert caught.value.info is None
