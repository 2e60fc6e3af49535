"""A small shop with everything to look at, its dashboard on a real server, and a headless Chromium in front of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn

from pipeline.web.app import State, make_app
from tests.browser.driver import Browser, browser
from tests.engine import Workshop, workshop

SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as window:
        yield window


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """Tills after two runs: a refused write, a customer without a phone, a possible match, and a conflict that waits."""
    with workshop(tmp_path_factory.mktemp("shop")) as w:
        furnish(w)
        yield w


@pytest.fixture(scope="module")
def address(shop: Workshop) -> Iterator[str]:
    with served(shop) as url:
        yield url


def furnish(w: Workshop) -> None:
    """Load the tills and run twice."""
    w.settings = {
        "match": {"on": ["mobile", "vat"]},
        "merge": {"conflict": "review", "prefer": ["berlin", "oslo", "riyadh"]},
    }
    shop = w.shop
    shop.oslo.turn(unique_fields=("email",))
    # Oslo has the address already, with somebody who shares no mobile: creating Bo there is refused.
    shop.oslo.add(companyName="Somebody AS", customerType="COMPANY", email="bo@example.com")
    shop.berlin.add(first_name="Bo", last_name="Lind", email="bo@example.com", phone_number="+4915112345678")
    shop.berlin.add(first_name="Nora", last_name="Ohnefon", email="nora@example.com")
    shop.berlin.add(first_name="<script>alert(1)</script>", last_name="<b>Bold</b>", phone_number="+4915112345679")
    shop.riyadh.add(name="محمد العتيبي", dial_code=966, phone="501234567", email="m.otaibi@example.com")
    shop.berlin.add(first_name="Jonas", last_name="Ostermann", phone_number="+4915112345670")
    shop.oslo.add(firstname="Ines", lastname="Ostermann", mobile="+4915112345670")
    carla = shop.oslo.add(firstname="Carla", lastname="Voss", mobile="+4915112345671", email="carla@example.com")
    w.backfill()
    there = {key: row for key, row in shop.riyadh.customers().items() if row["email"] == "carla@example.com"}
    shop.oslo.edit(carla, email="carla.oslo@example.com")
    shop.riyadh.edit(next(iter(there)), email="carla.riyadh@example.com")
    w.sync()


@contextmanager
def served(w: Workshop) -> Iterator[str]:
    """The dashboard of this workspace, as the daemon serves it."""
    server = uvicorn.Server(uvicorn.Config(make_app(w.config, State()), port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
