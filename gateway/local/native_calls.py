"""The chain around native requests that run an author's code, as a middleware of the SDK's server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.context import CallNext as SDKCallNext
from mcp.server.context import HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError

from gateway.call import Interceptor, ToolCall, ToolResult, chain, current_call
from gateway.errors import GatewayError, ToolCrashed, UnknownTool
from gateway.in_flight import InFlight
from gateway.local.crashes import outcome
from gateway.local.exchange import Exchange
from gateway.local.plan import Plan
from gateway.local.requests import Requests, has_crashed
from gateway.local.tools import Tools
from gateway.sdk import wire
from gateway.sdk.internals import request_channel
from gateway.sdk.native import CALL, native_call, protocol_error
from gateway.sdk.sessions.openings import LISTEN
from gateway.sdk.versions import choose_version, request_of_version, told, unknown, warn_once

Context = ServerRequestContext[Any, Any]


class NativeCalls:
    """Takes each request that runs an author's code through the interceptors, once, from whichever endpoint it came."""

    def __init__(
        self,
        tools: Tools,
        requests: Requests,
        low_level: LowLevelServer[Any],
        interceptors: Sequence[Interceptor],
        in_flight: InFlight,
    ) -> None:
        self._tools = tools
        self._low_level = low_level
        self._interceptors = interceptors
        self._in_flight = in_flight
        self._requests = requests

    async def __call__(self, ctx: Context, call_next: SDKCallNext) -> HandlerResult:
        if ctx.method == LISTEN or ctx.request_id is None:
            return await call_next(ctx)
        self._in_flight.count += 1
        try:
            return await (call_next(ctx) if ctx.method in self._requests.outside else self._call(ctx, call_next))
        except GatewayError as exc:
            if _is_exchange(ctx):  # JSON has its own form of the error
                raise
            raise protocol_error(exc) from exc
        finally:
            self._in_flight.leave()

    async def _call(self, ctx: Context, call_next: SDKCallNext) -> HandlerResult:
        if _is_exchange(ctx):
            return await call_next(ctx)
        if ctx.method == CALL:
            call = native_call(self._requests.server, self._tools.plan, ctx)
            if choose_version(call, self._tools.plan, ctx) and isinstance(call.entry, Plan):
                ctx = request_of_version(ctx, call.entry.own_name, call.state)
        else:
            call = self._requests.call_for(ctx)
        current_call.set(call)
        result = await chain(self._interceptors, partial(self._execute, ctx, call_next))(call)
        native = result.native
        if native is None and result.wire:
            native = wire.restamp(self._low_level, ctx, call, result.wire)
        if isinstance(native, MCPError):
            raise native
        if call.entry is None or call.entry.versions is None:
            return native  # type: ignore[no-any-return]
        await warn_once(ctx, call.server, call.entry)
        return told(native, call.entry)

    async def _execute(self, ctx: Context, call_next: SDKCallNext, call: ToolCall) -> ToolResult:
        if call.refusal is not None:
            raise call.refusal
        if call.entry is None and self._tools.hides(call.tool):
            return ToolResult(native=unknown(self._low_level, ctx), is_error=True, outcome=UnknownTool.slug)
        self._in_flight.count += 1  # the tool may go on after its caller has been answered
        try:
            is_direct = call.entry is not None and call.entry.direct
            native = await call_next(ctx if is_direct and not call.wants_wire else wire.noted(ctx, call))
        except MCPError as exc:
            word = ToolCrashed.slug if has_crashed(exc) else "tool-error"
            encoded = wire.encode_error(exc) if call.wants_record else b""
            return ToolResult(native=exc, is_error=True, message=exc.error.message, outcome=word, wire=encoded)
        finally:
            self._in_flight.leave()
        is_error = _is_error(native)
        word = outcome(native, is_error, call) if call.entry is not None or not is_error else UnknownTool.slug
        result = ToolResult(native=native, is_error=is_error, outcome=word)
        is_cached = call.wants_wire and word == "ok" and not call.asked_client
        if isinstance(call.entry, Plan) and (is_cached or call.wants_record):
            self._complete(result, call.entry, call)
        return result

    def _complete(self, result: ToolResult, plan: Plan, call: ToolCall) -> None:
        """Adds to a native result what the other ways in send."""
        bare = wire.strip_server_stamp(self._low_level, result.native)
        if result.outcome != "ok":  # only a record has it
            result.wire = wire.encode_any(bare)
        with suppress(Exception):  # a result that JSON cannot carry is still an answer to this native call
            if result.is_error:
                result.message = plan.answer.of_wire(bare).message.removeprefix(f"Error executing tool {call.tool}: ")
            elif result.outcome == "ok":
                sent = plan.answer.of_sent(call.returned, bare)
                encoded = wire.encode_any(bare) if call.wants_record else wire.encode_success(bare)
                result.body, result.wrapped, result.wire = sent.body, sent.wrapped, encoded


def unless_json(middleware: ServerMiddleware[Any]) -> ServerMiddleware[Any]:
    """Returns `middleware` for all but the requests about a task of a JSON call, which interceptors have let pass."""

    async def apply(ctx: Context, call_next: SDKCallNext) -> HandlerResult:
        if ctx.method != CALL and _is_exchange(ctx):
            return await call_next(ctx)
        return await middleware(ctx, call_next)

    return apply


def _is_exchange(ctx: Context) -> bool:
    """Returns True for a JSON call in the SDK's machinery, which has passed the interceptors already."""
    return isinstance(request_channel(ctx), Exchange)


def _is_error(result: Any) -> bool:
    return bool(result.get("isError") if isinstance(result, Mapping) else getattr(result, "is_error", False))
