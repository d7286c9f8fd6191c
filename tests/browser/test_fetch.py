"""A page in a real browser sends the headers that CORS allows, and reads those of the answer."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest

from routes.middleware.cors import ALLOWED_HEADERS
from tests.browser.chromium import Chromium
from tests.browser.test_websocket import pages
from tests.process.live.router import Router

pytestmark = pytest.mark.browser


def test_page_sends_every_allowed_header_and_no_other(chromium: Chromium, tmp_path: Path) -> None:
    with Router(tmp_path) as router, pages("127.0.0.1") as other:
        router.await_table()
        page = other.replace("page.html", "fetch.html")
        url = [("url", f"http://localhost:{router.port}/tools/")]
        read = [("read", name) for name in ("etag", "x-request-id", "server")]
        for names, expected in (
            ([*ALLOWED_HEADERS, "mcp-param-city"], "200 etag x-request-id"),
            ([*ALLOWED_HEADERS, "x-other"], "TypeError"),
        ):
            query = urlencode([*url, *read, *(("header", name) for name in names)])
            assert chromium.text_of(f"{page}?{query}") == expected
