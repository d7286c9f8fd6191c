"""A server of the SDK with a resource that its tool `touch` changes. It listens as `asking_server` does."""

from __future__ import annotations

import os
import sys
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from tests.gateway.upstream.http.sdk_server import serve

mcp = MCPServer("noting", log_level="CRITICAL")
watching: dict[str, Any] = {}


@mcp.resource("note://a")
def note() -> str:
    return "note"


@mcp.tool()
async def touch(ctx: Context) -> str:
    for uri in ("note://a", "note://b"):
        await ctx.notify_resource_updated(uri)
        if uri in watching:
            await watching[uri].send_resource_updated(uri)
    return "touched"


@mcp.tool()
async def watched() -> list[str]:
    return [*watching]


async def subscribe(ctx: Any, params: SubscribeRequestParams) -> EmptyResult:
    if params.uri == "note://none":
        raise MCPError(-32002, "Unknown resource")
    watching[params.uri] = ctx.session
    return EmptyResult()


async def unsubscribe(ctx: Any, params: UnsubscribeRequestParams) -> EmptyResult:
    watching.pop(params.uri, None)
    return EmptyResult()


mcp._lowlevel_server.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
mcp._lowlevel_server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)


@mcp.tool()
async def end() -> None:
    os._exit(3)


if __name__ == "__main__":
    if sys.argv[1:] == ["stdio"]:
        mcp.run("stdio")
    else:
        serve(mcp.streamable_http_app(), int(sys.argv[1]))
