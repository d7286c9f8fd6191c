from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium
from tests.browser.conftest import ODD, OWN
from tests.browser.page import Page, opened_page
from tests.process.live.router import Router
from tests.shipped import shipped

REFUSED = "Failed to load resource: the server responded with a status of 4"
SLOW = Path(__file__).parent / "servers"


@pytest.fixture(scope="package")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """Yields a router whose console shows arguments too."""
    folders = ":".join(map(str, (shipped(), SLOW, OWN, *ODD)))
    settings = {"MCP_CONSOLE": "1", "MCP_CONSOLE_ARGUMENTS": "1", "MCP_SERVERS_DIR": folders}
    with Router(tmp_path_factory.mktemp("watched"), **settings) as router:
        yield router.await_table()


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """Yields a page that in the end has complained of nothing but refused requests, and asked only its own origin."""
    with opened_page(chromium) as page:
        yield page
        own = tuple(f"{kind}{page.run('location.origin')}" for kind in ("", "blob:"))
        assert [text for text in page.complaints if not text.startswith(REFUSED)] == []
        assert [url for url in page.requested if not url.startswith((*own, "about:blank"))] == []


@pytest.fixture
def console(watched: Router) -> str:
    return f"http://localhost:{watched.port}/console"
