"""Speed and memory of a pull, from a system's pages to records in the store, against a bare httpx client.

    python -m benchmarks.pull [CUSTOMERS] [inventorum|flow_retail|foodics]
    python -m benchmarks.pull pace

Three processes: the simulated till, the bare client (fetch and discard the same pages with the same concurrency), the pull. The ratio
of the last two is the figure: both share the cores with the till. Peak memory is that of the pulling process alone.
`pace`: a till that answers in 200 ms and refuses more than 20 requests in any second, pulled at 1200 requests a minute.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import yaml

from connectors.simulators.flow_retail import FlowRetailTill
from connectors.simulators.foodics import FoodicsTill
from connectors.simulators.inventorum import InventorumTill
from connectors.simulators.server import serve
from connectors.simulators.till import Till

FAST = 100_000
"""Requests per minute: the budget is not what is measured here."""
PAGE = {"inventorum": 30, "flow_retail": 100, "foodics": 50}
WIDTH = {"inventorum": 16, "flow_retail": 1, "foodics": 1}
"""Requests under way at once; the keyset walks of the other two are sequential by nature."""


def people(vendor: str, customers: int) -> Iterator[dict[str, Any]]:
    """Invented people in the vendor's own fields."""
    for n in range(customers):
        if vendor == "inventorum":
            where = {
                "address1": "Voltastraße",
                "address2": str(n % 90),
                "zipcode": "13355",
                "city": "Berlin",
                "country": "DE",
            }
            yield {"first_name": "Ana", "last_name": f"Muster {n}", "email": f"ana{n}@example.com",
                   "phone_number": f"0176 {n:08}", "billing_address": where}  # fmt: skip
        elif vendor == "flow_retail":
            yield {"firstname": "Kari", "lastname": f"Muster {n}", "email": f"kari{n}@example.com", "mobile": f"+47{n:08}",
                   "address": "Storgata 1", "postalCode": "0155", "city": "Oslo", "countryCode": "NO"}  # fmt: skip
        else:
            yield {"name": f"Noura Muster {n}", "email": f"noura{n}@example.com", "phone": f"5{n:08}", "dial_code": 966}


def make_till(vendor: str, customers: int) -> Till[Any]:
    """A till of that vendor with so many invented people."""
    kinds: dict[str, Callable[[], Till[Any]]] = {
        "inventorum": lambda: InventorumTill("till"),
        "flow_retail": lambda: FlowRetailTill("acme"),
        "foodics": lambda: FoodicsTill("till"),
    }
    till = kinds[vendor]()
    till.load(people(vendor, customers))
    return till


def serve_till(vendor: str, customers: int, latency_s: float = 0.0, per_second: int | None = None) -> None:
    """Serve until standard input closes."""
    till = make_till(vendor, customers)
    till.faults.latency_s = latency_s
    till.turn(rate_limit=per_second)
    with serve({"till": till}) as handle:
        print(json.dumps({"url": handle.url("till"), "auth": till.credentials}), flush=True)
        sys.stdin.read()
        print(json.dumps({"requests": till.ledger.counts["list"], "refused": till.ledger.counts["status:429"]}))


@contextmanager
def running_till(vendor: str, customers: int, *dials: str) -> Iterator[dict[str, Any]]:
    """`url` and `auth` of a till in another process; afterwards `requests` and `refused` as well."""
    command = [sys.executable, "-m", "benchmarks.pull", "--serve", vendor, str(customers), *dials]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        till = json.loads(process.stdout.readline())
        yield till
        process.stdin.close()
        till.update(json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def fetch_bare(vendor: str, till: dict[str, Any], customers: int) -> float:
    """Seconds that a bare httpx client needs for the same pages."""
    size = PAGE[vendor]
    token = till["auth"].get("token") or till["auth"]["access_token"]
    headers = {"Authorization": f"Bearer {token}", "X-Api-Version": "10"}
    path, name, number = {
        "inventorum": ("customers/", "limit", "page"),
        "flow_retail": ("tenants/acme/customers", "pageSize", "pageNumber"),
        "foodics": ("customers?include=tags,addresses", "per_page", "page"),
    }[vendor]
    with httpx.Client(base_url=till["url"] + "/", headers=headers, timeout=60) as client:

        def fetch(page: int) -> int:
            try:
                return len(client.get(path, params={name: size, number: page}).raise_for_status().content)
            except httpx.TransportError:  # a connection that expired between two requests
                return fetch(page)

        started = time.perf_counter()
        with ThreadPoolExecutor(WIDTH[vendor]) as pool:
            sum(pool.map(fetch, range(1, -(-customers // size) + 1)))
        return time.perf_counter() - started


def pull(vendor: str, url: str, auth: dict[str, str], folder: Path, per_minute: int = FAST) -> dict[str, float]:
    """Pull everything into a new store; seconds, peak MiB, records."""
    from pipeline.config import load_config
    from pipeline.extract import extract
    from pipeline.progress import Silent
    from pipeline.run import Options, _open_workspace
    from pipeline.workspace import utc_now

    system = {
        "connector": vendor,
        "base_url": url,
        "auth": auth,
        "requests_per_minute": per_minute,
        "page_size": PAGE[vendor],
    }
    if vendor == "flow_retail":
        system["tenant"] = "acme"
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({"workspace": "bench", "store": "store.duckdb", "systems": {"till": system}}))
    with _open_workspace(load_config(file), Options("backfill"), utc_now) as ws:
        started = time.perf_counter()
        received = extract(ws, full=True, progress=Silent(), stop=Event())["till"]
        seconds = time.perf_counter() - started
        assert ws.systems["till"].problem is None, ws.systems["till"].problem
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"seconds": seconds, "peak": peak, "records": received.read}


def measure(vendor: str, customers: int) -> None:
    with running_till(vendor, customers) as till, tempfile.TemporaryDirectory() as folder:
        arguments = [vendor, till["url"], json.dumps(till["auth"]), folder]
        bare = fetch_bare(vendor, till, customers)
        command = [sys.executable, "-m", "benchmarks.pull", "--pull", *arguments]
        pulled = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        bare = min(bare, fetch_bare(vendor, till, customers))
    assert pulled["records"] == customers
    print(
        f"{vendor}: {customers:,} customers, bare client {bare:.1f} s, pull {pulled['seconds']:.1f} s"
        f" ({customers / pulled['seconds']:,.0f}/s): {pulled['seconds'] / bare:.2f} times; peak {pulled['peak']:.0f} MiB"
    )


def measure_pace() -> None:
    customers = 12_000
    with running_till("inventorum", customers, "0.2", "20") as till, tempfile.TemporaryDirectory() as folder:
        pulled = pull("inventorum", till["url"], till["auth"], Path(folder), 1200)
    used = till["requests"] / (pulled["seconds"] * 20)
    print(
        f"pace: {till['requests']} requests in {pulled['seconds']:.1f} s: {used:.1%} of the budget, {till['refused']} refused"
    )


def main(arguments: list[str]) -> None:
    match arguments:
        case ["--serve", vendor, customers]:
            serve_till(vendor, int(customers))
        case ["--serve", vendor, customers, latency_s, per_second]:
            serve_till(vendor, int(customers), float(latency_s), int(per_second))
        case ["pace"]:
            measure_pace()
        case ["--pull", vendor, url, auth, folder]:
            print(json.dumps(pull(vendor, url, json.loads(auth), Path(folder))))
        case _:
            customers = int(arguments[0]) if arguments else 100_000
            for vendor in arguments[1:] or PAGE:
                measure(vendor, customers)


if __name__ == "__main__":
    main(sys.argv[1:])
