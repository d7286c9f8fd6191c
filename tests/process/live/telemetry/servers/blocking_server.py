"""A server whose tools block the event loop, as a mistake in an author's code does."""

from __future__ import annotations

import os
import time

from mcp.server.mcpserver import Context, MCPServer

mcp = MCPServer("blocking")


@mcp.tool()
async def nap(seconds: float) -> int:
    time.sleep(seconds)  # noqa: ASYNC251  # the mistake
    return os.getpid()


@mcp.tool()
async def nap_with_context(seconds: float, ctx: Context) -> int:
    time.sleep(seconds)  # noqa: ASYNC251  # the mistake
    return os.getpid()


@mcp.tool()
async def hold_the_interpreter(numbers: int) -> int:
    """Computes in C without a pause in which another thread could run."""
    return sum(range(numbers))
