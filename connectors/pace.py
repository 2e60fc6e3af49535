"""The request budget of one account: even spacing, shared by everything in the process, slowed by what the server says.

Our own few lines instead of a library: the limiters on offer count requests in a bucket or a window, and so send a
burst whenever one fills up; vendors measure short windows, and a burst is the 429 that was to be avoided. Nor can they
be slowed down from outside and recover.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

HEADROOM = 0.975
"""Part of the budget that is aimed for. The rest absorbs the jitter of the way (25 ms in a second), so that no
second has one too many; more would cost more of the budget than the 95 % to be used allow."""
WINDOW = 1.025
"""A second's share of requests is spread over this many seconds at least, however late some of them were."""
CATCH_UP_S = 0.03
"""How much lateness (late wake-ups) may be made good by closer requests, within `WINDOW`."""
LONGEST_PAUSE_S = 60.0
SLOWER, RECOVERY_S = 0.75, 100.0
"""What a 429 does to the pace, and how many seconds a pace slowed to nothing would take to be whole again."""
LOW_WATER = 5
"""From how few remaining requests on (`x-ratelimit-remaining`) to slow down."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time for waiting; replaced in tests. `now` is monotonic seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Usage:
    """`requests` since the process began, and how many a minute are allowed."""

    requests: int
    per_minute: int


class Pace:
    """One account's budget. Thread-safe: `take` before every request, `busy` on 429, `heard` on any other answer."""

    def __init__(self, requests_per_minute: float, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._turn = threading.Lock()
        self._state = threading.Lock()
        self._recent: deque[float] = deque()
        """When the last turns came: as many as make up a second's share."""
        self.allow(requests_per_minute)
        self._next_at = float("-inf")
        self._paused_until = float("-inf")
        self._strikes = 0
        self._low, self._low_at = 1.0, float("-inf")
        self._taken = 0
        self.system = ""
        """Whose account it is, for `usage`."""

    def allow(self, requests_per_minute: float) -> None:
        """Set the budget; the newest configuration wins."""
        with self._state:
            share = max(1, int(requests_per_minute / 60))
            self._full_interval_s = 60.0 / (requests_per_minute * HEADROOM)
            self._window_s = WINDOW * share * 60.0 / requests_per_minute
            if share != self._recent.maxlen:
                self._recent = deque(self._recent, maxlen=share)

    def take(self) -> None:
        """Wait for the next turn."""
        with self._turn:
            while True:
                with self._state:
                    now = self._clock.now()
                    due = max(self._next_at, self._paused_until)
                    if len(self._recent) == self._recent.maxlen:
                        due = max(due, self._recent[0] + self._window_s)
                    if due <= now:
                        self._recent.append(now)
                        self._next_at = max(due, now - CATCH_UP_S) + self._interval_s(now)
                        self._taken += 1
                        return
                # Not under `_state`: a 429 that another thread receives meanwhile must be able to put this turn off.
                self._clock.sleep(due - now)

    def busy(self, retry_after_s: float | None = None) -> float:
        """The server said "too many": everybody pauses, and goes on slower. Returns the length of the pause in seconds.

        Several answers to requests that were under way together are one event, not several.
        """
        with self._state:
            now = self._clock.now()
            if now >= self._paused_until:
                self._strikes += 1
                self._low, self._low_at = max(0.1, self._share(now) * SLOWER), now
            pause = min(LONGEST_PAUSE_S, 2.0 ** (self._strikes - 1)) if retry_after_s is None else retry_after_s
            pause += random.uniform(0, 0.1 * pause + 0.05)  # noqa: S311 - jitter, not a secret
            self._paused_until = max(self._paused_until, now + pause)
            return self._paused_until - now

    def heard(self, remaining: int | None = None) -> None:
        """An ordinary answer came, with the server's own count of what is left in its window, if it says."""
        with self._state:
            now = self._clock.now()
            if now > self._paused_until:
                self._strikes = 0
            if remaining is not None and remaining <= LOW_WATER:
                self._next_at = max(self._next_at, now + self._interval_s(now) * (LOW_WATER + 1 - max(0, remaining)))

    def usage(self) -> Usage:
        """What was used of the budget so far."""
        with self._state:
            return Usage(self._taken, round(60.0 / (self._full_interval_s * HEADROOM)))

    def _share(self, now: float) -> float:
        """Which part of the budget is used at the moment: less after a 429, growing back with time."""
        return min(1.0, self._low + (now - self._low_at) / RECOVERY_S)

    def _interval_s(self, now: float) -> float:
        return self._full_interval_s / self._share(now)


_paces: dict[tuple[str, str], Pace] = {}
_paces_lock = threading.Lock()


def shared_pace(
    base_url: str, credential: str, requests_per_minute: float, clock: Clock | None = None, *, system: str = ""
) -> Pace:
    """The one pace of an account, told by address and credential (of which only a hash is kept), in this process."""
    key = (base_url.rstrip("/"), hashlib.sha256(credential.encode()).hexdigest())
    with _paces_lock:
        pace = _paces.setdefault(key, Pace(requests_per_minute, clock))
    pace.allow(requests_per_minute)
    pace.system = system
    return pace


def usage() -> dict[str, Usage]:
    """System → what it has used of its budget in this process."""
    with _paces_lock:
        paces = list(_paces.values())
    return {pace.system: pace.usage() for pace in paces if pace.system}
