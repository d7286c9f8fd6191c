"""Headless Chromium of Debian's package, driven by the DevTools protocol."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from websockets.sync.client import ClientConnection, connect

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--remote-debugging-port=0",
)


class Chromium:
    """A running browser. `port` is that of the DevTools protocol."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._numbers = count(1)

    def text_of(self, url: str, within: float = 30) -> str:
        """Opens `url` and returns the text of the page as soon as it is not empty. Raises TimeoutError."""
        target = self.new(url)
        with connect(target["webSocketDebuggerUrl"], compression=None, max_size=None) as page:
            deadline = time.monotonic() + within
            while time.monotonic() < deadline:
                text: str = self._evaluate(page, "document.body ? document.body.innerText : ''")
                if text:
                    return text
                time.sleep(0.05)
        raise TimeoutError(url)

    def new(self, url: str) -> Any:
        """Opens a tab, and returns its description."""
        asked = f"http://127.0.0.1:{self._port}/json/new?{quote(url, safe='')}"
        with urlopen(Request(asked, method="PUT"), timeout=30) as answer:
            return json.load(answer)

    def _evaluate(self, page: ClientConnection, expression: str) -> Any:
        number = next(self._numbers)
        page.send(json.dumps({"id": number, "method": "Runtime.evaluate", "params": {"expression": expression}}))
        while (answer := json.loads(page.recv(timeout=30))).get("id") != number:
            pass
        return answer["result"]["result"].get("value")


@contextmanager
def running(folder: Path) -> Iterator[Chromium]:
    """Runs a browser with an empty profile in `folder`."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is not installed; it is in Debian's package `chromium`"
    log = folder / "chromium.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            stdout=output,
            stderr=output,
        )
    try:
        yield Chromium(_port(process, log))
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    for _ in range(600):
        found = re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", log.read_text(errors="replace"))
        if found:
            return int(found[1])
        assert process.poll() is None, log.read_text(errors="replace")
        time.sleep(0.1)
    raise TimeoutError(log.read_text(errors="replace"))
