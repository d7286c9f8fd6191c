"""Calls one server in four ways, two in plain JSON and two over native MCP, and the same server in the SDK alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client

from app import create_app
from gateway.local.discovery import discover, load
from settings.values import Settings
from tests.clients import ERAS, Era, Wire, answered, connected
from tests.transport import opened
from tests.wire import MODERN

SERVERS = str(Path(__file__).parent / "servers")


@dataclass(frozen=True)
class Ways:
    """Each method returns the response of one way. Over MCP that is the result on the wire, without `_meta`."""

    http: httpx2.AsyncClient
    clients: Mapping[str, Client]

    async def call(self, tool: str, arguments: Mapping[str, Any], **more: Any) -> httpx2.Response:
        return await self.http.post("/kinds/mcp/call", json={"tool": tool, "arguments": arguments, **more})

    async def tool_url(self, tool: str, arguments: Mapping[str, Any]) -> httpx2.Response:
        return await self.http.post(f"/kinds/mcp/tools/{tool}", json=arguments)

    async def native(self, era: Era, tool: str, arguments: dict[str, Any]) -> Wire:
        return await answered(self.clients[era], tool, arguments)

    async def alone(self, tool: str, arguments: dict[str, Any]) -> Wire:
        return await answered(self.clients["alone"], tool, arguments)

    async def ran(self) -> list[str]:
        """Returns the tools that ran since the last call of this method."""
        names: list[str] = (await self.call("ran_since", {})).json()["result"]
        return names


@asynccontextmanager
async def opened_ways(**settings: Any) -> AsyncIterator[Ways]:
    app = create_app(Settings(**{"servers_dir": (SERVERS,), **settings}))
    [(_, mcp)] = load(discover([SERVERS]))
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(opened(app))
        clients: dict[str, Client] = {
            era: await stack.enter_async_context(connected(http, era, "kinds")) for era in ERAS
        }
        alone = await stack.enter_async_context(Client(mcp, mode=MODERN))
        yield Ways(http, {**clients, "alone": alone})
