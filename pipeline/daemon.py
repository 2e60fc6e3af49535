"""The daemon: runs `sync` on each system's schedule, serves the dashboard, and tells when something needs a person.

Between runs it holds neither the workspace's lock nor its store, so that any command can be used beside it. One thread
runs what is due, one at a time; the main thread waits for signals and looks after the rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from connectors import open_connector, pace
from connectors.errors import ConnectorError
from mappings import MappingError, load_mappings
from pipeline import alerts, standing
from pipeline import log as logs
from pipeline.alerts import Alerts, Topic
from pipeline.config import Config, connector_settings, load_config
from pipeline.errors import Busy, Exit, UserError
from pipeline.metrics import Metrics
from pipeline.progress import Silent
from pipeline.run import Options, RunReport, SystemReport, run_sync
from pipeline.schedule import Queue, Schedule, interval_s
from pipeline.watch import Watch
from pipeline.web.app import State, make_app
from pipeline.web.serve import Served, serve
from pipeline.workspace import utc_now
from state.tokens import FileTokens

POLL_S = 0.25
BUSY_RETRY_S = 15.0
LOOK_EVERY_S = 10.0
"""How often to look whether something is overdue."""
KEEP_TOKENS_EVERY = timedelta(days=1)
"""A refresh token that is not used for long may expire (Inventorum does not say when)."""
RUN_STOP_S = 6.0
"""How long a run has to finish what is in flight; the rest of ten seconds is for the dashboard and the alerts."""

_AUTHORISE = frozenset({"needs_authorisation", "client_refused"})

log = structlog.get_logger("pipeline.daemon")


class Daemon:
    """One workspace's daemon. `start`, then `tick` now and then from the main thread, then `stop`."""

    def __init__(self, config: Config) -> None:
        """Raises UserError for a configuration that no run could work with."""
        receivers = _usable(config)
        self.config, self.config_problem = config, ""
        self._queue = Queue()
        self._started_at = self._kept_tokens_at = utc_now()
        self._metrics = Metrics(lambda: self.config, self._next_times, utc_now)
        self._alerts = Alerts(config.workspace, config.store_path, receivers)
        self._watch = Watch(config)
        self._unsettled: dict[alerts.Kind, frozenset[str]] = {}
        self._said_busy = False
        self._stop = threading.Event()
        self._runner = threading.Thread(target=self._work, name="runs", daemon=True)
        self._schedule: Schedule | None = None
        self._served: Served | None = None
        self._looked_at = float("-inf")

    def start(self) -> str:
        """Serve, schedule and run; returns the dashboard's address. Raises UserError when the address cannot be used."""
        self._served = serve(self._app(), self.config.daemon.listen)
        self._catch_up()
        self._schedule = Schedule(self.config, self.due, self._missed)
        self._runner.start()
        log.info("daemon.started", dashboard=self._served.address, systems=list(self.config.systems))
        return self._served.address

    def tick(self) -> None:
        """What the main thread does about once a second: a changed configuration is taken over, what is overdue is told."""
        if self._watch.changed():
            self.reload()
        if time.monotonic() - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = time.monotonic()
            for name, trouble in standing.overdue(self.config, self._started_at, utc_now()).items():
                self._alerts.judge(Topic("stale", name), trouble)

    def reload(self) -> None:
        """Take over the configuration file as it is now, if it is valid; else go on with the old one and say why."""
        self._watch.seen()
        try:
            config = load_config(self.config.file)
            receivers = _usable(config)
        except UserError as error:
            self.config_problem = str(error)
            self._metrics.reloaded(valid=False)
            log.error("config.refused", why=str(error), meaning="the old configuration stays in use")
            return
        if config.daemon.listen != self.config.daemon.listen:
            log.warning("config.needs_restart", key="daemon.listen")
        self.config, self.config_problem = config, ""
        self._metrics.reloaded(valid=True)
        logs.configure(level=config.log.level, form=config.log.format)
        self._alerts.replace(receivers, config.systems)
        self._queue.keep(_active(config))
        if self._schedule and self._served:
            self._schedule.replace(config)
            self._served.door.app = self._app()
        self._watch = Watch(config)
        for name, was_read in standing.due(config, utc_now()).items():
            if not was_read:
                self._queue.add(name, utc_now())
        log.info("config.reloaded", systems=list(config.systems))

    def stop(self) -> bool:
        """Finish what is in flight. False: the run could not be ended in time; what it did is safe, the next one goes on."""
        self._stop.set()
        if self._schedule:
            self._schedule.stop()
        if self._runner.is_alive():
            self._runner.join(RUN_STOP_S)
        ended = not self._runner.is_alive()
        closing = threading.Thread(target=self._alerts.close, daemon=True)
        closing.start()
        if self._served:
            self._served.close()
        closing.join(alerts.STOP_S)
        log.info("daemon.stopped", run_cut_short=not ended)
        return ended

    def due(self, system: str) -> None:
        """It is time to read this system."""
        if not self._queue.add(system, utc_now()):
            self._missed(system)

    def is_alive(self) -> bool:
        """Whether the scheduler and the runner are there."""
        scheduling = self._schedule is not None and self._schedule.is_alive(utc_now())
        return scheduling and self._runner.is_alive()

    def not_ready(self) -> list[str]:
        """Why the daemon does not do its work: nothing could be read for too long, or there is nothing to show yet."""
        problems = [] if self.is_alive() else ["the scheduler has stopped"]
        problems += standing.unreadable(self.config)
        overdue = standing.overdue(self.config, self._started_at, utc_now())
        return problems + [f"{name}: {trouble}" for name, trouble in overdue.items() if trouble]

    def _app(self) -> object:
        return make_app(self.config, State(self.is_alive, self.not_ready, self._metrics.text))

    def _next_times(self) -> Mapping[str, datetime]:
        return self._schedule.next_times() if self._schedule else {}

    def _missed(self, system: str) -> None:
        """A scheduled time passed without a run of its own: the machine slept, the daemon was down, or a run took too long."""
        log.warning("schedule.missed", system=system, meaning="it is run once")
        self._metrics.missed(system)

    def _catch_up(self) -> None:
        """What became due while nobody was looking runs once, now; so does what was never read."""
        for name, was_read in standing.due(self.config, utc_now()).items():
            if was_read:
                self._missed(name)
            self._queue.add(name, utc_now())

    def _work(self) -> None:
        """The runner's thread: one run at a time, of all systems that are due."""
        while not self._stop.wait(POLL_S):
            try:
                if systems := self._queue.take(utc_now()):
                    self._run(systems)
                elif utc_now() - self._kept_tokens_at >= KEEP_TOKENS_EVERY:
                    self._kept_tokens_at = utc_now()
                    self._keep_tokens()
            except Exception:
                log.exception("daemon.bug", meaning="the daemon goes on")

    def _run(self, systems: tuple[str, ...]) -> None:
        config, began, before = self.config, time.monotonic(), pace.usage()
        if not (names := tuple(name for name in systems if name in _active(config))):
            return
        log.debug("run.started", systems=list(names))
        try:
            report = run_sync(config, Options("sync", systems=names, stop=self._stop), Silent())
        except Busy as busy:
            if not self._said_busy:
                log.info("run.waiting", why=str(busy), systems=list(names))
            self._said_busy = True
            self._queue.put_back(names, utc_now(), BUSY_RETRY_S)
        except UserError as error:
            log.error("run.failed", why=str(error), systems=list(names))
            self._failed(names, Exit.USAGE, str(error), time.monotonic() - began)
        except Exception as error:
            log.exception("run.failed", why="a bug in customer-sync", systems=list(names))
            self._failed(names, Exit.BUG, f"a bug in customer-sync ({type(error).__name__})", time.monotonic() - began)
        else:
            self._finished(names, report, time.monotonic() - began, before)

    def _failed(self, names: tuple[str, ...], code: Exit, why: str, duration_s: float) -> None:
        """The whole run failed, and nobody knows which system it was: all of them are tried again later and later."""
        self._said_busy = False
        self._metrics.failed(code, duration_s)
        self._settle("run", names, why)
        for name in names:
            self._queue.failed(name, utc_now(), self._interval_s(name), hopeless=False)

    def _finished(
        self, names: tuple[str, ...], report: RunReport, duration_s: float, before: Mapping[str, pace.Usage]
    ) -> None:
        self._said_busy = False
        if self._stop.is_set():
            log.info(
                "run.stopped", run_id=report.run_id, outcome=report.outcome, meaning="the next one goes on from here"
            )
            return
        with logs.bound(run_id=report.run_id):
            asked = [row for row in report.systems if row.system in names]
            for row in asked:
                self._judge(row)
            used = {
                name: pace.Usage(usage.requests - (before[name].requests if name in before else 0), usage.per_minute)
                for name, usage in pace.usage().items()
                if name in names
            }
            self._metrics.finished(report, duration_s, used)
            stopped = [text for text in report.problems if report.exit_code is Exit.SAFETY]
            self._settle("safety", names, " ".join(stopped))
            self._settle("run", names, "")
            for name, trouble in standing.many_rejects(self.config).items():
                self._alerts.judge(Topic("rejects", name), trouble)
            written = sum(row.counts.get(kind, 0) for row in asked for kind in ("created", "updated", "deleted"))
            log.info(
                "run.finished", outcome=report.outcome, exit_code=int(report.exit_code), systems=list(names),
                seconds=round(duration_s, 1), read=sum(row.counts.get("records_read", 0) for row in asked), written=written,
            )  # fmt: skip

    def _judge(self, row: SystemReport) -> None:
        """One system after a run: left alone for a while, welcomed back, or as ever."""
        name = row.system
        self._metrics.answered(name, up=not row.problem)
        needs_authorisation = row.refused and row.code in _AUTHORISE
        if row.refused or not row.problem:  # one that cannot be reached has not changed its mind
            self._alerts.judge(Topic("authorise", name), row.problem if needs_authorisation else "")
            self._alerts.judge(Topic("refused", name), "" if needs_authorisation else row.problem)
        if row.problem:
            next_try = self._queue.failed(name, utc_now(), self._interval_s(name), hopeless=row.refused)
            log.warning(
                "system.failed",
                system=name,
                code=row.code,
                why=row.problem,
                next_try=next_try.isoformat(timespec="seconds"),
            )
        else:
            if self._queue.worked(name):
                log.info("system.recovered", system=name)
            log.debug("system.done", system=name, **row.counts)

    def _interval_s(self, name: str) -> float:
        """A reload may have removed the system while it ran."""
        system = self.config.systems.get(name)
        return interval_s(system, utc_now()) if system else BUSY_RETRY_S

    def _settle(self, kind: alerts.Kind, names: tuple[str, ...], trouble: str) -> None:
        """Runs are of different systems each time: a trouble is over when all that it met have had a run without it."""
        before, these = self._unsettled.get(kind, frozenset()), frozenset(names)
        left = self._unsettled[kind] = before | these if trouble else before - these
        if trouble or not left:
            self._alerts.judge(Topic(kind), trouble)

    def _keep_tokens(self) -> None:
        """Use the credentials of systems that were not read for a day, paused ones too, so that they do not expire."""
        for name in standing.idle(self.config, utc_now() - KEEP_TOKENS_EVERY):
            if self.config.systems[name].auth.refresh_token is None:
                continue
            try:
                connector = open_connector(
                    self.config.systems[name].connector,
                    connector_settings(self.config, name),
                    FileTokens(self.config.store_path),
                )
                try:
                    connector.account()
                finally:
                    connector.close()
            except ConnectorError as error:
                log.warning("token.not_kept", system=name, code=error.code, why=str(error))


def _usable(config: Config) -> list[alerts.Service]:
    """The alert services of a configuration that runs can work with. Raises UserError when they cannot."""
    _ = config.store_path
    try:
        load_mappings(config.mappings_folder)
    except MappingError as error:
        raise UserError("The mapping files have problems:", error.problems) from None
    return alerts.services(config)


def _active(config: Config) -> Iterable[str]:
    return [name for name, system in config.systems.items() if not system.paused]
