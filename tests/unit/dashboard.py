"""A published snapshot with a bit of everything, and a client in front of its dashboard: for test_web_*."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import uvicorn
import yaml
from starlette.applications import Starlette

from pipeline.config import Config
from pipeline.web.pages import page_routes
from state import migrations, snapshot

EVIL = "<script>alert('x')</script>"
ARABIC = "محمد العتيبي"


def written_config(folder: Path, *, filled: bool = True, **daemon: Any) -> Path:
    """A `config.yaml` of three systems with a filled snapshot (or none) beside it."""
    auth = {"token": "t0ken-of-a-till"}
    document = {
        "workspace": "acme",
        "store": "customers.duckdb",
        "timezone": "Europe/Berlin",
        "systems": {
            name: {
                "connector": "flow_retail",
                "tenant": name,
                "base_url": f"http://127.0.0.1:9/{name}",
                "auth": auth,
                "region": "NO",
            }
            for name in ("berlin", "oslo", "riyadh")
        },
        "daemon": {"listen": "127.0.0.1:8080", **daemon},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    path.chmod(0o600)
    if filled:
        publish(folder / "customers.duckdb")
    return path


def publish(store: Path) -> None:
    """Customers c1 (in sync), c2 (evil name; left out of oslo, failing in riyadh), c3 (Arabic name, held), c4 (pending in oslo)."""
    with duckdb.connect(str(store)) as con:
        migrations.apply(con, store)
        con.execute("SET TimeZone = 'UTC'")
        con.execute(
            """
            INSERT INTO core.customers (customer_id, full_name, given_name, email, phone, vat_number, sources, created_at) VALUES
                ('c1', 'Ana Müller', 'Ana', 'ana@example.com', '+4915112345678', 'DE288362273',
                 '{"name": ["berlin", "b1", "2026-03-01T09:00:00+00:00"], "email": ["oslo", "o1", null]}', '2026-03-02 10:00:00+00'),
                ('c2', ?, ?, NULL, NULL, NULL, '{}', NULL), ('c3', ?, NULL, 'm@example.com', NULL, NULL, '{}', NULL),
                ('c4', 'Zoe', NULL, 'zoe@example.com', NULL, NULL, '{}', NULL)
            """,
            [EVIL, EVIL, ARABIC],
        )
        con.execute("""
            INSERT INTO core.records (system, record_id, payload, source_updated_at, first_seen_at, seen_at) VALUES
                ('berlin', 'b1', '{"name": "Ana"}', NULL, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00'),
                ('oslo', 'o1', '{}', NULL, '2026-03-01 09:00:00+00', '2026-03-01 09:00:00+00'),
                ('riyadh', 'r1', '{}', NULL, NULL, NULL), ('berlin', 'b2', '{}', NULL, NULL, NULL),
                ('berlin', 'b3', '{}', NULL, NULL, NULL), ('berlin', 'b4', '{}', NULL, NULL, NULL), ('riyadh', 'r4', '{}', NULL, NULL, NULL)
        """)
        con.execute("UPDATE core.records SET payload = json_object('name', ?::VARCHAR) WHERE record_id = 'b2'", [EVIL])
        con.execute("""
            INSERT INTO core.links VALUES
                ('berlin', 'b1', 'c1', true, ['created'], NULL), ('oslo', 'o1', 'c1', true, ['email'], NULL),
                ('riyadh', 'r1', 'c1', true, ['email'], NULL), ('berlin', 'b2', 'c2', true, [], NULL),
                ('berlin', 'b3', 'c3', true, [], NULL), ('berlin', 'b4', 'c4', true, [], NULL), ('riyadh', 'r4', 'c4', true, [], NULL)
        """)
        con.execute(
            """
            INSERT INTO core.normalised (system, record_id, full_name, given_name, email, gender, readings) VALUES
                ('berlin', 'b1', 'Ana Müller', 'Ana', 'ana@example.com', NULL, '{"name": ["value", {"full": "Ana Müller"}], "email": ["value", "ana@example.com"]}'),
                ('oslo', 'o1', 'Ana M.', 'Ana', 'ana@example.com', 'male', '{"name": ["value", {"full": "Ana M."}], "email": ["value", "ana@example.com"], "gender": ["default", "male"]}'),
                ('berlin', 'b2', ?, ?, NULL, NULL, '{"name": ["value", {"full": "x"}]}'),
                ('berlin', 'b3', ?, NULL, 'm@example.com', NULL, '{}')
            """,
            [EVIL, EVIL, ARABIC],
        )
        con.execute("""
            INSERT INTO core.exclusions VALUES
                ('c2', 'oslo', 'no_key', NULL, '2026-03-02 10:00:00+00'), ('c2', 'riyadh', 'refused', NULL, '2026-03-02 10:00:00+00'),
                ('c3', 'oslo', 'held_for_review', NULL, '2026-03-02 10:00:00+00'),
                ('c3', 'riyadh', 'held_for_review', NULL, '2026-03-02 10:00:00+00')
        """)
        con.execute(
            "INSERT INTO core.rejects VALUES ('riyadh', NULL, 'c2', 'run1', 'write', 'refused', ?, 'f', '2026-03-02 10:00:00+00'),"
            " ('oslo', 'o9', NULL, 'run1', 'pull', 'not_an_object', '{', 'g', '2026-03-02 10:00:00+00')",
            [f"no such name: {EVIL}"],
        )
        con.execute("""
            INSERT INTO core.reviews VALUES
                ('rev1', 'berlin', 'b3', 'oslo', 'o1', 'email:m@example.com', ['email'], ['full_name'], NULL, '2026-03-02 10:00:00+00'),
                ('rev2', 'berlin', 'b2', 'riyadh', 'r1', 'email:x', ['email'], ['full_name'], 'apart', '2026-03-02 10:00:00+00')
        """)
        con.execute(
            """
            INSERT INTO core.conflicts VALUES
                ('c1', 'email', '[{"system": "berlin", "record_id": "b1", "value": "old@example.com"}, {"system": "oslo", "record_id": "o1", "value": "older@example.com"}]', 'oslo', 'newest', 'run1', '2026-03-01 10:00:00+00'),
                ('c1', 'email', '[{"system": "berlin", "record_id": "b1", "value": "ana@example.com"}, {"system": "oslo", "record_id": "o1", "value": "an@example.com"}]', 'berlin', 'newest', 'run2', '2026-03-02 10:00:00+00')
            """
        )
        con.execute("INSERT INTO core.shared_values VALUES ('email', 'shop@example.com', 'crowded', 40, 'run1')")
        con.execute("""
            INSERT INTO core.runs VALUES
                ('run1', 'backfill', '2026-03-01 09:00:00+00', '2026-03-01 09:02:05+00', 0, 'done'),
                ('run2', 'sync', '2026-03-02 10:00:00+00', '2026-03-02 10:00:02+00', 3, 'done, with rejects')
        """)
        con.execute("""
            INSERT INTO core.run_systems VALUES
                ('run1', 'berlin', 100, 100, 0, 0, 0, 10, 5, 1, 0, 0, 0, 0, NULL),
                ('run2', 'berlin', 50, 0, 1, 49, 0, 0, 1, 0, 3, 1, 1, 1, NULL), ('run2', 'oslo', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'unreachable')
        """)
        con.execute(
            """
            INSERT INTO core.intents (intent_id, run_id, system, record_id, customer_id, operation, fields, status, error, attempts, sent_at) VALUES
                ('i1', 'run2', 'berlin', 'b1', 'c1', 'update', '{"email": ["old@example.com", "ana@example.com"]}', 'done', NULL, 1, '2026-03-02 10:00:01+00'),
                ('i2', 'run2', 'riyadh', NULL, 'c2', 'create', json_object('full_name', [NULL, ?::VARCHAR]), 'failed', ?, 1, '2026-03-02 10:00:01+00')
            """,
            [EVIL, EVIL],
        )
        con.execute("""
            INSERT INTO core.plan VALUES
                ('run2', 1, 'berlin', 'b1', 'c1', 'update', '{"email": ["old@example.com", "ana@example.com"]}', '{}', '{}', 'x', NULL),
                ('run2', 2, 'oslo', NULL, 'c4', 'create', '{"full_name": [null, "Zoe"]}', '{}', '{}', 'not in oslo yet', NULL)
        """)
        con.execute(
            """
            INSERT INTO core.history VALUES
                ('berlin', 'b1', '2026-03-01 09:00:00+00', 'run1', 'h1', '{"name": "Anna", "vip": true}'),
                ('berlin', 'b1', '2026-03-02 10:00:00+00', 'run2', 'h2', '{"name": "Ana", "vip": true}')
            """
        )
        con.execute("CHECKPOINT")
        snapshot.publish(store)


@contextmanager
def asking(config: Config, scheme: str = "http") -> Iterator[httpx.Client]:
    """A client that keeps cookies and follows nothing, in front of a real server with the dashboard's routes alone."""
    app = Starlette(routes=page_routes(config))
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, proxy_headers=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, headers={"x-forwarded-proto": scheme}
        ) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
