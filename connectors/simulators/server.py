"""Several tills behind one port on loopback: `/berlin/api`, `/oslo/v2`, `/riyadh/v5`; controls under `/_control`."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from connectors.simulators.asgi import Transports, remembering_protocol, till_app
from connectors.simulators.clock import Clock
from connectors.simulators.control import control_routes
from connectors.simulators.flow_retail import FlowRetailTill
from connectors.simulators.foodics import FoodicsTill
from connectors.simulators.inventorum import InventorumTill
from connectors.simulators.till import Till

Tills = Mapping[str, Till[Any]]

DEFAULT_PORT = 8750


class Handle:
    """A running server. Use it as a context manager, or call `close`."""

    def __init__(self, tills: Tills, server: uvicorn.Server, thread: threading.Thread, port: int) -> None:
        self.tills, self.port = dict(tills), port
        self._server, self._thread = server, thread

    @property
    def root(self) -> str:
        """`http://127.0.0.1:PORT`, where `/_control/` is."""
        return f"http://127.0.0.1:{self.port}"

    def url(self, name: str) -> str:
        """The base URL of one system, as a configuration's `base_url` wants it."""
        return f"{self.root}/{name}{self.tills[name].base_path}"

    def close(self) -> None:
        """Stop serving; returns when the port and all connections are closed."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    def __enter__(self) -> Handle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_server(tills: Tills) -> uvicorn.Server:
    """The server for these tills, not started."""
    transports: Transports = {}
    routes = [Mount("/_control", routes=control_routes(tills))]
    routes += [Mount(f"/{name}", app=till_app(till, transports)) for name, till in tills.items()]
    config = uvicorn.Config(
        Starlette(routes=routes),
        http=remembering_protocol(transports),
        ws="none",
        lifespan="off",
        log_config=None,
        # Its own lines name what was asked for, with the query, to whoever turns logging up.
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=120,
        backlog=2048,
    )
    return uvicorn.Server(config)


def listen(port: int) -> socket.socket:
    """A socket on loopback; port 0: any free one. Raises OSError when the port is taken."""
    # The protocol is named because asyncio turns Nagle's delay (40 ms an answer) off only for sockets that say TCP.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock


def serve(tills: Tills, port: int = 0) -> Handle:
    """Serve these tills, by system name, from a thread of this process until the handle is closed."""
    sock = listen(port)
    server = make_server(tills)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="simulators", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the simulators did not start")
        time.sleep(0.005)
    return Handle(tills, server, thread, sock.getsockname()[1])


def default_tills(clock: Clock | None = None, *, seed: int = 0) -> dict[str, Till[Any]]:
    """The three tills of the demo, empty, on one clock: berlin, oslo (tenant `acme`) and riyadh."""
    clock = clock or Clock()
    return {
        "berlin": InventorumTill("berlin", clock=clock, seed=seed),
        "oslo": FlowRetailTill("acme", clock=clock, seed=seed),
        "riyadh": FoodicsTill("riyadh", clock=clock, seed=seed),
    }


def run(
    port: int = DEFAULT_PORT,
    rows: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
    *,
    say: Callable[[str], object],
) -> None:
    """Serve the default tills with `rows` (system → customers) until SIGINT or SIGTERM; main thread only.

    Says base URLs and demo credentials through `say`, one line a call. Raises OSError when the port is taken.
    """
    tills = default_tills(Clock(real=True))
    for name, customers in (rows or {}).items():
        tills[name].load(customers)
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serve(tills, port) as handle:
            for name, till in tills.items():
                auth = ", ".join(f"{key}: {value}" for key, value in till.credentials.items())
                tenant = f"  tenant: {till.account}" if isinstance(till, FlowRetailTill) else ""
                say(f"{name}: {till.vendor} with {len(till)} customers")
                say(f"  base_url: {handle.url(name)}{tenant}")
                say(f"  auth: {{ {auth} }}")
            say(f"controls: {handle.root}/_control/   (Ctrl-C stops)")
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
