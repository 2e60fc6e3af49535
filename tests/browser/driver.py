"""A headless Chromium, driven over the W3C WebDriver protocol by plain HTTP: no further package, nothing is downloaded."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--disable-features=Translate,OptimizationHints,MediaRouter", "--proxy-server=direct://", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
PATIENCE_S = 10.0


class Browser:
    """One window. `css` finds one element and waits for it."""

    def __init__(self, client: httpx.Client, session: str) -> None:
        self._client, self._session = client, session

    def open(self, url: str) -> None:
        self._post("url", url=url)

    @property
    def url(self) -> str:
        return str(self._get("url"))

    def find(self, css: str) -> str:
        """The element's id, as soon as it is there."""
        return self._wait(lambda: self._post("element", using="css selector", value=css)[_ELEMENT], css)

    def link(self, text: str) -> str:
        """The link whose text contains this."""
        return self._wait(lambda: self._post("element", using="partial link text", value=text)[_ELEMENT], text)

    def text(self, css: str = "main") -> str:
        return str(self._get(f"element/{self.find(css)}/text"))

    def click(self, element: str) -> None:
        self._post(f"element/{element}/click")

    def type(self, element: str, text: str) -> None:
        self._post(f"element/{element}/value", text=text)

    def press(self, key: str) -> None:
        """One key, to whatever has the focus."""
        actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._post("actions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def until(self, css: str, text: str) -> None:
        """Wait until the element says this."""

        def says() -> bool:
            found = self.text(css)
            if text not in found:
                raise LookupError(found)
            return True

        self._wait(says, f"{text!r} in {css}")

    def run(self, script: str) -> Any:
        """The value of a script, run by the driver: not subject to the page's Content-Security-Policy."""
        return self._post("execute/sync", script=script, args=[])

    def size(self, width: int, height: int) -> None:
        self._devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def dark(self, on: bool) -> None:
        features = [{"name": "prefers-color-scheme", "value": "dark" if on else "light"}]
        self._devtools("Emulation.setEmulatedMedia", features=features)

    def complaints(self) -> list[str]:
        """What the console holds since the last call: a blocked style, a script's error, a missing file."""
        return [
            str(entry["message"])
            for entry in self._post("se/log", type="browser")
            if entry["level"] in ("SEVERE", "WARNING")
        ]

    def screenshot(self, path: Path) -> None:
        """The whole page, however long."""
        height = int(self.run("return document.documentElement.scrollHeight"))
        width = int(self.run("return window.innerWidth"))
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 4000), "scale": 1}
        shot = self._devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _devtools(self, command: str, **params: Any) -> Any:
        return self._post("goog/cdp/execute", cmd=command, params=params)

    def _wait(self, look: Any, what: str) -> Any:
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                return look()
            except LookupError as error:
                if time.monotonic() > give_up:
                    raise AssertionError(f"not on the page within {PATIENCE_S:.0f} s: {what}; last: {error}") from None
            time.sleep(0.05)

    def _get(self, path: str) -> Any:
        return _value(self._client.get(f"/session/{self._session}/{path}"))

    def _post(self, path: str, **body: Any) -> Any:
        return _value(self._client.post(f"/session/{self._session}/{path}", json=body))


def _value(response: httpx.Response) -> Any:
    value = response.json()["value"]
    if isinstance(value, dict) and "error" in value:
        # An element that was swapped while we looked at it is looked for again.
        if value["error"] in ("no such element", "stale element reference", "element not interactable"):
            raise LookupError(value["error"])
        raise AssertionError(f"{value['error']}: {value['message']}")
    return value


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh Chromium with a profile of its own, gone afterwards. Raises AssertionError where none is installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        raise AssertionError(
            "Chromium and its driver are needed for tests/browser: run tests/browser/install.sh as root"
            " (apt-get install chromium chromium-driver)."
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        process = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=profile
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
                _await_driver(client)
                options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={profile}/profile"]}
                wanted = {
                    "browserName": "chrome",
                    "goog:chromeOptions": options,
                    "goog:loggingPrefs": {"browser": "ALL"},
                }
                answer = client.post("/session", json={"capabilities": {"alwaysMatch": wanted}}).json()["value"]
                assert "sessionId" in answer, answer.get("message")
                try:
                    yield Browser(client, answer["sessionId"])
                finally:
                    client.delete(f"/session/{answer['sessionId']}")
        finally:
            process.terminate()
            process.wait(timeout=10)


def _await_driver(client: httpx.Client) -> None:
    give_up = time.monotonic() + 20
    while True:
        try:
            if client.get("/status").json()["value"]["ready"]:
                return
        except httpx.TransportError:
            if time.monotonic() > give_up:
                raise
        time.sleep(0.05)
