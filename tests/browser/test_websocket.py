"""A page in a real browser calls a tool over a WebSocket. A page of a foreign host is refused."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.browser.chromium import Chromium
from tests.process.live.router import ROOT, Router

pytestmark = pytest.mark.browser
PAGES = Path(__file__).parent


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Does not log."""


@contextmanager
def pages(host: str) -> Iterator[str]:
    """Serves `page.html` from `host`, and returns its URL."""
    server = http.server.ThreadingHTTPServer((host, 0), partial(Quiet, directory=str(PAGES)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}/page.html"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def called(chromium: Chromium, router: Router, page: str, *protocols: str) -> str:
    """Returns the text of a page after it called a tool at `/ws`."""
    asked = [("url", f"ws://localhost:{router.port}/ws"), *(("protocol", each) for each in protocols)]
    return chromium.text_of(f"{page}?{urlencode(asked)}")


def test_page_of_a_local_host_can_call_a_tool(chromium: Chromium, tmp_path: Path) -> None:
    with Router(tmp_path) as router, pages("127.0.0.1") as page:
        router.await_table()
        assert called(chromium, router, page) == '{"id":1,"result":42}'
        named = page.replace("127.0.0.1", "localhost")
        assert called(chromium, router, named, "multi-mcp") == '{"id":1,"result":42} multi-mcp'


def test_page_of_a_foreign_host_is_refused_unless_it_is_allowed(chromium: Chromium, tmp_path: Path) -> None:
    with pages("127.0.0.2") as page:
        with Router(tmp_path) as router:
            assert called(chromium, router.await_table(), page) == "closed 1006"
            router.end()
            assert "refused reason=forbidden-origin" in router.log()
        with Router(tmp_path, MCP_ALLOWED_HOSTS="127.0.0.2") as router:
            assert called(chromium, router.await_table(), page) == '{"id":1,"result":42}'


def test_page_authenticates_by_a_subprotocol(chromium: Chromium, tmp_path: Path) -> None:
    keys = str(tmp_path / "keys")
    command = [sys.executable, "-m", "gateway.auth", "create", "--name", "page", "--scope", "math:*"]
    made = subprocess.run(command, cwd=ROOT, env={"MCP_AUTH_KEYS": keys}, capture_output=True, text=True, check=True)
    with Router(tmp_path, MCP_AUTH_KEYS=keys) as router, pages("127.0.0.1") as page:
        router.await_table()
        offered = ("multi-mcp", f"bearer.{made.stdout.strip()}")
        assert called(chromium, router, page, *offered) == '{"id":1,"result":42} multi-mcp'
        assert called(chromium, router, page, "multi-mcp", "bearer.wrong") == "closed 1006"
        assert '"status":401' in called(chromium, router, page, "multi-mcp")
