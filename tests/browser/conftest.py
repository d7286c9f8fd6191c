from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, running
from tests.browser.page import Page, opened_page
from tests.process.live.router import ROOT, SERVERS, Router
from tests.shipped import shipped

OWN = Path(__file__).parent / "servers"
ODD = [ROOT / "tests" / name / "servers" for name in ("contract", "fuzz")]
REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with running(tmp_path_factory.mktemp("chromium")) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    folders = ":".join(map(str, (shipped(), SERVERS, OWN, *ODD)))
    with Router(tmp_path_factory.mktemp("router"), MCP_SERVERS_DIR=folders, MCP_TRUSTED_PROXIES="127.0.0.1") as router:
        yield router.await_table()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yields the URL of a router with a few tools, since axe-core looks at each element of a page."""
    with Router(tmp_path_factory.mktemp("few"), MCP_SERVERS_DIR=f"{shipped()}:{OWN}") as router:
        yield f"http://localhost:{router.await_table().port}"


@pytest.fixture
def base(router: Router) -> str:
    return f"http://localhost:{router.port}"


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """Yields a page that in the end has complained of nothing but a missing key, and asked only its own origin."""
    with opened_page(chromium) as page:
        yield page
        origin = page.run("location.origin")
        assert {*page.complaints} <= {REFUSED}
        assert [url for url in page.requested if not url.startswith((origin, "about:blank"))] == []
