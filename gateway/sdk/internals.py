"""All that we lean on in the SDK beyond its public interface, in one place; `mcp` is pinned to its minor for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

from mcp.server import Server as LowLevelServer
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.server.request_state import RequestStateBoundary
from mcp.server.runner import ServerRunner
from mcp.server.streamable_http import EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.subscriptions import ListenHandler, SubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND, ErrorData, methods
from opentelemetry import trace
from pydantic import BaseModel, TypeAdapter

BUILT_IN = ("OpenTelemetryMiddleware", RequestStateBoundary.__name__)
_LONGEST = 128

span: ContextVar[trace.Span | None] = ContextVar("span", default=None)
"""The one of the message that is being answered, whoever began it."""


class SessionManager(StreamableHTTPSessionManager):
    """The SDK's manager with an event store for each session.

    The SDK reads `event_store` once for each session that it opens, and hands the store only request ids, which
    every session counts from 1: with one store for all, a client could replay another client's events.
    """

    def __init__(self, app: LowLevelServer[Any], new_store: Callable[[], EventStore] | None, **options: Any) -> None:
        self._new_store = new_store
        super().__init__(app, **options)

    @property
    def event_store(self) -> EventStore | None:
        return self._new_store() if self._new_store is not None else None

    @event_store.setter
    def event_store(self, store: EventStore | None) -> None:
        """The base class sets its default here."""

    def end_streams(self) -> None:
        """Close the streams that sessions hold open with a GET, as at their end."""
        for transport in list(self._server_instances.values()):
            transport.close_standalone_sse_stream()

    @property
    def open_sessions(self) -> int:
        return len(self._server_instances)


def low_level(mcp: MCPServer[Any]) -> LowLevelServer[Any]:
    return mcp._lowlevel_server


def tool_table(mcp: MCPServer[Any]) -> dict[str, Tool]:
    """The server's own table, which it calls its tools from."""
    return mcp._tool_manager._tools


def bus(mcp: MCPServer[Any]) -> SubscriptionBus:
    return mcp._subscriptions


def output_adapter(metadata: FuncMetadata) -> TypeAdapter[Any]:
    """The validator and serializer that the SDK made for the tool's output type."""
    return metadata._output_adapter(metadata.output_model)


def has_auth(mcp: MCPServer[Any]) -> bool:
    return mcp.settings.auth is not None


def enter_once(server: LowLevelServer[Any], state: Any) -> None:
    """Make the manager take `state`, of the lifespan already entered, and not enter the lifespan again."""
    server.lifespan = lambda _: nullcontext(state)


class OneSpan:
    """The SDK's own span, for a message that has none: a JSON call in its machinery has ours, and one that the
    endpoint over all servers hands on has that endpoint's. Its name is cut, since the client chose it."""

    def __init__(self, middleware: ServerMiddleware[Any]) -> None:
        self._middleware = middleware

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if span.get() is not None:
            return await call_next(ctx)

        async def begun(ctx: ServerRequestContext[Any, Any]) -> HandlerResult:
            own = trace.get_current_span()
            own.update_name(f"{ctx.method} {_target(ctx)}"[:_LONGEST].strip())
            token = span.set(own)
            try:
                return await call_next(ctx)
            finally:
                span.reset(token)

        return await self._middleware(ctx, begun)


def trace_once(middleware: list[ServerMiddleware[Any]]) -> None:
    """Without a configured OpenTelemetry SDK the SDK's spans cost about 8 % of a call and have no reader."""
    unread = isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    middleware[:] = [
        OneSpan(item) if type(item).__name__ == BUILT_IN[0] else item
        for item in middleware
        if not (unread and type(item).__name__ == BUILT_IN[0])
    ]


def _target(ctx: ServerRequestContext[Any, Any]) -> str:
    name = (ctx.params or {}).get("name")
    return name if isinstance(name, str) else ""


async def answer(server: LowLevelServer[Any], ctx: ServerRequestContext[Any, Any]) -> Mapping[str, Any]:
    """Answer a request that came in by another endpoint as the server's own would: its middleware, its handler."""
    entry = server.get_request_handler(ctx.method)
    if entry is None:
        raise MCPError(METHOD_NOT_FOUND, "Method not found", ctx.method)

    async def handle(ctx: ServerRequestContext[Any, Any]) -> HandlerResult:
        result = await entry.handler(ctx, entry.params_type.model_validate(ctx.params or {}, by_name=False))
        if isinstance(result, ErrorData):
            raise MCPError.from_error_data(result)
        return result

    call: CallNext = handle
    for middleware in reversed(server.middleware):
        call = partial(_pass, middleware, call)
    return wire(await call(ctx))


def wire(result: HandlerResult) -> dict[str, Any]:
    """A handler's result as it goes on the wire."""
    if isinstance(result, BaseModel):
        return result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return result or {}


def answered(
    server: LowLevelServer[Any], ctx: ServerRequestContext[Any, Any], result: dict[str, Any]
) -> dict[str, Any]:
    """What the SDK's runner sends for this request where its handler returns `result`."""
    methods.validate_client_request(ctx.method, ctx.protocol_version, ctx.params)
    return ServerRunner(server, cast("Any", None), None)._serialize(ctx.method, ctx.protocol_version, result)


def _pass(middleware: ServerMiddleware[Any], call_next: CallNext, ctx: ServerRequestContext[Any, Any]) -> Any:
    return middleware(ctx, call_next)


def insert_middleware(mcp: MCPServer[Any], middleware: ServerMiddleware[Any]) -> None:
    """Inside of what the SDK itself put there, outside of what the server's author did."""
    mcp.middleware.insert(sum(type(item).__name__ in BUILT_IN for item in mcp.middleware), middleware)


def is_served(mcp: MCPServer[Any]) -> bool:
    """Whether a chain hangs on this server already: a second one would count and record each call twice."""
    return any(type(item).__name__ == "NativeCalls" for item in mcp.middleware)


def is_watched(mcp: MCPServer[Any]) -> bool:
    """Whether the server's author put something of their own around its tool calls."""
    entry = low_level(mcp).get_request_handler("tools/call")
    own_handler = entry is not None and getattr(entry.handler, "__self__", None) is mcp
    overridden = type(mcp).call_tool is not MCPServer.call_tool
    return overridden or not own_handler or any(type(item).__name__ not in BUILT_IN for item in mcp.middleware)


def request_channel(ctx: ServerRequestContext[Any, Any]) -> Any:
    """What the tool of this request reports and asks through."""
    return ctx.session._request_outbound


def end_listen_streams(server: LowLevelServer[Any]) -> None:
    """Close each open `subscriptions/listen` stream with its final result, as the specification has it."""
    entry = server.get_request_handler("subscriptions/listen")
    if entry is not None and isinstance(entry.handler, ListenHandler):
        entry.handler.close()
