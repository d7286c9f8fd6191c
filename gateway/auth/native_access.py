"""What a caller may ask of a native MCP endpoint besides calling tools; hung on the SDK's own hook, like the chain.

A server's prompts, resources and completions, and whatever its author added, have no scopes of their own: they are for
callers whose scopes cover all of the server. To others a list is empty, and the rest is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from starlette.types import ASGIApp

from gateway.caller import Grants, caller
from gateway.errors import Forbidden
from gateway.local.native_calls import Admit, protocol_error
from gateway.sdk import internals as sdk
from gateway.server import ToolInfo

Context = ServerRequestContext[Any, Any]
OPEN = frozenset({"initialize", "ping", "server/discover", "logging/setLevel", "tools/list", "tools/call"})
LISTS: Mapping[str, str] = {
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
FORWARDED = OPEN | LISTS.keys() | {"prompts/get", "resources/read", "completion/complete"}
FORWARDED |= {"resources/subscribe", "resources/unsubscribe"}


class NativeAccess:
    """The `Access` of callers with scopes. `endpoint` makes what stands before each native endpoint."""

    def __init__(self, endpoint: Callable[[ASGIApp, Admit], ASGIApp]) -> None:
        self.endpoint = endpoint

    def middleware(self, server: str) -> ServerAccess:
        return ServerAccess(server)

    def over(self, servers: Sequence[str]) -> AggregateAccess:
        return AggregateAccess(servers)


class ServerAccess:
    """Around every request to one server, wherever it came in. `tools/call` is the chain's."""

    def __init__(self, server: str) -> None:
        self._server = server

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        grants = caller.get().grants
        if ctx.method == "tools/list":
            return _of_this_caller(await call_next(ctx), "tools", self._covered(grants))
        if _is_open(ctx):
            return await call_next(ctx)
        covered = grants is not None and grants.covers_all_of(self._server)
        if ctx.method in LISTS:
            return _of_this_caller(await call_next(ctx), LISTS[ctx.method], lambda _: covered)
        if not covered:
            raise protocol_error(Forbidden(self._server, None, f"{self._server}:*"))
        return await call_next(ctx)

    def _covered(self, grants: Grants | None) -> Callable[[ToolInfo], bool]:
        return lambda tool: grants is not None and grants.covers(self._server, tool)


class AggregateAccess:
    """Around every request to all servers: what goes on to one of them is left to the `ServerAccess` there."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = servers

    async def __call__(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        if ctx.method in FORWARDED or _is_open(ctx):
            return await call_next(ctx)
        grants = caller.get().grants
        for server in self._servers:
            if grants is None or not grants.covers_all_of(server):
                raise protocol_error(Forbidden(server, None, f"{server}:*"))
        return await call_next(ctx)


def _is_open(ctx: Context) -> bool:
    """To any principal: what tells nothing of a server but that it is there. A notification is no request."""
    if ctx.method == "subscriptions/listen":
        wanted = (ctx.params or {}).get("notifications")
        return not (isinstance(wanted, Mapping) and wanted.get("resourceSubscriptions"))
    return ctx.method in OPEN or ctx.request_id is None


def _of_this_caller(result: HandlerResult, key: str, may_see: Callable[[ToolInfo], bool]) -> dict[str, Any]:
    """The list with what this caller may see of it, which no cache may give to another."""
    listed = dict(sdk.wire(result))
    listed[key] = [item for item in listed.get(key, ()) if may_see(cast("ToolInfo", item))]
    return listed | ({"cacheScope": "private"} if "cacheScope" in listed else {})
