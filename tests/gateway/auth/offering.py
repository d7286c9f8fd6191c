"""A server with a prompt, resources, completions and other methods that have no scope."""

from __future__ import annotations

from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.mcpserver import MCPServer
from mcp_types import Completion, EmptyResult, RequestParams, SetLevelRequestParams, SubscribeRequestParams

from gateway.sdk import internals as sdk


def make(name: str) -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer(name, cache_hints={"tools/list": CacheHint(1000, "public")})

    @server.tool()
    async def add(a: int, b: int) -> int:
        return a + b

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(ref: Any, argument: Any, context: Any) -> Completion:
        return Completion(values=["x"])

    async def accept(ctx: Any, params: Any) -> EmptyResult:
        return EmptyResult()

    server.prompt(name="greet")(lambda: f"hello of {name}")
    server.resource(f"note://{name}", name="note")(lambda: f"note of {name}")
    server.resource(f"{name}://{{number}}", name="page")(lambda number: f"page of {name}")
    low = sdk.low_level(server)
    low.add_request_handler("x/secret", RequestParams, accept)
    low.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
    low.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)
    return server
