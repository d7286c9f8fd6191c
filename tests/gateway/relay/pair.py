"""Two applications with a server of the same name, which continue the calls of each other."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

from features.asking import Inheritance, inherited
from tests.conftest import MakeApp, server_of
from tests.transport import opened

Http = httpx2.AsyncClient
ACCEPTED = {"action": "accept", "content": {"size": 3}}


class Size(BaseModel):
    size: int


class Asking:
    """Tools that ask in their body. `begun` and `ended` are those of the tool that waits after the answer."""

    def __init__(self) -> None:
        self.begun, self.ended, self.go_on = anyio.Event(), anyio.Event(), anyio.Event()

    def server(self, name: str = "one") -> MCPServer[Any]:
        server = server_of(self.once, self.twice, self.fails, self.crashes, self.reports, self.waits, name=name)
        for version, function in (("1.0.0", self.once), ("2.0.0", self.twice)):
            server.add_tool(function, name=f"sized {version}", meta={"version": version, "versions_of": "sized"})
        return server

    async def once(self, ctx: Context[Any, Any]) -> dict[str, int]:
        return {"size": await asked(ctx)}

    async def twice(self, ctx: Context[Any, Any]) -> list[int]:
        return [await asked(ctx), await asked(ctx)]

    async def fails(self, ctx: Context[Any, Any]) -> str:
        await asked(ctx)
        raise ToolError("a mistake")

    async def crashes(self, ctx: Context[Any, Any]) -> object:
        await asked(ctx)
        return object()

    async def reports(self, steps: int, length: int, ctx: Context[Any, Any], pause: float = 0) -> str:
        await asked(ctx)
        for step in range(steps):
            await ctx.report_progress(step + 1, steps)
            await anyio.sleep(pause)
        return "x" * length

    async def waits(self, ctx: Context[Any, Any]) -> str:
        await asked(ctx)
        self.begun.set()
        try:
            await self.go_on.wait()
        finally:
            self.ended.set()
        return "waited"


async def asked(ctx: Context[Any, Any]) -> int:
    answer: Any = await ctx.elicit("How big?", Size)
    return answer.data.size if answer.action == "accept" else 0


class Pair:
    """The client of the application in which calls begin, and that of the `other` one, in which they continue."""

    def __init__(self, first: Http, other: Http, asking: Asking) -> None:
        self.first = first
        self.other = other
        self.asking = asking

    async def begin(self, tool: str, who: Mapping[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
        """Returns the body of the call that continues it."""
        body = {"tool": tool, "arguments": arguments}
        answer = await self.first.post("/one/mcp/call", json=body, headers=dict(who or {}))
        assert answer.status_code == 202
        return body | continuation(answer.json())

    async def go_on(self, body: Any, server: str = "one", who: Mapping[str, str] | None = None) -> httpx2.Response:
        return await self.other.post(f"/{server}/mcp/call", json=body, headers=dict(who or {}))


def continuation(question: Any, answer: Any = ACCEPTED) -> dict[str, Any]:
    return {
        "requestState": question["requestState"],
        "inputResponses": dict.fromkeys(question["inputRequests"], answer),
    }


@asynccontextmanager
async def workers(make_app: MakeApp, folder: Path, **settings: Any) -> AsyncIterator[Pair]:
    """Provides two applications as those of two workers of one parent."""
    token = inherited.set(Inheritance(secrets.token_hex(32), str(folder)))
    try:
        async with replicas(make_app, **settings) as pair:
            yield pair
    finally:
        inherited.reset(token)


@asynccontextmanager
async def replicas(make_app: MakeApp, **settings: Any) -> AsyncIterator[Pair]:
    asking = Asking()
    apps = [make_app(asking.server(), asking.server("two"), **settings) for _ in range(2)]
    async with opened(apps[0]) as first, opened(apps[1]) as other:
        yield Pair(first, other, asking)
