"""The real application in front of upstreams that let only tokens of an authorization server in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.gateway.upstream.http.credentials.authority import Authority, serving_authority
from tests.gateway.upstream.http.peer import Asked
from tests.transport import opened

Served = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


@pytest.fixture
def authority() -> Iterator[Authority]:
    with serving_authority() as found:
        yield found


@pytest.fixture
def served(make_app: MakeApp, tmp_path: Path) -> Served:
    """Returns a function that opens the application with the entry `one`, beside servers of its own process."""

    @asynccontextmanager
    async def serve(
        entry: dict[str, Any], *local: MCPServer[Any], **settings: Any
    ) -> AsyncIterator[httpx2.AsyncClient]:
        file = tmp_path / "mcp.json"
        file.write_text(json.dumps({"mcpServers": {"one": entry}}))
        async with opened(make_app(*local, servers_file=str(file), **({"servers": ()} | settings))) as client:
            yield client

    return serve


async def whoami(asked: Asked) -> None:
    """Answers as a server with one tool, which says whose token the request has, and its session."""
    if asked.rpc == "tools/list":
        asked.result({"tools": [{"name": "whoami", "inputSchema": {"type": "object"}}]})
    else:
        found = {"sub": asked.headers["sub"], "session": asked.headers.get("mcp-session-id", "")}
        asked.result({"content": [], "structuredContent": found})
