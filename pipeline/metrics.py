"""What Prometheus is told: counters of what the daemon's runs did, and gauges of how the workspace stands.

Reads: run reports, the snapshot, the request budgets. Writes: nothing. Labels name systems and outcomes, never a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import duckdb
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from connectors import pace
from pipeline.config import Config
from pipeline.errors import Exit, UserError
from pipeline.query import open_snapshot
from pipeline.run import RunReport
from pipeline.workspace import Clock

RECORDS = ("new", "changed", "unchanged", "rejected")
WRITES = ("created", "updated", "deleted", "failed")
CUSTOMERS = ("unchanged", "excluded", "held")
_DURATIONS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400)


class Metrics:
    """One daemon's metrics, in a registry of their own. Thread-safe, as the client library is."""

    def __init__(
        self, config: Callable[[], Config], next_times: Callable[[], Mapping[str, datetime]], now: Clock
    ) -> None:
        # When a counter began says little, and doubles the lines.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._runs = Counter("customer_sync_runs", "Runs, by how they ended.", ["outcome"], registry=registry)
        self._duration = Histogram(
            "customer_sync_run_duration_seconds", "How long runs took.", buckets=_DURATIONS_S, registry=registry
        )
        self._last = Gauge("customer_sync_last_run_timestamp_seconds", "When the last run ended.", registry=registry)
        by_system = ["system", "outcome"]
        self._records = Counter(
            "customer_sync_records_read", "Records that pulls received.", by_system, registry=registry
        )
        self._writes = Counter("customer_sync_writes", "Writes to systems.", by_system, registry=registry)
        self._customers = Counter(
            "customer_sync_customers_looked_at",
            "Customers that needed no write, or got none.",
            by_system,
            registry=registry,
        )
        self._failures = Counter(
            "customer_sync_system_failures",
            "Runs that had to leave a system out.",
            ["system", "code"],
            registry=registry,
        )
        self._up = Gauge(
            "customer_sync_system_up",
            "1: the system answered in the last run that asked it.",
            ["system"],
            registry=registry,
        )
        self._budget_used = Gauge(
            "customer_sync_budget_used_ratio",
            "Part of the system's request budget that the last run used while it lasted.",
            ["system"],
            registry=registry,
        )
        self._missed = Counter(
            "customer_sync_missed_runs",
            "Scheduled times that passed without a run of their own.",
            ["system"],
            registry=registry,
        )
        self._reloaded = Gauge(
            "customer_sync_config_valid",
            "0: the changed configuration is not valid, the old one is in use.",
            registry=registry,
        )
        self._reloaded.set(1)
        ProcessCollector(registry=registry)
        registry.register(_Standing(config, next_times, now))
        self._now = now
        for outcome in Exit:
            self._runs.labels(_name(outcome))

    def finished(self, report: RunReport, duration_s: float, used: Mapping[str, pace.Usage]) -> None:
        """A run came to its end. `used`: the requests that it took."""
        self._ended(report.exit_code, duration_s)
        for row in report.systems:
            for kind in RECORDS:
                self._records.labels(row.system, kind).inc(row.counts.get(f"records_{kind}", 0))
            for kinds, counter in ((WRITES, self._writes), (CUSTOMERS, self._customers)):
                for kind in kinds:
                    counter.labels(row.system, kind).inc(row.counts.get(kind, 0))
            if row.code:
                self._failures.labels(row.system, row.code).inc()
        for name, usage in used.items():
            allowed = usage.per_minute * duration_s / 60
            self._budget_used.labels(name).set(min(1.0, usage.requests / allowed) if allowed else 0.0)

    def failed(self, exit_code: Exit, duration_s: float) -> None:
        """A run ended without a report."""
        self._ended(exit_code, duration_s)

    def answered(self, system: str, *, up: bool) -> None:
        """Whether the system could be read and written in the run just ended."""
        self._up.labels(system).set(up)

    def missed(self, system: str) -> None:
        """A tick of this system got no run of its own."""
        self._missed.labels(system).inc()

    def reloaded(self, *, valid: bool) -> None:
        """The configuration was looked at again."""
        self._reloaded.set(valid)

    def text(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self._registry)

    def _ended(self, exit_code: Exit, duration_s: float) -> None:
        self._runs.labels(_name(exit_code)).inc()
        self._duration.observe(duration_s)
        self._last.set(self._now().timestamp())


def _name(outcome: Exit) -> str:
    return outcome.name.lower()


class _Standing(Collector):
    """How the workspace stands at the moment it is asked: read from the snapshot, so that a run never holds it up."""

    def __init__(
        self, config: Callable[[], Config], next_times: Callable[[], Mapping[str, datetime]], now: Clock
    ) -> None:
        self._config, self._next_times, self._now = config, next_times, now

    def describe(self) -> list[Metric]:
        """Nothing: asking the snapshot before there is one would be no use."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        try:
            with open_snapshot(self._config().store_path) as con:
                yield from self._from_snapshot(con)
        except (UserError, duckdb.Error):
            pass  # nothing published yet; the rest is told all the same
        due = GaugeMetricFamily("customer_sync_next_run_timestamp_seconds", "When a run is due.", labels=["system"])
        for name, at in self._next_times().items():
            due.add_metric([name], at.timestamp())
        yield due
        requests = CounterMetricFamily("customer_sync_requests", "Requests sent.", labels=["system"])
        budget = GaugeMetricFamily(
            "customer_sync_budget_requests_per_minute", "Requests allowed in a minute.", labels=["system"]
        )
        for name, usage in pace.usage().items():
            requests.add_metric([name], usage.requests)
            budget.add_metric([name], usage.per_minute)
        yield from (requests, budget)

    def _from_snapshot(self, con: duckdb.DuckDBPyConnection) -> Iterator[Metric]:
        names = self._config().systems
        stale = GaugeMetricFamily(
            "customer_sync_staleness_seconds", "Since the last complete read of the system.", labels=["system"]
        )
        records = GaugeMetricFamily("customer_sync_records", "Customers that the system holds.", labels=["system"])
        rows = con.execute("SELECT system, epoch(last_complete_at), records FROM cursors").fetchall()
        for name, read_at, count in rows:
            if name not in names:
                continue
            records.add_metric([name], count)
            if read_at is not None:
                stale.add_metric([name], max(0.0, self._now().timestamp() - read_at))
        yield from (stale, records)
        yield _counted(
            con, "customer_sync_rejects", "Records and writes set aside, still open.", ["system", "stage"],
            "SELECT system, stage, count(*) FROM rejects GROUP BY ALL",
        )  # fmt: skip
        yield _counted(
            con, "customer_sync_exclusions", "Customers that a system does not get.", ["system", "reason"],
            "SELECT system, reason, count(*) FROM exclusions GROUP BY ALL",
        )  # fmt: skip
        for name, what, sql in (
            ("customer_sync_customers", "Customers known.", "SELECT count(*) FROM customers"),
            ("customer_sync_open_reviews", "Possible matches to decide.", "SELECT count(*) FROM reviews WHERE decision IS NULL"),
            ("customer_sync_conflicts", "Values that were changed in two systems.", "SELECT count(*) FROM conflicts"),
        ):  # fmt: skip
            yield GaugeMetricFamily(name, what, value=con.execute(sql).fetchall()[0][0])


def _counted(con: duckdb.DuckDBPyConnection, name: str, what: str, labels: list[str], sql: str) -> Metric:
    family = GaugeMetricFamily(name, what, labels=labels)
    for *values, count in con.execute(sql).fetchall():
        family.add_metric([str(value) for value in values], count)
    return family
