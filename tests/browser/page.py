"""A page in Chromium as a person uses it: keys, colours, the size of the window; and what the browser reports of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.browser.chromium import Chromium

AXE = Path(__file__).parents[1] / "conformance" / "node_modules" / "axe-core" / "axe.min.js"
KEYS = {"Tab": 9, "Enter": 13, "Space": 32, "Escape": 27, "/": 191, "j": 74, "k": 75, "p": 80}
SHOWN = "!document.querySelector('main').ariaBusy && document.querySelector('main h1') !== null"


class Page:
    """One tab. `requested` has the URLs that it requested, and `complaints` what its console shows."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = count(1)
        self.requested: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while (message := json.loads(self._connection.recv(timeout=90))).get("id") != number:
            self._note(message["method"], message["params"])
        assert "error" not in message, message
        return message["result"]

    def _note(self, event: str, params: Any) -> None:
        if event == "Network.requestWillBeSent":
            self.requested.append(params["request"]["url"])
        elif event == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(str(params["args"]))

    def run(self, script: str) -> Any:
        """Returns the value of an expression; of a promise, what it resolves to."""
        done = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, script: str, within: float = 20) -> Any:
        """Waits until an expression is true, and returns its value."""
        deadline = time.monotonic() + within
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, (script, self.text()[:1000], self.complaints)
            time.sleep(0.02)
        return value

    def open(self, url: str) -> None:
        """Opens a page of the router, and waits until it shows its contents."""
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=url)
        self.until(f"location.href === new URL({json.dumps(url)}).href && document.querySelector('main') && {SHOWN}")

    def text(self, selector: str = "body") -> str:
        found: str = self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return found

    def await_text(self, selector: str, text: str) -> None:
        self.until(f"document.querySelector({json.dumps(selector)})?.innerText.includes({json.dumps(text)})")

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def tried(self, tool: str) -> str:
        """Tries an opened tool, and returns the answer that the page shows."""
        self.click(f"{tool} button[type=submit]")
        self.await_text(f"{tool} .output", " ms")
        return self.text(f"{tool} .output")

    def write(self, text: str) -> None:
        """Types text where the focus is."""
        self.send("Input.insertText", text=text)

    def press(self, key: str) -> None:
        code = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        typed = {"Enter": "\r", "Space": " "}.get(key)
        self.send("Input.dispatchKeyEvent", type="keyDown", **code, **({"text": typed} if typed else {}))
        self.send("Input.dispatchKeyEvent", type="keyUp", **code)

    def tab_to(self, script: str) -> None:
        """Presses Tab until a condition on the element `it` with the focus is true."""
        for _ in range(60):
            self.press("Tab")
            if self.run(f"((it) => {script})(document.activeElement)"):
                return
        raise AssertionError(script)

    def look(self, width: int = 1280, height: int = 900, scheme: str = "light", forced: str = "none") -> None:
        """Sets the size of the window, light or dark, and `active` for the forced colours of a system."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        media = {"prefers-color-scheme": scheme, "forced-colors": forced}
        features = [{"name": name, "value": value} for name, value in media.items()]
        self.send("Emulation.setEmulatedMedia", features=features)

    def width(self) -> int:
        """Returns the pixels from the left edge to the end of what can be scrolled to."""
        found: int = self.run("document.documentElement.scrollWidth")
        return found

    def screenshot(self, path: Path) -> None:
        shot = self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))

    def violations(self) -> list[str]:
        """Returns what axe-core finds, by its rules of WCAG 2.2 AA and of good practice."""
        self.run(f"{AXE.read_text()}; 0")
        found = self.run("axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations)")
        return [f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in found]


@contextmanager
def opened_page(chromium: Chromium) -> Iterator[Page]:
    with connect(chromium.new("about:blank")["webSocketDebuggerUrl"], compression=None, max_size=None) as connection:
        yield Page(connection)
