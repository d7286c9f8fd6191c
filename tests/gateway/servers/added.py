"""Servers to add to a running application, and requests to every way in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp.server.mcpserver import Context, MCPServer
from starlette.applications import Starlette

from gateway.local.server import LocalServer
from gateway.sdk.sessions.sessions import Limits
from gateway.server import Server
from tests import wire

LIMITS = Limits(
    threads=2,
    max_body=10_000,
    max_result=10_000,
    stateless=False,
    max_sessions=10,
    session_idle_timeout=60.0,
    input_timeout=60.0,
)


async def add(a: int, b: int) -> int:
    return a + b


def local(app: Starlette, mcp: MCPServer[Any]) -> Server:
    return LocalServer(mcp.name, mcp, [], LIMITS, changed=app.state.registry.changed)


class Waiting:
    """A server with one tool, which waits until `go_on` is set."""

    def __init__(self, name: str = "two") -> None:
        self.begun, self.go_on = anyio.Event(), anyio.Event()
        self.events: list[str] = []

        @asynccontextmanager
        async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
            self.events.append("opens")
            yield
            self.events.append("closes")

        self.mcp: MCPServer[Any] = MCPServer(name, lifespan=lifespan)
        self.mcp.add_tool(self.wait)

    async def wait(self, ctx: Context[Any, Any]) -> str:
        self.begun.set()
        await self.go_on.wait()
        self.events.append("answers")
        return "went on"


async def statuses(http: httpx2.AsyncClient) -> dict[str, int]:
    """Returns the status of each way in to the tool `add` of the server `two`."""
    body = {"tool": "add", "arguments": {"a": 1, "b": 2}}
    headers, native = wire.modern("tools/call", name="add", arguments=body["arguments"])
    answers = {
        "call": await http.post("/two/mcp/call", json=body),
        "tool-url": await http.post("/two/mcp/tools/add", json=body["arguments"]),
        "call-any": await http.post("/call", json={"tool": "two_add", "arguments": body["arguments"]}),
        "call-server": await http.post("/call", json={"server": "two", **body}),
        "native": await http.post("/two/mcp", json=native, headers=headers),
        "native-slash": await http.post("/two/mcp/", json=native, headers=headers),
        "health": await http.get("/two/mcp/health"),
        "openapi": await http.get("/two/openapi.json"),
        "tools": await http.get("/two/mcp/tools"),
        "tool": await http.get("/two/mcp/tools/add"),
    }
    return {name: answer.status_code for name, answer in answers.items()}


async def listed(http: httpx2.AsyncClient) -> dict[str, bool]:
    """Returns True for each list over all servers that has the server `two`."""
    metrics = (await http.get("/metrics")).text
    return {
        "tools": "two" in {tool["server"] for tool in (await http.get("/tools")).json()["tools"]},
        "format": "two_add" in (await http.get("/tools?format=openai")).text,
        "health": "two" in {server["server"] for server in (await http.get("/health")).json()["servers"]},
        "index": "two" in {server["server"] for server in (await http.get("/")).json()["servers"]},
        "openapi": "/two/mcp/tools/add" in (await http.get("/openapi.json")).json()["paths"],
        "metrics": 'mcp_server_up{server="two"} 1.0' in metrics,
    }
