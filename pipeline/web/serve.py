"""Serves the web application from a thread of the daemon, so that a long run never keeps a page or a probe waiting."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import uvicorn

from pipeline.errors import UserError

STOP_S = 2.0


class Door:
    """An ASGI application that can be exchanged while it is served: a reloaded configuration gets a new one."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class Served:
    """A running server. `address` is where it is, as a browser wants it."""

    def __init__(self, door: Door, server: uvicorn.Server, thread: threading.Thread, address: str) -> None:
        self.door, self.address = door, address
        self._server, self._thread = server, thread

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        """Stop serving: what is being answered is finished within `STOP_S`, or given up."""
        self._server.should_exit = True
        self._thread.join(STOP_S + 1)


def serve(app: Any, listen: str) -> Served:
    """Serve `app` on `listen` (`address:port`; port 0: any free one). Raises UserError when that cannot be had."""
    sock = _socket(listen)
    door = Door(app)
    config = uvicorn.Config(
        door,
        ws="none",
        lifespan="off",
        log_config=None,  # our own events say what happened; an access log would hold what was searched for
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(STOP_S),
        limit_concurrency=200,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="web", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise UserError(f"The dashboard did not start on {listen}.")
        time.sleep(0.005)
    host, port = sock.getsockname()[:2]
    return Served(door, server, thread, f"http://{f'[{host}]' if ':' in host else host}:{port}")


def _socket(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        # The protocol is named because asyncio turns Nagle's delay (40 ms an answer) off only for sockets that say TCP.
        sock = socket.socket(family, kind, socket.IPPROTO_TCP)
    except OSError as error:
        raise _unusable(listen, error) from None
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _unusable(listen, error) from None
    return sock


def _unusable(listen: str, error: OSError) -> UserError:
    return UserError(
        f"daemon.listen: {listen} cannot be used: {error.strerror}.", ["choose another port, or end what uses this one"]
    )
