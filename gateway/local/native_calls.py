"""The chain around native MCP calls, hung on the SDK's own hook: `MCPServer.middleware`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from mcp.server import Server as LowLevelServer
from mcp.server.context import CallNext as SDKCallNext
from mcp.server.context import HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError
from starlette.types import ASGIApp

from gateway.call import CallNext, ToolCall, ToolResult, current_call, endpoint, request_id
from gateway.errors import CallTimeout, GatewayError, UnknownTool
from gateway.local.crashes import crashed, outcome
from gateway.local.exchange import Exchange
from gateway.local.plan import Plan
from gateway.local.tools import Tools
from gateway.sdk import internals as sdk
from gateway.sdk import wire as envelope
from gateway.servers.unknown import Nowhere

SERVER_ERROR = -32000
TIMED_OUT = -32001
Admit = Callable[[str, dict[str, Any]], Coroutine[Any, Any, None]]
"""Takes a tool's name and arguments. Raises Forbidden, recorded as the call that it is, where the caller may not."""


class Access(Protocol):
    """What guards a native endpoint besides the chain, where callers have scopes."""

    def middleware(self, server: str) -> ServerMiddleware[Any]:
        """For the endpoint of one server."""
        ...

    def over(self, names: Callable[[], Iterable[str]]) -> ServerMiddleware[Any]:
        """For the endpoint over all servers. `names` is asked for their names at each request."""
        ...

    def endpoint(self, mcp: ASGIApp, admit: Admit) -> ASGIApp:
        """`mcp`, with what HTTP can say of a call that `admit` refuses."""
        ...


class NativeCalls:
    """Takes each `tools/call` of one server through the chain, once, whatever endpoint it came in by."""

    def __init__(self, server: str, chain: CallNext, tools: Tools, low_level: LowLevelServer[Any]) -> None:
        self._server = server
        self._chain = chain
        self._tools = tools
        self._low_level = low_level

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: SDKCallNext) -> HandlerResult:
        if ctx.method != "tools/call":
            return await call_next(ctx)
        if _is_exchanged(ctx):
            return await _answer(ctx, call_next)
        call = _tool_call(self._server, ctx)
        call.plan = plan = self._tools.plan(call.tool)
        call.execute = partial(self._execute, ctx, call_next, plan)
        current_call.set(call)
        try:
            result = await self._chain(call)
        except GatewayError as exc:
            raise protocol_error(exc) from exc
        native = result.native
        if native is None and result.wire:
            return envelope.put_on(self._low_level, ctx, call, result.wire)
        if isinstance(native, MCPError):
            raise native
        return native  # type: ignore[no-any-return]

    async def _execute(
        self, ctx: ServerRequestContext[Any, Any], call_next: SDKCallNext, plan: Plan | None, call: ToolCall
    ) -> ToolResult:
        try:
            native = await _answer(envelope.noting(ctx, call) if call.whole else ctx, call_next)
        except MCPError as exc:
            return ToolResult(native=exc, is_error=True, message=exc.error.message, outcome="tool-error")
        is_error = _is_error(native)
        word = outcome(native, is_error, call) if call.plan is not None or not is_error else UnknownTool.slug
        result = ToolResult(native=native, is_error=is_error, outcome=word)
        if call.whole and plan is not None and word == "ok" and not call.questioned:
            self._complete(result, plan, call)
        return result

    def _complete(self, result: ToolResult, plan: Plan, call: ToolCall) -> None:
        """Give the result what the other ways in send."""
        bare = envelope.taken_off(self._low_level, result.native)
        with suppress(Exception):  # what JSON cannot say is no less an answer here
            said = plan.answer.of_sent(call.value, bare)
            result.body, result.wrapped, result.wire = said.body, said.wrapped, envelope.sealed(bare)


async def _answer(ctx: ServerRequestContext[Any, Any], call_next: SDKCallNext) -> HandlerResult:
    """What an author's own middleware or tool class raises, an exit included, ends its call and stays in the log."""
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):
        raise
    except (Exception, SystemExit) as exc:  # the author's boundary: whatever is raised stays in the log
        raise crashed((ctx.params or {}).get("name", ""), exc) from exc


async def unknown_tool(nowhere: Nowhere, ctx: ServerRequestContext[Any, Any]) -> CallToolResult:
    """The answer to a call that leads nowhere: a result that the model can read, as for one server alone."""
    try:
        await nowhere.call(_tool_call(nowhere.name, ctx))
    except UnknownTool as exc:
        return CallToolResult(is_error=True, content=[TextContent(type="text", text=str(exc))])
    except GatewayError as exc:
        raise protocol_error(exc) from exc


def protocol_error(exc: GatewayError) -> MCPError:
    """What kept a call from its tool, as JSON-RPC: codes outside of those that the specification reserves."""
    data: dict[str, Any] = {"type": exc.slug}
    if exc.retry_after is not None:
        data["retryAfter"] = exc.retry_after
    if exc.scope is not None:
        data["scope"] = exc.scope
    return MCPError(TIMED_OUT if isinstance(exc, CallTimeout) else SERVER_ERROR, str(exc), data)


def _tool_call(server: str, ctx: ServerRequestContext[Any, Any]) -> ToolCall:
    params: Mapping[str, Any] = ctx.params or {}
    name, arguments = params.get("name"), params.get("arguments")
    call = ToolCall(
        server=server,
        tool=name if isinstance(name, str) else "",
        arguments=arguments if isinstance(arguments, dict) else {},
        via=endpoint.get(),
        request_id=request_id.get(),
    )
    call.state, call.answers = params.get("requestState"), params.get("inputResponses")
    meta = params.get("_meta")
    call.listens = isinstance(meta, dict) and "progressToken" in meta
    return call


def _is_exchanged(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether this is a JSON call in the SDK's machinery, which the chain is around already."""
    return isinstance(sdk.request_channel(ctx), Exchange)


def _is_error(result: Any) -> bool:
    return bool(result.get("isError") if isinstance(result, Mapping) else getattr(result, "is_error", False))
