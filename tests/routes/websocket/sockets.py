"""A server for the tests of WebSockets, with one tool for each outcome of a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel
from starlette.applications import Starlette

from tests.conftest import server_of
from tests.sockets import Pairs, Socket, connected
from tests.transport import opened


class Size(BaseModel):
    size: int


class Seen:
    """Counts the calls of the tool `wait`. `late` are tasks that outlive their call."""

    def __init__(self) -> None:
        self.began = 0
        self.cancelled = 0
        self.go_on = asyncio.Event()
        self.late: list[asyncio.Task[None]] = []

    async def until(self, began: int = 0, cancelled: int = 0) -> None:
        with anyio.fail_after(10):
            while self.began < began or self.cancelled < cancelled:
                await asyncio.sleep(0)


def server(seen: Seen) -> MCPServer[Any]:
    async def add(a: int, b: int) -> int:
        return a + b

    async def size(size: int) -> Size:
        return Size(size=size)

    async def wait() -> str:
        seen.began += 1
        try:
            await seen.go_on.wait()
        except asyncio.CancelledError:
            seen.cancelled += 1
            raise
        return "went on"

    async def refuse(reason: str) -> str:
        raise ToolError(reason)

    async def crash(secret: str) -> str:
        raise RuntimeError(secret)

    async def steps(count: int, ctx: Context[Any, Any]) -> str:
        for step in range(count):
            await ctx.report_progress(step + 1, count)
        return "done"

    async def asks(ctx: Context[Any, Any]) -> str:
        return (await ctx.elicit("How big?", Size)).action

    async def leaves_a_task(ctx: Context[Any, Any]) -> None:
        seen.late.append(asyncio.create_task(ctx.report_progress(1)))

    async def header(name: str, ctx: Context[Any, Any]) -> str | None:
        return (ctx.headers or {}).get(name)

    return server_of(add, size, wait, refuse, crash, steps, asks, leaves_a_task, header)


@asynccontextmanager
async def talking(app: Starlette, path: str = "/one/mcp/ws", headers: Pairs = ()) -> AsyncIterator[Socket]:
    async with opened(app), connected(app, path, headers) as socket:
        yield socket


def slug(frame: Any) -> str:
    """The slug of the error in a frame."""
    found: str = frame["error"]["type"].removeprefix("urn:multi-mcp:error:")
    return found
