"""A real HTTP receiver of alerts on loopback: `with receiver() as inbox: ... inbox.url ... inbox.messages`."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Inbox:
    """What was received. `status`: how the next messages are answered."""

    url: str = ""
    status: int = 200
    messages: list[dict[str, Any]] = field(default_factory=list)
    tries: int = 0

    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    def wait_for(self, count: int, *, within_s: float = 10) -> list[str]:
        """The titles, once there are `count`; fewer when they do not come in time."""
        until = time.monotonic() + within_s
        while len(self.messages) < count and time.monotonic() < until:
            time.sleep(0.02)
        return self.titles()


@contextmanager
def receiver() -> Iterator[Inbox]:
    """A running receiver; `url` is what the configuration's `alerts` wants."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.tries += 1
            if inbox.status == 200:
                inbox.messages.append(json.loads(body))
            self.send_response(inbox.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox.url = f"json://user:hook-secret@127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
