"""A tool for each thing that can come of a call."""

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ImageContent
from pydantic import BaseModel

mcp = MCPServer("moody")


class Person(BaseModel):
    name: str
    age: int = 0


class Size(BaseModel):
    size: int


class Seen:
    began = 0
    cancelled = 0


@mcp.tool()
async def greet_tool(person: Person) -> Person:
    """Give the person back."""
    return person


@mcp.tool()
async def refuse_tool(reason: str) -> str:
    raise ToolError(reason)


@mcp.tool()
async def crash_tool(secret: str) -> str:
    raise RuntimeError(secret)


@mcp.tool()
async def wait_tool(secret: str = "") -> str:
    """Wait for ever."""
    Seen.began += 1
    try:
        await anyio.sleep_forever()
    finally:
        Seen.cancelled += 1
    return secret


@mcp.tool()
async def seen_tool() -> list[int]:
    """How many waits began, and how many were cancelled."""
    return [Seen.began, Seen.cancelled]


@mcp.tool()
async def ask_tool(ctx: Context) -> str:
    """Ask the caller for a size."""
    answer = await ctx.elicit("How big?", Size)
    return answer.action


@mcp.tool(structured_output=False)
async def picture_tool() -> list[ImageContent]:
    return [ImageContent(type="image", data="AAAA", mime_type="image/png")]


@mcp.tool()
async def nap_tool(seconds: float) -> str:
    await anyio.sleep(seconds)
    return "rested"
