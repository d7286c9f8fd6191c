"""A server of the SDK over the transport of 2024, in a process of its own: `/sse` of a port, which it prints."""

from __future__ import annotations

import asyncio
import sys

from mcp_types import ToolAnnotations

from tests.gateway.upstream.calls.asking_server import mcp
from tests.gateway.upstream.http import sdk_server

for tool in (sdk_server.add, sdk_server.big, sdk_server.count_to, sdk_server.echo, sdk_server.sleep):
    mcp.tool()(tool)
mcp.tool("slept")(sdk_server.counts)


@mcp.tool()
async def add_tool(a: int, b: int) -> int:
    return a + b


@mcp.tool()
async def hang() -> None:
    await asyncio.sleep(60)


@mcp.tool(annotations=ToolAnnotations(destructive_hint=True))
async def erase() -> str:
    return "erased"


if __name__ == "__main__":
    sdk_server.serve(mcp.sse_app(), int(sys.argv[1]))
