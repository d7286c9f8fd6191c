"""A tool that takes each step only when it is told to."""

from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer

mcp = MCPServer("gated")


@mcp.tool()
async def steps_tool(count: int, gate: str, ctx: Context[Any, Any]) -> str:
    """Report a step, and take the next one when the file `gate` has a byte for it."""
    for step in range(1, count + 1):
        await ctx.report_progress(step, count)
        while Path(gate).stat().st_size < step:  # noqa: ASYNC240
            await anyio.sleep(0.01)
    return "done"
