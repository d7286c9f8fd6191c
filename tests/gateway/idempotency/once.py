"""A server whose tools number their runs, and its client with keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx2
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import InputRequiredResult, ToolAnnotations
from pydantic import BaseModel

from tests.conftest import MakeApp, server_of
from tests.transport import opened


class Size(BaseModel):
    size: int


class Once:
    """`runs` numbers the runs of all tools. `waits` begins, and ends when `go_on` is set."""

    def __init__(self) -> None:
        self.http: httpx2.AsyncClient
        self.runs = 0
        self._numbers = count(1)
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    def server(self) -> MCPServer[Any]:
        server = server_of(self.draws, self.waits, self.large, self.asks, self.asks_in_body, self.reports)
        server.add_tool(self.reads, annotations=ToolAnnotations(read_only_hint=True))
        server.add_tool(self.sets, annotations=ToolAnnotations(idempotent_hint=True))
        return server

    def _ran(self) -> int:
        self.runs = next(self._numbers)
        return self.runs

    async def draws(self, add: int = 0) -> int:
        return self._ran() + add

    async def reads(self) -> int:
        return self._ran()

    async def waits(self) -> int:
        number = self._ran()
        self.begun.set()
        await self.go_on.wait()
        return number

    async def sets(self) -> int:
        return await self.waits()

    async def large(self, size: int) -> str:
        self._ran()
        return "x" * size

    async def asks(self, ctx: Context[Any, Any]) -> InputRequiredResult | str:
        self._ran()
        return InputRequiredResult(request_state="later") if ctx.request_state is None else "answered"

    async def asks_in_body(self, ctx: Context[Any, Any]) -> int:
        self._ran()
        answer: Any = await ctx.elicit("How big?", Size)
        return self._ran() * 100 + int(answer.data.size)

    async def reports(self, ctx: Context[Any, Any]) -> int:
        number = self._ran()
        self.begun.set()
        await self.go_on.wait()
        await ctx.report_progress(1, 2)
        return number

    async def call(self, tool: str, key: str | None = "one", headers: Any = None, **body: Any) -> httpx2.Response:
        given = dict(headers or {}) | ({} if key is None else {"idempotency-key": key})
        return await self.http.post("/one/mcp/call", json={"tool": tool, **body}, headers=given)


@asynccontextmanager
async def once(make_app: MakeApp, **settings: Any) -> AsyncIterator[Once]:
    one = Once()
    async with opened(make_app(one.server(), **settings)) as one.http:
        yield one


def slug(answer: httpx2.Response) -> tuple[int, str]:
    body: Mapping[str, Any] = answer.json()
    return answer.status_code, str(body["type"]).rpartition(":")[2]
