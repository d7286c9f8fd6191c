"""Versions of a tool in the console."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import MCPServer

from tests.conftest import MakeApp
from tests.documents import GRAPHQL
from tests.gateway.versions.searching import searching
from tests.matrix.target import Target
from tests.matrix.ways import VERSION, WAYS
from tests.routes.console.console import one, stream
from tests.transport import opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", sorted(WAYS))
async def test_call_has_the_version_that_ran(make_app: MakeApp, way: str) -> None:
    app = make_app(searching("1.0.0", "2.0.0"), console=True, graphql=GRAPHQL)
    async with opened(app) as http:
        assert (await WAYS[way](Target(app, http), "search", {}, {VERSION: "1"})).value == "1.0.0"
        async with stream(http) as feed:
            found = (await feed.until("calls", lambda each: each["calls"]))["calls"]
    assert [(call["tool"], call["version"]) for call in found if call["tool"] == "search"] == [("search", "1.0.0")]


async def test_call_in_flight_has_its_version_and_one_without_has_none(make_app: MakeApp) -> None:
    begun = asyncio.Event()
    server: MCPServer[Any] = MCPServer("one")

    async def hang() -> str:
        begun.set()
        await anyio.sleep_forever()
        return ""

    async def plain() -> str:
        return ""

    server.add_tool(hang, meta={"version": "2026-12-01"})
    server.add_tool(plain)
    async with opened(make_app(server, console=True)) as http:
        calling = asyncio.create_task(http.post("/one/mcp/call", json={"tool": "hang"}))
        await begun.wait()
        async with stream(http) as feed:
            state = await feed.until("state", lambda each: each["processes"][0]["running"])
        assert state["processes"][0]["running"][0]["version"] == "2026-12-01"
        answer = await http.post("/one/mcp/call", json={"tool": "plain"})
        assert "version" not in await one(http, answer.headers["x-request-id"])
        calling.cancel()
