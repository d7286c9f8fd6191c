"""A URL of a server that there is not names the nearest ones; any other is just not there."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("rest", ["mcp", "mcp/", "mcp/tools", "mcp/call", "mcp/tools/add", "openapi.json"])
async def test_a_url_of_a_server_names_the_nearest(make_app: MakeApp, method: str, rest: str) -> None:
    server: MCPServer[Any] = MCPServer("weather")
    async with opened(make_app(server)) as client:
        answer = await client.request(method, f"/wether/{rest}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:multi-mcp:error:unknown-server"
    assert answer.json()["detail"] == "There is no server 'wether'. Did you mean 'weather'?"


@pytest.mark.parametrize("path", ["/weather/else", "/weather", "/else", "/else/", "/tools/x", "/x/y/mcp"])
async def test_any_other_url_is_not_there(make_app: MakeApp, path: str) -> None:
    server: MCPServer[Any] = MCPServer("weather")
    async with opened(make_app(server)) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:multi-mcp:error:not-found")
