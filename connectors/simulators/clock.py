"""The time tills stamp their records with: simulated by default, so that stamps are the same on every machine."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class Clock:
    """Never goes backwards by itself. Simulated: stands still, but each change takes `step_s`. Real: the machine's."""

    def __init__(self, start: datetime = START, *, step_s: float = 1.0, real: bool = False) -> None:
        self.step_s, self.real = step_s, real
        self._start = self._now = start
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The present, without moving it."""
        with self._lock:
            if self.real:
                self._now = max(self._now, datetime.now(UTC))
            return self._now

    def tick(self) -> datetime:
        """The moment of a change: `step_s` after the one before."""
        if self.real:
            return self.now()
        with self._lock:
            self._now += timedelta(seconds=self.step_s)
            return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass (a real clock is not ours to move)."""
        with self._lock:
            self._now += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Put a simulated clock to `moment`, also backwards."""
        with self._lock:
            self._now = moment

    def reset(self) -> None:
        """Back to the start."""
        with self._lock:
            self._now = self._start
