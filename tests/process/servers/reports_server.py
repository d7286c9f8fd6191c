"""Tools that report, and answers of any size."""

import asyncio
from typing import Any

from mcp.server.mcpserver import Context, MCPServer

mcp = MCPServer("reports")


@mcp.tool()
async def steps_tool(count: int, ctx: Context[Any, Any]) -> str:
    """Report as many steps, one after the other."""
    for step in range(count):
        await ctx.report_progress(step + 1, count)
    return "done"


@mcp.tool()
async def large_tool(size: int) -> str:
    """As many characters."""
    await asyncio.sleep(0)
    return "x" * size
