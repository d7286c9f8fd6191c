"""The chain around native MCP calls, hung on the SDK's own hook: `MCPServer.middleware`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server.context import CallNext as SDKCallNext
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult

from gateway import sdk
from gateway.call import CallNext, ToolCall, ToolResult, current_call, endpoint, request_id
from gateway.errors import CallTimeout, GatewayError
from gateway.exchange import Exchange
from gateway.failure import outcome

SERVER_ERROR = -32000
TIMED_OUT = -32001


class NativeCalls:
    """Takes each `tools/call` of one server through the chain, once, whatever endpoint it came in by."""

    def __init__(self, server: str, chain: CallNext) -> None:
        self._server = server
        self._chain = chain

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: SDKCallNext) -> HandlerResult:
        if ctx.method != "tools/call" or _is_exchanged(ctx):
            return await call_next(ctx)

        async def execute(call: ToolCall) -> ToolResult:
            native = await call_next(ctx)
            is_error = _is_error(native)
            return ToolResult(native=native, is_error=is_error, outcome=outcome(native, is_error, call))

        call = _tool_call(self._server, ctx)
        call.execute = execute
        current_call.set(call)
        try:
            return (await self._chain(call)).native  # type: ignore[no-any-return]
        except GatewayError as exc:
            raise protocol_error(exc) from exc


def protocol_error(exc: GatewayError) -> MCPError:
    """What kept a call from its tool, as JSON-RPC: codes outside of those that the specification reserves."""
    data: dict[str, Any] = {"type": exc.slug}
    if exc.retry_after is not None:
        data["retryAfter"] = exc.retry_after
    return MCPError(TIMED_OUT if isinstance(exc, CallTimeout) else SERVER_ERROR, str(exc), data)


def _tool_call(server: str, ctx: ServerRequestContext[Any, Any]) -> ToolCall:
    params: Mapping[str, Any] = ctx.params or {}
    name, arguments = params.get("name"), params.get("arguments")
    return ToolCall(
        server=server,
        tool=name if isinstance(name, str) else "",
        arguments=arguments if isinstance(arguments, dict) else {},
        via=endpoint.get(),
        request_id=request_id.get(),
    )


def _is_exchanged(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether this is a JSON call in the SDK's machinery, which the chain is around already."""
    return isinstance(sdk.request_channel(ctx), Exchange)


def _is_error(result: Any) -> bool:
    return result.is_error if isinstance(result, CallToolResult) else bool(result.get("isError"))
