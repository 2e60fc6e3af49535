"""What Prometheus is told: counters of runs, gauges of how things stand, and nobody's data."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connectors import pace
from connectors.pace import Usage
from pipeline import metrics as module
from pipeline.config import Config, SystemConfig
from pipeline.errors import Exit
from pipeline.metrics import Metrics
from pipeline.run import RunReport, SystemReport
from state import snapshot
from state.store import open_store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    systems = {name: SystemConfig.model_construct() for name in ("berlin", "oslo")}
    config = Config.model_construct(store=str(tmp_path / "customers.duckdb"), systems=systems)
    return Metrics(lambda: config, lambda: {"oslo": NOW}, lambda: NOW)


def values(metrics: Metrics) -> dict[str, float]:
    """`name{label=value,…}` → value, read as Prometheus reads it."""
    return {
        sample.name + "".join(f" {value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_a_run_counts_by_system_and_outcome(metrics: Metrics) -> None:
    counts = {"records_read": 5, "records_new": 2, "records_unchanged": 3, "created": 1, "updated": 4, "excluded": 7}
    report = RunReport("r1", "sync", Exit.UNREACHABLE)
    report.systems = [SystemReport("oslo", counts), SystemReport("berlin", {}, "gone", "unreachable")]
    for _ in range(2):
        metrics.finished(report, 3.0, {"oslo": Usage(15, 600)})
    metrics.answered("berlin", up=False)
    metrics.failed(Exit.BUG, 1.0)
    metrics.missed("oslo")
    found = values(metrics)
    # labels in the order of their names: outcome, system
    assert found["customer_sync_runs_total unreachable"] == 2
    assert found["customer_sync_runs_total bug"] == 1
    assert found["customer_sync_runs_total done"] == 0
    assert found["customer_sync_run_duration_seconds_sum"] == 7
    assert found["customer_sync_records_read_total new oslo"] == 4
    assert found["customer_sync_writes_total updated oslo"] == 8
    assert found["customer_sync_customers_looked_at_total excluded oslo"] == 14
    assert found["customer_sync_system_failures_total unreachable berlin"] == 2
    assert found["customer_sync_system_up berlin"] == 0
    assert found["customer_sync_missed_runs_total oslo"] == 1
    assert found["customer_sync_last_run_timestamp_seconds"] == NOW.timestamp()
    assert found["customer_sync_budget_used_ratio oslo"] == pytest.approx(0.5)
    assert found["customer_sync_next_run_timestamp_seconds oslo"] == NOW.timestamp()


def test_how_things_stand_is_read_from_the_snapshot(metrics: Metrics, tmp_path: Path) -> None:
    assert not [name for name in values(metrics) if "staleness" in name]
    store = open_store(tmp_path / "customers.duckdb")
    with store.transaction() as con:
        con.execute("INSERT INTO core.systems (system, last_complete_at) VALUES ('oslo', ?), ('gone', ?)", [NOW, NOW])
        con.execute("UPDATE core.systems SET last_complete_at = last_complete_at - INTERVAL 90 SECOND")
        con.execute("INSERT INTO core.records (system, record_id) VALUES ('oslo', '1'), ('oslo', '2')")
        con.execute(
            "INSERT INTO core.rejects (system, stage, reason, payload) VALUES ('oslo', 'write', 'refused', 'Ana Berg')"
        )
        con.execute("INSERT INTO core.reviews (review_id) VALUES ('a'), ('b')")
        con.execute("INSERT INTO core.exclusions VALUES ('c', 'oslo', 'missing_phone', 'Ana Berg', now())")
    store.checkpoint()
    snapshot.publish(store.path)
    store.close()
    found = values(metrics)
    assert found["customer_sync_staleness_seconds oslo"] == 90
    assert "customer_sync_staleness_seconds gone" not in found
    assert found["customer_sync_records oslo"] == 2
    assert found["customer_sync_rejects write oslo"] == 1
    assert found["customer_sync_open_reviews"] == 2
    assert found["customer_sync_exclusions missing_phone oslo"] == 1
    assert b"Ana" not in metrics.text()


def test_requests_are_counted_against_the_budget_of_their_system(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_paces", {})
    account = pace.shared_pace("https://till.example.com", "secret-token", 6000, system="oslo")
    for _ in range(3):
        account.take()
    found = values(metrics)
    assert found["customer_sync_requests_total oslo"] == 3
    assert found["customer_sync_budget_requests_per_minute oslo"] == 6000
    assert b"secret-token" not in metrics.text()


def test_a_configuration_that_was_refused_shows(metrics: Metrics) -> None:
    assert values(metrics)["customer_sync_config_valid"] == 1
    metrics.reloaded(valid=False)
    assert values(metrics)["customer_sync_config_valid"] == 0


@pytest.mark.parametrize("file", ["packaging/grafana-dashboard.json", "docs/operating.md"])
def test_what_is_shown_and_documented_exists(file: str) -> None:
    """A renamed metric would leave an empty panel that nobody notices."""
    code = Path(module.__file__).read_text("utf-8")
    known = {name.removesuffix("_total") for name in re.findall(r'"(customer_sync_[a-z_]+)"', code)}
    text = (Path(module.__file__).parents[1] / file).read_text("utf-8")
    used = {re.sub(r"_(total|bucket)$", "", name) for name in re.findall(r"customer_sync_[a-z_]+", text)}
    assert used - known == set()
    if file.startswith("docs"):
        assert known - used == set()
