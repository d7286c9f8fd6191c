"""The real application in front of child processes that a test describes."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.conftest import MakeApp
from tests.gateway.upstream.http.conftest import sdk_server
from tests.gateway.upstream.reaching import Reached
from tests.matrix.principals import principals
from tests.matrix.target import Target
from tests.transport import opened

PEER = Path(__file__).parent / "peer.py"
Serving = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


def entry(how: str = "", **fields: Any) -> dict[str, Any]:
    """Returns the entry of the file for a peer that behaves as `how` says."""
    fields.setdefault("env", {})["PEER"] = how
    return {"command": sys.executable, "args": ["-IS", str(PEER)], **fields}


def written(folder: Path, entries: dict[str, Any]) -> str:
    """Writes the file with these entries, and returns its path."""
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": entries}))
    return str(file)


async def status(http: httpx2.AsyncClient, wanted: str = "ok") -> dict[str, Any]:
    """Waits until the server has this status, and returns its health."""
    with anyio.fail_after(10):
        while (health := (await http.get("/one/mcp/health")).json())["status"] != wanted:
            await anyio.sleep(0.02)
    found: dict[str, Any] = health
    return found


@pytest.fixture
def serving(make_app: MakeApp, tmp_path: Path) -> Serving:
    """Returns a function that opens the application with these entries, each under its name."""

    @asynccontextmanager
    async def serve(settings: dict[str, Any] | None = None, **entries: Any) -> AsyncIterator[httpx2.AsyncClient]:
        file = written(tmp_path, entries or {"one": entry()})
        async with opened(make_app(servers_file=file, **(settings or {}))) as client:
            yield client

    return serve


@pytest.fixture
def reached(make_app: MakeApp, tmp_path: Path) -> Reached:
    """Returns a function that opens the application for two principals, in front of the entry `one`."""

    @asynccontextmanager
    async def reach(one: dict[str, Any], **settings: Any) -> AsyncIterator[Target]:
        app = make_app(servers_file=written(tmp_path, {"one": one}), **principals(tmp_path), **settings)
        async with opened(app) as http:
            yield Target(app, http)

    return reach


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """Returns the URL of a server that asks its clients."""
    with sdk_server(module="tests.gateway.upstream.calls.asking_server") as found:
        yield found
