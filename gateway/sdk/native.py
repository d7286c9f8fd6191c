"""Native tool calls: as a `ToolCall`, as a JSON-RPC error, and as HTTP sees those of a caller with scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Protocol

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import HEADER_MISMATCH, INVALID_PARAMS
from pydantic_core import from_json, to_json
from starlette.types import ASGIApp

from gateway.call import IDEMPOTENCY_META, ToolCall, WayIn, endpoint, idempotency_key, request_id
from gateway.caller import ListsTools, caller
from gateway.errors import CallTimeout, GatewayError, InvalidRequest
from gateway.naming import cut
from gateway.sendable import Unsendable, prove
from gateway.server import Callee
from gateway.tool import Entry, ToolInfo
from gateway.versions.errors import HeaderMismatch

# The specification reserves -32020 to -32099.
SERVER_ERROR = -32000
TIMED_OUT = -32001
_CODES = ((CallTimeout, TIMED_OUT), (HeaderMismatch, HEADER_MISMATCH))
_MALFORMED = {
    "Parse error: ": "The body is not JSON.",
    "Validation error: ": "The body is not one JSON-RPC message: a request, a notification or a response.",
}
CALL = "tools/call"
Find = Callable[[str], tuple[Callee, str] | None]
"""Returns the callee and its own name for a tool's name at one native endpoint; None if the name is unknown."""


class Access(Protocol):
    """Guards a native endpoint besides the chain, for callers with scopes."""

    def middleware(self, server: ListsTools) -> ServerMiddleware[Any]:
        """Returns the guard of the endpoint of one server."""
        ...

    def over(self, servers: Callable[[], Iterable[str]], owner: Callable[[str], str | None]) -> ServerMiddleware[Any]:
        """Returns the guard of the aggregate endpoint, whose requests go on to those of `servers`.

        `owner` returns the name of the server that a URI names.
        """
        ...

    def endpoint(self, app: ASGIApp, find: Find, via: WayIn) -> ASGIApp:
        """Returns `app`, with an HTTP answer for a tool call that the caller may not make."""
        ...


class RequestEntry:
    """The `Entry` of a method such as `resources/read`."""

    __slots__ = ("__weakref__", "info", "name", "stops")
    direct = False
    asks = True
    has_unsafe_names = False
    may_repeat = False
    waits = True
    version = ""
    versions = None

    def __init__(self, method: str, *, stops: bool) -> None:
        self.name = method
        self.stops = stops
        self.info = _info(method)


@cache
def _info(method: str) -> ToolInfo:
    """Returns the same object for all servers: a router may have thousands."""
    return {"name": method, "inputSchema": {"type": "object"}}


def native_call(server: str, find: Callable[[str], Entry | None], ctx: ServerRequestContext[Any, Any]) -> ToolCall:
    """Returns the call that a native `tools/call` request asks for. `find` knows only exact names, as native MCP.

    Raises:
        MCPError: its idempotency key is none.
    """
    params: Mapping[str, Any] = ctx.params or {}
    name, arguments, meta = params.get("name"), params.get("arguments"), params.get("_meta")
    tool = name if isinstance(name, str) else ""
    return ToolCall(
        server=server,
        tool=tool,
        arguments=arguments if isinstance(arguments, dict) else {},
        via=endpoint.get(),
        caller=caller.get(),
        entry=find(tool),
        requested=tool,
        request_id=request_id.get(),
        state=params.get("requestState"),
        answers=params.get("inputResponses"),
        wants_progress=isinstance(meta, dict) and "progressToken" in meta,
        client=_client(ctx),
        idempotency_key=_key(meta[IDEMPOTENCY_META]) if isinstance(meta, dict) and IDEMPOTENCY_META in meta else None,
    )


def _client(ctx: ServerRequestContext[Any, Any]) -> str:
    params = ctx.session.client_params
    return "" if params is None else cut(f"{params.client_info.name} {params.client_info.version}")


def _key(value: object) -> str:
    try:
        return idempotency_key(value)
    except InvalidRequest as exc:
        raise MCPError(INVALID_PARAMS, f"{IDEMPOTENCY_META}: {exc}", {"type": exc.slug}) from exc


def native_request(server: str, entry: Entry, ctx: ServerRequestContext[Any, Any]) -> ToolCall:
    """Returns the call for any other native request, which the `Access` of its server has let pass.

    `entry` stands for its method.
    """
    params = {key: value for key, value in (ctx.params or {}).items() if key != "_meta"}
    return ToolCall(
        server=server,
        tool=entry.name,
        arguments=params,
        via=endpoint.get(),
        caller=caller.get(),
        entry=entry,
        requested=entry.name,
        request_id=request_id.get(),
        client=_client(ctx),
        method=entry.name,
        is_authorized=True,
    )


def reworded(body: bytes) -> bytes:
    """Returns the SDK's JSON-RPC error for a malformed message without the text of an exception."""
    for prefix, message in _MALFORMED.items():
        if prefix.encode() in body:
            answer = from_json(body)
            if answer["error"]["message"].startswith(prefix):
                answer["error"]["message"] = message
                return to_json(answer)
    return body


async def refuse_unsendable(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Is an SDK middleware. Refuses a message with values that JSON cannot carry, though Python's parsers read them."""
    try:
        prove(ctx.params)
    except Unsendable as exc:
        if ctx.request_id is None:  # nobody waits for an answer to a notification
            return None
        raise MCPError(INVALID_PARAMS, f"The request is not JSON: {exc}.", {"type": InvalidRequest.slug}) from exc
    return await call_next(ctx)


def protocol_error(exc: GatewayError) -> MCPError:
    """Returns the JSON-RPC error for a call that did not reach its tool."""
    data: dict[str, Any] = {"type": exc.slug}
    if exc.retry_after is not None:
        data["retryAfter"] = exc.retry_after
    if exc.scope is not None:
        data["scope"] = exc.scope
    if exc.outcome is not None:
        data["outcome"] = exc.outcome
    code = next((code for kind, code in _CODES if isinstance(exc, kind)), SERVER_ERROR)
    return MCPError(code, str(exc), data)
