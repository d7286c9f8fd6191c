"""The chain around native requests that go on to an upstream, as a middleware of the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import Any

from mcp.server.caching import CACHEABLE_METHODS
from mcp.server.context import CallNext as SDKCallNext
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.methods import INPUT_REQUIRED_METHODS, is_input_required
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from gateway.call import IDEMPOTENCY_META, Interceptor, ToolCall, ToolResult, chain, current_call
from gateway.errors import GatewayError, UnknownTool
from gateway.in_flight import InFlight
from gateway.sdk import wire
from gateway.sdk.internals import connection_of
from gateway.sdk.native import CALL, RequestEntry, native_call, native_request, protocol_error
from gateway.sdk.tool_list import NO_CACHE
from gateway.sdk.versions import WARNING, told, warn_once
from gateway.upstream.backend import Backend
from gateway.upstream.calls.live import LiveCalls
from gateway.upstream.calls.log_levels import is_wanted, level_of
from gateway.upstream.calls.origins import askable, native_origin
from gateway.upstream.calls.places import place_of, session_of
from gateway.upstream.calls.rounds import answered
from gateway.upstream.front import FORWARDED, Forward, Front
from gateway.upstream.link import Origin, Params, Refusal, Report
from gateway.upstream.results import refused, tool_result
from gateway.upstream.tools import UpstreamTool
from gateway.upstream.versions.backends import Backends

Context = ServerRequestContext[Any, Any]
_backend: ContextVar[Backend] = ContextVar("backend of a native request")
_RESERVED = "io.modelcontextprotocol/"
_OURS = ("progressToken", IDEMPOTENCY_META)  # to another router, all our callers are one principal


class NativeCalls:
    """Takes each request that an upstream answers through the interceptors, and sends it on.

    It is a middleware of `front`, and the handler of the methods that the front serves.
    """

    def __init__(
        self,
        server: str,
        front: Front,
        current: Backends,
        interceptors: Sequence[Interceptor],
        *,
        live: LiveCalls,
        wishes: Mapping[str, Forward],
        max_result: int,
    ) -> None:
        self.in_flight = InFlight()
        self._server = server
        self._front = front
        self._current = current
        self._interceptors = interceptors
        self._live = live
        self._max_result = max_result
        self._entries = {method: RequestEntry(method, stops=True) for method in FORWARDED}
        front.serve(self._forward, wishes)

    async def __call__(self, ctx: Context, call_next: SDKCallNext) -> HandlerResult:
        if ctx.request_id is None or (ctx.method != CALL and ctx.method not in FORWARDED):
            return await call_next(ctx)
        if ctx.method == CALL:
            call = native_call(self._server, self._current.tools.plan, ctx)
            ctx = self._current.chosen(call, ctx)
        else:
            call = native_request(self._server, self._entries[ctx.method], ctx)
        current_call.set(call)
        try:
            result = await chain(self._interceptors, partial(self._execute, ctx, call_next))(call)
        except GatewayError as exc:
            raise protocol_error(exc) from exc
        if result.native is None and result.wire:
            result.native = wire.restamp(self._front, ctx, call, result.wire)
        if isinstance(result.native, MCPError):
            raise result.native
        if call.entry is None or call.entry.versions is None:
            return result.native  # type: ignore[no-any-return]
        if is_wanted(WARNING, level_of(connection_of(ctx))):
            await warn_once(ctx, call.server, call.entry)
        return told(result.native, call.entry)

    async def _forward(self, ctx: Context, params: Any) -> HandlerResult:
        """Is the handler of every method that goes on: the SDK has validated the request."""
        call, backend = current_call.get(), _backend.get()
        sent = _without_reserved(ctx.params or {})
        if call is not None and isinstance(call.entry, UpstreamTool):
            sent["name"] = call.entry.own_name
        report = partial(_report, ctx) if call is not None and call.wants_progress else None
        origin, connection = native_origin(ctx, call), connection_of(ctx)
        session, place = session_of(connection), place_of(self._current, backend, connection)

        async def send(params: Params, report: Report | None = report, origin: Origin = origin) -> dict[str, Any]:
            return await backend.request(ctx.method, params, report, session=session, place=place, origin=origin)

        if ctx.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return await answered(send, sent, origin.ask)
        state = sent.get("requestState")
        if call is not None and self._live.has(state):
            answers = sent.get("inputResponses")
            return _completed(ctx, await self._live.go_on(call, origin, report, state=state, answers=answers))
        may_ask = ctx.method in INPUT_REQUIRED_METHODS and state is None and bool(askable(origin.capabilities))
        if call is not None and may_ask and not await backend.is_modern(place):
            return _completed(ctx, await self._live.begin(call, origin, report, partial(send, sent)))
        return _completed(ctx, await send(sent))

    async def _execute(self, ctx: Context, call_next: SDKCallNext, call: ToolCall) -> ToolResult:
        backend = self._current.main.backend
        if ctx.method == CALL:
            if call.refusal is not None:
                raise call.refusal
            backend, call.entry = await self._current.found(call)
        if ctx.method == CALL and call.entry is None:
            backend.listing.refuse_unapproved(call.tool)
            return self._unknown(ctx, call)
        _backend.set(backend)
        with self.in_flight, backend.in_flight:
            try:
                native = await call_next(wire.noted(ctx, call))
            except Refusal as exc:
                return refused(exc)
        is_error = isinstance(native, Mapping) and bool(native.get("isError"))
        outcome = "input-required" if is_input_required(native) else "tool-error" if is_error else "ok"
        result = ToolResult(native=native, is_error=is_error, outcome=outcome)
        if call.wants_record and isinstance(call.entry, UpstreamTool):
            with suppress(GatewayError):  # a result that JSON cannot carry is still an answer to this native call
                self._complete(result, call.entry)
        elif call.wants_wire and isinstance(call.entry, UpstreamTool) and outcome == "ok" and not call.asked_client:
            self._complete(result, call.entry)
        return result

    def _complete(self, result: ToolResult, tool: UpstreamTool) -> None:
        """Adds to a native result what the other ways in send. Raises UpstreamError if they cannot send it."""
        bare = wire.strip_server_stamp(self._front, result.native)
        result.wire = wire.encode_any(bare)
        if result.outcome != "input-required":
            sent = tool_result(tool, bare, True, self._max_result)
            result.body, result.wrapped, result.message = sent.body, sent.wrapped, sent.message

    def _unknown(self, ctx: Context, call: ToolCall) -> ToolResult:
        """Returns a result that the model can read, as a server of this process would."""
        message = str(UnknownTool(call.requested, (), self._server))
        result = {"resultType": "complete", "content": [{"type": "text", "text": message}], "isError": True}
        native = wire.as_result(self._front, ctx, result)
        return ToolResult(native=native, is_error=True, message=message, outcome=UnknownTool.slug)


def _completed(ctx: Context, result: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a result with the fields that a client of the stateless era must get, which old servers do not know."""
    if is_input_required(result):
        return dict(result)
    return {"resultType": "complete", **(NO_CACHE if ctx.method in CACHEABLE_METHODS else {}), **result}


async def _report(ctx: Context, params: Params) -> None:
    progress = params.get("progress")
    if isinstance(progress, int | float):
        total, message = params.get("total"), params.get("message")
        await ctx.session.report_progress(progress, total, message)


def _without_reserved(params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns parameters without the fields of `_meta` that belong to the hop between the client and us."""
    meta = params.get("_meta")
    if not isinstance(meta, Mapping):
        return dict(params)
    kept = {key: value for key, value in meta.items() if not key.startswith(_RESERVED) and key not in _OURS}
    bare = {key: value for key, value in params.items() if key != "_meta"}
    return bare | ({"_meta": kept} if kept else {})
