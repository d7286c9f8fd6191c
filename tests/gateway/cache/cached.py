"""A server of cached tools that count how often they run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import InputRequiredResult
from pydantic import BaseModel

PRIVATE: dict[str, Any] = {"cache": {"ttl": 60}}
PUBLIC: dict[str, Any] = {"cache": {"ttl": 60, "scope": "public"}}


class Answer(BaseModel):
    size: int


class Counting:
    """`ran` counts the runs of each tool. A gated tool waits for its future in `waiting`, and ends with its outcome."""

    def __init__(self) -> None:
        self.ran: Counter[str] = Counter()
        self.waiting: list[asyncio.Future[str]] = []
        self.server = MCPServer("one")
        direct: list[Callable[..., Any]] = [self.add, self.fails, self.crashes, self.gated, self.large]
        with_context = [self.reports, self.state, self.asks, self.asks_to_wait, self.gated_with_context]
        for tool in [*direct, *with_context]:
            self.server.add_tool(tool, meta=PUBLIC)
        self.server.add_tool(self.mine, meta=PRIVATE)
        self.server.add_tool(self.plain)

    async def add(self, a: int, b: int = 2) -> int:
        self.ran["add"] += 1
        return a + b

    async def mine(self) -> int:
        self.ran["mine"] += 1
        return self.ran["mine"]

    async def plain(self) -> int:
        self.ran["plain"] += 1
        return self.ran["plain"]

    async def fails(self) -> str:
        self.ran["fails"] += 1
        raise ToolError("not today")

    async def crashes(self) -> str:
        self.ran["crashes"] += 1
        raise RuntimeError("secret")

    async def large(self, size: int) -> str:
        self.ran["large"] += 1
        return "x" * size

    async def gated(self, name: str = "") -> str:
        return await self._wait("gated")

    async def gated_with_context(self, ctx: Context) -> str:
        return await self._wait("gated_with_context")

    async def reports(self, ctx: Context) -> str:
        self.ran["reports"] += 1
        await ctx.report_progress(1, 2, "half")
        return "done"

    async def state(self, ctx: Context) -> int:
        self.ran["state"] += 1
        return self.ran["state"]

    async def asks(self, ctx: Context) -> str:
        self.ran["asks"] += 1
        return str((await ctx.elicit("How big?", Answer)).action)

    async def asks_to_wait(self, ctx: Context) -> InputRequiredResult | str:
        self.ran["asks_to_wait"] += 1
        return InputRequiredResult(request_state="later") if ctx.request_state is None else "waited"

    async def until(self, count: int) -> None:
        """Waits until `count` runs are in progress."""
        while len([future for future in self.waiting if not future.done()]) < count:
            await asyncio.sleep(0)

    async def until_ran(self, tool: str, count: int) -> None:
        while self.ran[tool] < count:
            await asyncio.sleep(0)

    def end(self, how: str | Exception = "done") -> None:
        """Ends all runs in progress."""
        for future in self.waiting:
            if future.done():
                continue
            if isinstance(how, Exception):
                future.set_exception(how)
            else:
                future.set_result(how)

    async def _wait(self, tool: str) -> str:
        self.ran[tool] += 1
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        return await future
