"""When the daemon runs what: each system's `schedule` and `full_scan`, wired to APScheduler, and the queue of systems that are due.

A tick only puts a system into the queue; one runner takes out all that wait, so runs never overlap, and systems due at
the same moment are merged in one pass. A tick that was missed, or that came while the last one was still waiting, is
run once and reported.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from pipeline import timetable
from pipeline.config import Config, SystemConfig

GATHER_S = 2.0
"""How long the first system that is due waits for others: one pass over several is cheaper than several, and sees more."""
GRACE_S = 30
"""A tick that comes later than this was missed: the machine slept, or was too busy."""
HEARTBEAT_S = 15
"""How often the scheduler shows that it is alive. It also bounds how long it oversleeps after the machine slept."""
FIRST_RETRY_S = 60.0
LONGEST_BACKOFF_S = 6 * 3600.0
BACKOFF_INTERVALS = 4

Ticked = Callable[[str], None]
"""Called with a system's name."""


class TimetableTrigger(BaseTrigger):
    """Our timetable (cron as people know it, or an interval) as APScheduler asks for one."""

    def __init__(self, due: timetable.Timetable, zone: ZoneInfo) -> None:
        self._due, self._zone = due, zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Counted from the last time it fired."""
        return self._due.next_after(previous_fire_time or now, self._zone)


class Schedule:
    """The running scheduler. `due(system)` is called for each tick, `missed(system)` first where one was missed."""

    def __init__(self, config: Config, due: Ticked, missed: Ticked) -> None:
        self._due, self._missed = due, missed
        self._beat_at = datetime.now(UTC)
        # Its warnings about missed ticks are told by our own events, with the system's name.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        # It has no types.
        self._scheduler: Any = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_S},
        )
        self._scheduler.add_listener(self._on_missed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_job(self._beat, "interval", seconds=HEARTBEAT_S, id="heartbeat")
        self.replace(config)
        self._scheduler.start()

    def replace(self, config: Config) -> None:
        """The times of another configuration; the old ones are forgotten."""
        for job in self._scheduler.get_jobs():
            if job.id != "heartbeat":
                job.remove()
        for name, system in config.systems.items():
            if system.paused:
                continue
            # A full scan that is due is noticed by the run itself: here, too, it only says that it is time for a run.
            for kind, text in (("schedule", system.schedule), ("full_scan", system.full_scan)):
                trigger = TimetableTrigger(timetable.parse(text), zone_of(system))
                self._scheduler.add_job(self._due, trigger, args=[name], id=f"{kind}:{name}")

    def is_alive(self, now: datetime) -> bool:
        """Whether the scheduler's thread has shown itself lately."""
        return bool(self._scheduler.running) and now - self._beat_at < timedelta(seconds=8 * HEARTBEAT_S)

    def next_times(self) -> dict[str, datetime]:
        """System → its next tick."""
        times: dict[str, datetime] = {}
        for job in self._scheduler.get_jobs():
            kind, _, name = job.id.partition(":")
            if kind == "schedule" and job.next_run_time is not None:
                times[name] = job.next_run_time
        return times

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)

    def _beat(self) -> None:
        self._beat_at = datetime.now(UTC)

    def _on_missed(self, event: Any) -> None:
        _, _, name = event.job_id.partition(":")
        if name:
            self._missed(name)
            self._due(name)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A system in the queue. `since`: when it came in; `until`: not to be taken before."""

    since: datetime
    until: datetime


class Queue:
    """The systems that wait for a run, and how long those that failed are left alone. Thread-safe; times are passed in."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._failures: dict[str, int] = {}

    def add(self, system: str, now: datetime) -> bool:
        """The system is due. False: the tick before has not been served yet, so the two become one run."""
        with self._turn:
            waiting = self._waiting.setdefault(system, _Waiting(now, now))
            return waiting.until > now or now - waiting.since <= timedelta(seconds=GRACE_S)

    def take(self, now: datetime, *, gather_s: float = GATHER_S) -> tuple[str, ...]:
        """The systems to run now, in order of their names; empty while there is nothing, or others may still come."""
        with self._turn:
            ready = {name: w for name, w in self._waiting.items() if w.until <= now}
            if not ready or min(max(w.since, w.until) for w in ready.values()) + timedelta(seconds=gather_s) > now:
                return ()
            for name in ready:
                del self._waiting[name]
            return tuple(sorted(ready))

    def put_back(self, systems: Iterable[str], now: datetime, delay_s: float) -> None:
        """Nothing could be done about these (somebody else holds the workspace): again soon."""
        with self._turn:
            for system in systems:
                self._waiting[system] = _Waiting(now, now + timedelta(seconds=delay_s))

    def failed(self, system: str, now: datetime, interval_s: float, *, hopeless: bool) -> datetime:
        """The system failed; returns when it is tried next. Until then its ticks do nothing.

        `hopeless`: only a person can mend it (credentials), so it is not tried any sooner than its schedule says.
        """
        with self._turn:
            times = self._failures[system] = self._failures.get(system, 0) + 1
            until = now + timedelta(seconds=backoff_s(times, interval_s, hopeless=hopeless))
            self._waiting[system] = _Waiting(now, until)
            return until

    def worked(self, system: str) -> bool:
        """The system answered. True: it had failed before."""
        with self._turn:
            return self._failures.pop(system, 0) > 0

    def failures(self) -> Mapping[str, int]:
        """System → how many times in a row it has failed."""
        with self._turn:
            return dict(self._failures)

    def keep(self, systems: Iterable[str]) -> None:
        """Forget every other system, and all back-offs: the configuration may have mended them."""
        names = frozenset(systems)
        with self._turn:
            self._failures = {name: times for name, times in self._failures.items() if name in names}
            self._waiting = {
                name: replace(waiting, until=waiting.since) for name, waiting in self._waiting.items() if name in names
            }


def backoff_s(times: int, interval_s: float, *, hopeless: bool) -> float:
    """How long to leave a system alone after it failed `times` in a row.

    Doubles from a minute (from its interval, where hopeless) up to four intervals, at most six hours, but always as
    long as one interval in the end: a system that is read once a day is not tried all night.
    """
    first = interval_s if hopeless else min(FIRST_RETRY_S, interval_s)
    longest = max(interval_s, min(interval_s * BACKOFF_INTERVALS, LONGEST_BACKOFF_S))
    return float(min(first * 2.0 ** min(times - 1, 30), longest))


def interval_s(system: SystemConfig, now: datetime) -> float:
    """Seconds between the next two times of the system's schedule."""
    due, zone = timetable.parse(system.schedule), zone_of(system)
    first = due.next_after(now, zone) or now
    second = due.next_after(first, zone) or first
    return max((second - first).total_seconds(), 1.0)


def zone_of(system: SystemConfig) -> ZoneInfo:
    """The time zone in which a system's schedule is read."""
    return ZoneInfo(system.timezone or "UTC")
