"""Authorizes native MCP requests other than tool calls, as middleware of the SDK's servers.

Prompts, resources, completions and methods that a server's author added have no scopes of their own. They are for
callers whose scopes cover the whole server. Other callers get empty lists, and an error for the rest. The UI resource
of a tool and the tasks that its calls have made belong to the tool, and so to the callers who may call it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from starlette.types import ASGIApp

from gateway.auth.tool_parts import ToolParts
from gateway.call import ToolCall, WayIn, request_id
from gateway.caller import Caller, ListsTools, caller
from gateway.errors import Forbidden
from gateway.sdk.native import Find, protocol_error
from gateway.sdk.sessions.openings import LISTEN
from gateway.sdk.wire import wire
from gateway.server import Callee
from gateway.tool import ToolInfo

Context = ServerRequestContext[Any, Any]
OPEN_METHODS = frozenset({"initialize", "ping", "server/discover", "logging/setLevel", "tools/list", "tools/call"})
LIST_METHODS: Mapping[str, str] = {
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "tasks/list": "tasks",
}
"""The field of the result that has the items, by method."""
FORWARDED_METHODS = OPEN_METHODS | LIST_METHODS.keys() | {"prompts/get", "resources/read", "completion/complete"}
TASK_METHODS = frozenset({"tasks/get", "tasks/result", "tasks/update", "tasks/cancel"})
FORWARDED_METHODS |= {"resources/subscribe", "resources/unsubscribe", *TASK_METHODS}
Admit = Callable[[str, dict[str, Any]], Coroutine[Any, Any, None]]
"""Takes a tool's name and arguments. Raises Forbidden, recorded as a call, if the caller may not call it."""


class NativeAccess:
    """The `Access` of callers with scopes. `challenge` wraps each native endpoint in HTTP's own refusal."""

    def __init__(self, challenge: Callable[[ASGIApp, Admit], ASGIApp]) -> None:
        self._challenge = challenge

    def endpoint(self, app: ASGIApp, find: Find, via: WayIn) -> ASGIApp:
        return self._challenge(app, partial(admit, find, via))

    def middleware(self, server: ListsTools) -> ServerMiddleware[Any]:
        return _ServerAccess(server)

    def over(self, servers: Callable[[], Iterable[str]], owner: Callable[[str], str | None]) -> ServerMiddleware[Any]:
        return partial(_authorize_over_all, servers, owner)


class _ServerAccess:
    """Authorizes a request to one server, from any endpoint. Tool calls are left to `Authorization`."""

    def __init__(self, server: ListsTools) -> None:
        self._server = server
        self._parts = ToolParts(server)

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        asking = caller.get()
        if ctx.method == "tools/list":
            return _filtered(await call_next(ctx), "tools", lambda tool: _covers(asking, self._server.name, tool))
        if ctx.method == "tools/call":
            result = await call_next(ctx)
            self._parts.note(asking, str((ctx.params or {}).get("name")), result)
            return result
        if _is_open(ctx):
            return await call_next(ctx)
        covers_server = asking.grants is not None and asking.grants.covers_all_of(self._server.name)
        if ctx.method in LIST_METHODS:
            listed = await call_next(ctx)
            may_see = (lambda _: True) if covers_server else self._of_own_tools(asking, ctx.method)
            return _filtered(listed, LIST_METHODS[ctx.method], may_see)
        if not (covers_server or self._is_of_own_tool(asking, ctx)):
            raise protocol_error(Forbidden(self._server.name, None, f"{self._server.name}:*"))
        return await call_next(ctx)

    def _of_own_tools(self, asking: Caller, method: str) -> Callable[[Any], bool]:
        """Returns the filter of a list for a caller who may use some tools alone."""
        if method == "resources/list":
            uis = self._parts.uis(asking)
            return lambda resource: resource["uri"] in uis
        if method == "tasks/list":  # an extension's own list, which the SDK does not check
            return lambda task: isinstance(task, Mapping) and self._parts.owns_task(asking, task.get("taskId"))
        return lambda _: False

    def _is_of_own_tool(self, asking: Caller, ctx: Context) -> bool:
        params = ctx.params or {}
        if ctx.method == "resources/read":
            uri = params.get("uri")
            return isinstance(uri, str) and uri in self._parts.uis(asking)
        return ctx.method in TASK_METHODS and self._parts.owns_task(asking, params.get("taskId"))


async def _authorize_over_all(
    servers: Callable[[], Iterable[str]], owner: Callable[[str], str | None], ctx: Context, call_next: CallNext
) -> HandlerResult:
    """Authorizes a request to the endpoint over all servers.

    Requests that are forwarded to one server are left to its own access. A listener for resources needs all of the
    servers that these name, and any other request all of every server.
    """
    if ctx.method in FORWARDED_METHODS or _is_open(ctx):
        return await call_next(ctx)
    grants = caller.get().grants
    needed = [*servers()]
    if ctx.method == LISTEN:
        owners = [owner(uri) if isinstance(uri, str) else None for uri in _subscribed(ctx)]
        needed = needed if any(name not in needed for name in owners) else [name for name in owners if name]
    for server in needed:
        if grants is None or not grants.covers_all_of(server):
            raise protocol_error(Forbidden(server, None, f"{server}:*"))
    return await call_next(ctx)


def _is_open(ctx: Context) -> bool:
    """Tells if any authenticated caller may send this: it shows no more than that the server exists."""
    if ctx.method == LISTEN:
        return not _subscribed(ctx)
    # A message without an id is a notification, which gets no answer.
    return ctx.method in OPEN_METHODS or ctx.request_id is None


def _subscribed(ctx: Context) -> Sequence[Any]:
    wanted = (ctx.params or {}).get("notifications")
    uris = wanted.get("resourceSubscriptions") if isinstance(wanted, Mapping) else None
    return uris if isinstance(uris, list) else [uris] if uris else []


def _covers(asking: Caller, server: str, tool: ToolInfo) -> bool:
    return asking.grants is not None and asking.grants.covers(server, tool)


def _filtered(result: HandlerResult, key: str, may_see: Callable[[Any], bool]) -> dict[str, Any]:
    """Returns the result with the items that the caller may see."""
    listed = dict(wire(result))
    listed[key] = [item for item in listed.get(key, ()) if may_see(item)]
    # A shared cache must not give this list to another caller.
    return listed | ({"cacheScope": "private"} if "cacheScope" in listed else {})


async def admit(find: Find, via: WayIn, name: str, arguments: dict[str, Any]) -> None:
    """Raises Forbidden if the caller may not make this call; the interceptor refuses and so records it."""
    found = find(name)
    if found is None:
        return
    callee, tool = found
    entry = callee.find(tool)
    if entry is None and _has_versions(callee, tool):  # the chain knows which one is meant
        return
    if entry is not None and entry.name != tool:  # native MCP knows exact names only
        entry = None
    asking = caller.get()
    if asking.refusal(callee.name, tool if entry is None else entry.info, tool) is not None:
        await callee.call(ToolCall(callee.name, tool, arguments, via, asking, entry, tool, request_id.get()))


def _has_versions(callee: Callee, tool: str) -> bool:
    """Returns True for a name such as `search@2`."""
    entry = callee.find(tool.rpartition("@")[0]) if "@" in tool else None
    return entry is not None and entry.versions is not None
