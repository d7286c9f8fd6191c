"""Fixtures: a router in an environment that has the packages of other makes, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.process.live import router

SERVERS = str(Path(__file__).parent / "servers")


class Router(router.Router):
    """The router in the environment of `requirements/makes.lock`."""

    python = str(router.ROOT / ".venv-makes" / "bin" / "python")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Router]:
    settings = {"MCP_SERVERS_DIR": SERVERS, "MCP_MAX_RESULT": "50000", "MCP_THREADS": "2", "MCP_CALL_TIMEOUT": "2"}
    with Router(tmp_path_factory.mktemp("router"), **settings) as served:
        yield served.await_table()


@pytest.fixture
async def http(served: Router) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=20) as http:
        yield http
