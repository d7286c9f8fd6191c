"""One instance of a server of the SDK, in a process of its own. It prints its port."""

from __future__ import annotations

import asyncio
import os
import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tests.gateway.upstream.http.sdk_server import serve

mcp = MCPServer("instance", log_level="CRITICAL")


@mcp.tool()
async def pid(seconds: float = 0) -> int:
    await asyncio.sleep(seconds)
    return os.getpid()


@mcp.tool()
def fail() -> int:
    raise ToolError("no")


if __name__ == "__main__":
    serve(mcp.streamable_http_app(), int(sys.argv[1]))
