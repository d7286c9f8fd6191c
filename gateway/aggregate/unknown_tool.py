"""The answer of the aggregate endpoint to a call of an unknown tool."""

from __future__ import annotations

from typing import Any

from mcp.server.context import ServerRequestContext
from mcp_types import CallToolResult, TextContent

from gateway.errors import GatewayError, UnknownTool
from gateway.sdk.native import native_call, protocol_error
from gateway.servers.unknown import UnknownTarget


async def unknown_tool(target: UnknownTarget, ctx: ServerRequestContext[Any, Any]) -> CallToolResult:
    """Returns a result that the model can read, as one server alone would."""
    try:
        await target.call(native_call(target.name, target.find, ctx))
    except UnknownTool as exc:
        return CallToolResult(is_error=True, content=[TextContent(type="text", text=str(exc))])
    except GatewayError as exc:
        raise protocol_error(exc) from exc
