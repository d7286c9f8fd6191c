"""Tools to look at in the console: one that waits, one that reports, one that fails, one that asks, one that draws."""

from __future__ import annotations

import asyncio
import base64

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

mcp = MCPServer("slow")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Size(BaseModel):
    """A size to choose."""

    size: int
    why: str = ""


@mcp.tool(annotations={"readOnlyHint": True})  # type: ignore[arg-type]
async def wait(seconds: float = 60) -> str:
    """Waits, and says so."""
    await asyncio.sleep(seconds)
    return "waited"


@mcp.tool()
async def count(ctx: Context, to: int = 3) -> int:
    """Counts, and reports each step."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, f"step {number}")
        await asyncio.sleep(0.02)
    return to


@mcp.tool()
async def fail(password: str, note: str = "") -> str:
    """Fails, with a text of its own."""
    raise ToolError(f"<b>no</b> \u202egnihton {note}")


@mcp.tool()
async def ask(ctx: Context) -> str:
    """Asks for a size."""
    answer = await ctx.elicit("Which <i>size</i>?", Size)
    return f"{answer.action} {answer.data.size}" if answer.action == "accept" else answer.action


@mcp.tool()
async def draw() -> Image:
    """Draws one dot."""
    return Image(data=PIXEL, format="png")
