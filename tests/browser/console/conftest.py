from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import ODD, OWN
from tests.process.live.router import Router
from tests.shipped import shipped

SLOW = Path(__file__).parent / "servers"


@pytest.fixture(scope="package")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    """Yields a router whose console shows arguments too."""
    folders = ":".join(map(str, (shipped(), SLOW, OWN, *ODD)))
    settings = {"MCP_CONSOLE": "1", "MCP_CONSOLE_ARGUMENTS": "1", "MCP_SERVERS_DIR": folders}
    with Router(tmp_path_factory.mktemp("watched"), **settings) as router:
        yield router.await_table()


@pytest.fixture
def console(watched: Router) -> str:
    return f"http://localhost:{watched.port}/console"
