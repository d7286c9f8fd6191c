"""The real application with the admin API on, and a client who may use it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import MakeApp, server_of
from tests.gateway.upstream.conftest import PEER
from tests.gateway.upstream.http.conftest import sdk_server
from tests.matrix import access
from tests.transport import opened

Administered = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]
NEW = {"if-none-match": "*"}
LOOPBACK = (ip_network("127.0.0.0/8"),)


async def add(a: int, b: int) -> int:
    return a + b


def child(how: str = "", **fields: Any) -> dict[str, Any]:
    """Returns an entry of a child process that the API may register."""
    return {"command": "python3", "args": ["-IS", str(PEER)], "env": {"PEER": how}, **fields}


def file_of(folder: Path) -> Path:
    return folder / "mcp.json"


def saved(folder: Path) -> dict[str, Any]:
    """Returns the entries of the file."""
    found: dict[str, Any] = json.loads(file_of(folder).read_text())["mcpServers"]
    return found


@pytest.fixture
def administered(make_app: MakeApp, tmp_path: Path) -> Administered:
    """Returns a function that opens the application with the server `one`, and these entries in the file."""

    @asynccontextmanager
    async def serve(entries: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
        if entries is not None or not file_of(tmp_path).exists():
            file_of(tmp_path).write_text(json.dumps({"mcpServers": entries or {}}, indent=2) + "\n")
        options = {"admin": True, "admin_networks": LOOPBACK, "admin_stdio": ("python3",), "servers": ()}
        app = make_app(
            server_of(add), **{"servers_file": str(file_of(tmp_path)), **access.keys(tmp_path), **options, **settings}
        )
        async with opened(app) as client:
            client.headers.update(access.HEADERS["admin"])
            yield client

    return serve


@pytest.fixture(scope="session")
def far() -> Any:
    with sdk_server() as url:
        yield url
