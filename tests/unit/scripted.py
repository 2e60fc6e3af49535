"""A real HTTP server on loopback that answers what a test has written down."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from connectors.pace import Clock


@dataclass(frozen=True)
class Reply:
    """One answer. `length`: a Content-Length that is not true; `reset`: the connection is reset instead."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    reset: bool = False
    drip_s: float = 0.0


@dataclass
class Scripted:
    """Answers in turn, the last one for ever; `requests` are `METHOD path?query`, `bodies` and `heads` what came with them."""

    replies: Sequence[Reply]
    url: str = ""
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def scripted(*replies: Reply) -> Iterator[Scripted]:
    script = Scripted(replies)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            script.requests.append(f"{self.command} {self.path}")
            script.bodies.append(self.rfile.read(int(self.headers.get("content-length") or 0)))
            script.heads.append({name.lower(): value for name, value in self.headers.items()})
            reply = script.replies[min(len(script.requests), len(script.replies)) - 1]
            if reply.reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body) if reply.length is None else reply.length))
            self.end_headers()
            if reply.drip_s:
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    threading.Event().wait(reply.drip_s)
            else:
                self.wfile.write(reply.body)
            if reply.length is not None:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

        def handle(self) -> None:
            with suppress(OSError):  # the caller went away, or we did
                super().handle()

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_address[1]}/api"
    thread = threading.Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class FakeTime:
    """A clock that moves only when somebody sleeps. `slept` are the sleeps."""

    def __init__(self, late: Callable[[], float] = lambda: 0.0) -> None:
        self.at, self.slept, self._late, self._lock = 1000.0, list[float](), late, threading.Lock()

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.at, self.sleep)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.at += seconds + self._late()
