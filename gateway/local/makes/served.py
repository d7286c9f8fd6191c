"""The makes of servers that this process serves, each in the form of an `MCPServer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.context import ServerMiddleware
from mcp.server.mcpserver import MCPServer

from gateway.local.makes.fast_mcp import FastMCPTools
from gateway.local.threads import Threads
from gateway.sdk.adopted import LowLevelTools


def make_of(value: Any) -> Callable[[Any], MCPServer[Any]] | None:
    """Returns the function that turns `value`, the `mcp` of a user's file, into an `MCPServer`; None if none can."""
    if isinstance(value, MCPServer):
        return _itself
    if isinstance(value, LowLevelServer):
        return LowLevelTools
    if is_fast_mcp(value) and isinstance(getattr(value, "_mcp_server", None), LowLevelServer):
        return FastMCPTools
    return None


def _itself(mcp: MCPServer[Any]) -> MCPServer[Any]:
    return mcp


def is_fast_mcp(value: Any) -> bool:
    """Returns True for an instance of FastMCP, whose package may not be installed."""
    return any(kind.__name__ == "FastMCP" and kind.__module__.startswith("fastmcp.") for kind in type(value).__mro__)


def inside(mcp: MCPServer[Any], threads: Threads) -> list[ServerMiddleware[Any]]:
    """Returns what a make needs inside of the router's middleware."""
    return [mcp.inside(threads)] if isinstance(mcp, FastMCPTools) else []
