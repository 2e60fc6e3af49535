"""`customer-sync demo`: three simulated tills on loopback, synced for real, and what came of it. No account, no network.

Everything goes through the public parts that a user has: a `config.yaml`, runs, and queries on the snapshot.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from connectors.simulators.clock import Clock
from connectors.simulators.sample import Sample, sample
from connectors.simulators.server import Handle, default_tills, serve
from pipeline.config import Config, load_config
from pipeline.errors import Exit
from pipeline.progress import Progress
from pipeline.query import ask, open_snapshot
from pipeline.run import Options, RunReport, run_sync

Say = Callable[[str], object]
KeepUp = Callable[[Config, Callable[[str], None]], None]
"""Runs a daemon until it is stopped; the second argument is told the dashboard's address."""

SERVE_EVERY_S = 10
DASHBOARD_PORT = 8080

QUERIES = (
    ("How many customers do we know, and in how many tills is each?",
     "SELECT len(systems) AS tills, count(*) AS customers FROM customers GROUP BY 1 ORDER BY 1"),
    ("Who cannot be kept everywhere, and why?",
     "SELECT system, reason, count(*) AS customers FROM exclusions GROUP BY ALL ORDER BY customers DESC, system, reason"),
    ("Which companies do we have, with their VAT numbers?",
     "SELECT company, vat_number, city, systems FROM customers WHERE vat_number IS NOT NULL ORDER BY company LIMIT 5"),
    ("Which possible matches wait for a decision?",
     "SELECT left_system, right_system, agree, differ, count(*) AS n FROM reviews WHERE decision IS NULL GROUP BY ALL ORDER BY ALL"),
)  # fmt: skip


def run_demo(folder: Path | None, progress: Progress, say: Say, keep_up: KeepUp | None = None) -> Exit:
    """The whole demonstration; returns DONE only when everything it promises was seen.

    `keep_up`: how to run the daemon (`--serve`), which then stays with the tills until it is stopped.
    """
    with _place(folder) as place, serve(_tills(), 0) as handle:
        people = sample()
        ids = {name: handle.tills[name].load(rows) for name, rows in people.rows.items()}
        config = load_config(write_config(place, handle))
        code = _tell(config, handle, people, ids, progress, say)
        if keep_up is not None and code is Exit.DONE:
            serve_demo(place, handle, say, keep_up)
        return code


def serve_demo(place: Path, handle: Handle, say: Say, keep_up: KeepUp) -> None:
    """The demo's tills with a daemon that syncs them every ten seconds, and what to try with it."""
    file = write_config(place, handle, **{name: {"schedule": f"every {SERVE_EVERY_S}s"} for name in handle.tills})
    port = _free_port(DASHBOARD_PORT)
    with file.open("a", encoding="utf-8") as text:
        text.write(f"daemon: {{ listen: 127.0.0.1:{port} }}\nlog: {{ level: warning }}\n")
    config = load_config(file)
    berlin = handle.tills["berlin"]
    record = min((key for key in berlin.customers() if berlin.customer(key)["email"]), key=int)

    def on_start(address: str) -> None:
        say(f"\nThe daemon syncs the three tills every {SERVE_EVERY_S} seconds. Ctrl-C stops everything.\n")
        say(f"   the dashboard:          {address}")
        say(f"   the tills' back office: {handle.root}/_control/")
        say(f"   edit a customer:        curl -X PATCH {handle.root}/_control/berlin/customers/{record} \\")
        say('                             -d \'{"email": "changed@example.com"}\'')
        say(f"   look for it:            {address}/customers?q=changed@example.com")
        say(f"   or on the command line: customer-sync --config {file} status")

    keep_up(config, on_start)


def _free_port(wanted: int) -> int:
    """The port, if it is free on loopback; else 0, for any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def _tell(
    config: Config, handle: Handle, people: Sample, ids: Mapping[str, list[str]], progress: Progress, say: Say
) -> Exit:
    say(
        "Three tills, three customer lists: "
        + ", ".join(f"{name} {len(rows)}" for name, rows in people.rows.items())
        + "."
    )
    say("\n1. Backfill: read everything, match, merge, and bring every till up to date.\n")
    first = _run(config, "backfill", progress, full=True)
    say(counts_table(first))
    say("\n" + _against_truth(config, people, ids))

    say("\n2. A second sync, with nobody else writing.")
    before = _writes(handle)
    second = _run(config, "sync", progress)
    quiet = _writes(handle) - before
    say(f"   {quiet} write requests were sent.")

    say("\n3. Somebody edits a customer at one till.")
    reached = _edit_travels(config, handle, progress, say)

    say("\n4. Questions, asked of the published snapshot with SQL.")
    for question, sql in QUERIES:
        say(f"\n   {question}\n")
        say(_indented(rows_of(config.store_path, sql)))
    runs = (first, second)
    unclean = [run for run in runs if run.exit_code is not Exit.DONE or run.problems]
    if unclean or quiet or not reached:
        for run in unclean:
            say(f"\n{run.command} ended with {run.outcome}: {'; '.join(run.problems)}")
        return Exit.BUG
    say("\nAll three lists agree. Your own tills: customer-sync init")
    return Exit.DONE


def _tills() -> dict[str, Any]:
    return default_tills(Clock(real=True))


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """The given folder, kept; or a temporary one."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="customer-sync-demo-") as temporary:
        yield Path(temporary)


