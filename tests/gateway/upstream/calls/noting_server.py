"""A server of the SDK with a resource that its tool `touch` changes. It listens as `asking_server` does."""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import Context, MCPServer

from tests.gateway.upstream.http.sdk_server import serve

mcp = MCPServer("noting", log_level="CRITICAL")


@mcp.resource("note://a")
def note() -> str:
    return "note"


@mcp.tool()
async def touch(ctx: Context) -> str:
    for uri in ("note://a", "note://b"):
        await ctx.notify_resource_updated(uri)
    return "touched"


@mcp.tool()
async def end() -> None:
    os._exit(3)


if __name__ == "__main__":
    if sys.argv[1:] == ["stdio"]:
        mcp.run("stdio")
    else:
        serve(mcp.streamable_http_app(), 0)
