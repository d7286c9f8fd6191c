"""Authorizes native MCP requests other than tool calls, as middleware of the SDK's servers.

Prompts, resources, completions and methods that a server's author added have no scopes of their own. They are for
callers whose scopes cover the whole server. Other callers get empty lists, and an error for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from starlette.types import ASGIApp

from gateway.call import ToolCall, WayIn, request_id
from gateway.caller import caller
from gateway.errors import Forbidden
from gateway.sdk.native import Find, protocol_error
from gateway.sdk.openings import LISTEN
from gateway.sdk.wire import wire
from gateway.tool import ToolInfo

Context = ServerRequestContext[Any, Any]
OPEN_METHODS = frozenset({"initialize", "ping", "server/discover", "logging/setLevel", "tools/list", "tools/call"})
LIST_METHODS: Mapping[str, str] = {
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The field of the result that has the items, by method."""
FORWARDED_METHODS = OPEN_METHODS | LIST_METHODS.keys() | {"prompts/get", "resources/read", "completion/complete"}
FORWARDED_METHODS |= {"resources/subscribe", "resources/unsubscribe"}
Admit = Callable[[str, dict[str, Any]], Coroutine[Any, Any, None]]
"""Takes a tool's name and arguments. Raises Forbidden, recorded as a call, if the caller may not call it."""


class NativeAccess:
    """The `Access` of callers with scopes. `challenge` wraps each native endpoint in HTTP's own refusal."""

    def __init__(self, challenge: Callable[[ASGIApp, Admit], ASGIApp]) -> None:
        self._challenge = challenge

    def endpoint(self, app: ASGIApp, find: Find, via: WayIn) -> ASGIApp:
        return self._challenge(app, partial(admit, find, via))

    def middleware(self, server: str) -> ServerMiddleware[Any]:
        return partial(_authorize, server)

    def over(self, servers: Callable[[], Iterable[str]]) -> ServerMiddleware[Any]:
        return partial(_authorize_over_all, servers)


async def _authorize(server: str, ctx: Context, call_next: CallNext) -> HandlerResult:
    """Authorizes a request to one server, from any endpoint. Tool calls are left to `Authorization`."""
    grants = caller.get().grants
    if ctx.method == "tools/list":
        listed = await call_next(ctx)
        return _filtered(listed, "tools", lambda tool: grants is not None and grants.covers(server, tool))
    if _is_open(ctx):
        return await call_next(ctx)
    covers_server = grants is not None and grants.covers_all_of(server)
    if ctx.method in LIST_METHODS:
        return _filtered(await call_next(ctx), LIST_METHODS[ctx.method], lambda _: covers_server)
    if not covers_server:
        raise protocol_error(Forbidden(server, None, f"{server}:*"))
    return await call_next(ctx)


async def _authorize_over_all(servers: Callable[[], Iterable[str]], ctx: Context, call_next: CallNext) -> HandlerResult:
    """Authorizes a request to the endpoint over all servers.

    Requests that are forwarded to one server are left to `_authorize`. Any other needs all of every server.
    """
    if ctx.method in FORWARDED_METHODS or _is_open(ctx):
        return await call_next(ctx)
    grants = caller.get().grants
    for server in servers():
        if grants is None or not grants.covers_all_of(server):
            raise protocol_error(Forbidden(server, None, f"{server}:*"))
    return await call_next(ctx)


def _is_open(ctx: Context) -> bool:
    """Tells if any authenticated caller may send this: it shows no more than that the server exists."""
    if ctx.method == LISTEN:
        wanted = (ctx.params or {}).get("notifications")
        return not (isinstance(wanted, Mapping) and wanted.get("resourceSubscriptions"))
    # A message without an id is a notification, which gets no answer.
    return ctx.method in OPEN_METHODS or ctx.request_id is None


def _filtered(result: HandlerResult, key: str, may_see: Callable[[ToolInfo], bool]) -> dict[str, Any]:
    """Returns the result with the items that the caller may see."""
    listed = dict(wire(result))
    listed[key] = [item for item in listed.get(key, ()) if may_see(cast("ToolInfo", item))]
    # A shared cache must not give this list to another caller.
    return listed | ({"cacheScope": "private"} if "cacheScope" in listed else {})


async def admit(find: Find, via: WayIn, name: str, arguments: dict[str, Any]) -> None:
    """Raises Forbidden if the caller may not make this call; the interceptor refuses and so records it."""
    found = find(name)
    if found is None:
        return
    callee, tool = found
    entry = callee.find(tool)
    if entry is not None and entry.name != tool:  # native MCP knows exact names only
        entry = None
    asking = caller.get()
    if asking.refusal(callee.name, tool if entry is None else entry.info, tool) is not None:
        await callee.call(ToolCall(callee.name, tool, arguments, via, asking, entry, tool, request_id.get()))
