"""Private parts of the SDK's servers, each behind a function that says what it is for."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server._otel import OpenTelemetryMiddleware
from mcp.server.connection import Connection
from mcp.server.context import ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.server.request_state import RequestStateBoundary
from mcp.server.subscriptions import ListenHandler, SubscriptionBus
from mcp.shared.dispatcher import DispatchContext
from pydantic import TypeAdapter

BUILT_IN = (OpenTelemetryMiddleware, RequestStateBoundary)
"""The middleware that the SDK itself puts around a server."""


def low_level(mcp: MCPServer[Any]) -> LowLevelServer[Any]:
    return mcp._lowlevel_server


def tools_of(mcp: MCPServer[Any]) -> list[Tool]:
    return mcp._tool_manager.list_tools()


def bus(mcp: MCPServer[Any]) -> SubscriptionBus:
    """Returns the bus on which the server publishes its change events."""
    return mcp._subscriptions


def output_adapter(metadata: FuncMetadata) -> TypeAdapter[Any]:
    """Returns the validator and serializer that the SDK made for a tool's output type."""
    return metadata._output_adapter(metadata.output_model)


def has_auth(mcp: MCPServer[Any]) -> bool:
    return mcp.settings.auth is not None


def enter_once(server: LowLevelServer[Any], state: Any) -> None:
    """Makes the session manager use `state`, of the lifespan that is entered already, and not enter it again."""
    server.lifespan = lambda _: nullcontext(state)


def insert_middleware(mcp: MCPServer[Any], middleware: ServerMiddleware[Any]) -> None:
    """Inserts inside of the SDK's own middleware, outside of the author's."""
    mcp.middleware.insert(sum(isinstance(item, BUILT_IN) for item in mcp.middleware), middleware)


def has_author_hooks(mcp: MCPServer[Any]) -> bool:
    """Returns True if the server's author put something around its tool calls."""
    return type(mcp).call_tool is not MCPServer.call_tool or _is_wrapped(mcp, "tools/call")


def has_own_tool_list(mcp: MCPServer[Any]) -> bool:
    """Returns True if the server's author changed how its tools are listed."""
    return type(mcp).list_tools is not MCPServer.list_tools or _is_wrapped(mcp, "tools/list")


def _is_wrapped(mcp: MCPServer[Any], method: str) -> bool:
    """Returns True if the author has replaced the handler of `method`, or has added middleware."""
    entry = low_level(mcp).get_request_handler(method)
    own_handler = entry is not None and getattr(entry.handler, "__self__", None) is mcp
    return not own_handler or any(not isinstance(item, BUILT_IN) for item in mcp.middleware)


def request_channel(ctx: ServerRequestContext[Any, Any]) -> DispatchContext[Any]:
    """Returns the channel by which the tool of this request reports and asks."""
    return ctx.session._request_outbound


def connection_of(ctx: ServerRequestContext[Any, Any]) -> Connection:
    """Returns the client's connection, which outlives the request in a legacy session."""
    return ctx.session._connection


def unbounded_listen(handler: Any) -> Any:
    """Returns a handler of `subscriptions/listen`, the SDK's own one without its bound of 1,024 streams for all."""
    if isinstance(handler, ListenHandler):
        vars(handler).update(_max_subscriptions=sys.maxsize)
    return handler