def write_config(place: Path, handle: Handle, **systems: Mapping[str, Any]) -> Path:
    """A `config.yaml` for the simulated tills of `handle`; `systems` adds to or changes the settings of single ones."""
    shops = {
        "berlin": {"connector": "inventorum", "region": "DE"},
        "oslo": {"connector": "flow_retail", "tenant": "acme", "region": "NO"},
        "riyadh": {"connector": "foodics", "region": "SA"},
    }
    document = {
        "workspace": "demo",
        "store": "var/customers.duckdb",
        "region": "DE",
        "timezone": "Europe/Berlin",
        "systems": {
            name: {
                **shop,
                "base_url": handle.url(name),
                "auth": handle.tills[name].credentials,
                "requests_per_minute": 60_000,
                **systems.get(name, {}),
            }
            for name, shop in shops.items()
        },
        "merge": {"prefer": ["berlin", "oslo", "riyadh"]},
    }
    path = place / "config.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
    path.chmod(0o600)
    return path


def _run(config: Config, command: str, progress: Progress, *, full: bool = False) -> RunReport:
    return run_sync(config, Options(command=command, full=full), progress)


def _writes(handle: Handle) -> int:
    return sum(len(till.ledger.writes()) for till in handle.tills.values())


def counts_table(report: RunReport) -> str:
    """The run's counts per system as a plain table."""
    kinds = ("records_read", "created", "updated", "unchanged", "excluded", "held", "failed")
    head = ["", *(kind.removeprefix("records_") for kind in kinds)]
    lines = [[row.system, *(str(row.counts.get(kind, 0)) for kind in kinds)] for row in report.systems]
    return _aligned([head, *lines])


def rows_of(store: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of one query on the snapshot."""
    with open_snapshot(store) as con:
        answer = ask(con, sql)
        return list(answer.columns), [row for batch in answer.batches() for row in batch]


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "   "
        + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )


def _indented(table: tuple[list[str], list[tuple[Any, ...]]]) -> str:
    names, rows = table
    cells = [[_cell(value) for value in row] for row in rows] or [["(none)"] + [""] * (len(names) - 1)]
    widths = [max(len(row[i]) for row in [names, *cells]) for i in range(len(names))]
    return "\n".join(
        "   " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in [names, *cells]
    )


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def _against_truth(config: Config, people: Sample, ids: Mapping[str, list[str]]) -> str:
    """How the matches compare with the truth, counted in pairs of records."""
    who = {
        (name, record_id): person
        for name, record_ids in ids.items()
        for record_id, person in zip(record_ids, people.truth[name], strict=True)
        if person is not None
    }
    _, rows = rows_of(config.store_path, "SELECT system, record_id, customer_id FROM links")
    customer = {(system, record_id): customer_id for system, record_id, customer_id in rows}
    known = [key for key in who if key in customer]
    true = _pairs(known, who)
    found = _pairs(known, customer)
    right, missed, wrong = len(true & found), len(true - found), len(found - true)
    reviews = rows_of(config.store_path, "SELECT count(*) FROM reviews WHERE decision IS NULL")[1][0][0]
    return (
        f"   Matched against the truth, in pairs of records: {right} right, {missed} missed, {wrong} wrong"
        f" ({reviews} possible matches wait for a person)."
    )


def _pairs(keys: list[tuple[str, str]], owner: Mapping[tuple[str, str], str]) -> set[tuple[Any, Any]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for key in keys:
        groups.setdefault(owner[key], []).append(key)
    return {pair for group in groups.values() for pair in combinations(sorted(group), 2)}


def _edit_travels(config: Config, handle: Handle, progress: Progress, say: Say) -> bool:
    """Change an e-mail at one till; say where it arrived."""
    _, rows = rows_of(
        config.store_path,
        "SELECT customer_id, map_from_entries(list((system, record_id))) FROM links JOIN customers USING (customer_id)"
        " WHERE len(systems) = 3 AND records = 3 AND email IS NOT NULL AND company IS NULL GROUP BY 1 ORDER BY 1 LIMIT 1",
    )
    records: dict[str, str] = rows[0][1]
    address = "new.address@example.com"
    handle.tills["berlin"].edit(records["berlin"], email=address)
    report = _run(config, "sync", progress)
    say(f"   berlin:{records['berlin']} gets the e-mail address {address}; a sync later:")
    say(counts_table(report))
    arrived = {name: handle.tills[name].customer(record_id)["email"] for name, record_id in records.items()}
    for name, email in sorted(arrived.items()):
        say(f"   {name}:{records[name]} has {email}")
    return set(arrived.values()) == {address}
