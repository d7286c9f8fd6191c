"""Sends requests on to their servers with the client's session, and rewrites what comes back."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from gateway.aggregate.addresses import is_web, with_server
from gateway.aggregate.owners import Owners
from gateway.aggregate.rewriting import Change, is_plain, rewritten, with_rewriting_channels
from gateway.call import endpoint
from gateway.server import Server

Context = ServerRequestContext[Any, Any]
Result = dict[str, Any]
MAX_WEB_LINKS = 100
"""Web links of one result for which its server is asked. Further ones stay as they are."""


class Forwarding:
    """Progress, log messages, sampling and elicitation reach the client as from the server's own endpoint."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    async def send(self, ctx: Context, server: Server, change: Change | None = None, **changed: Any) -> Result:
        """Returns the result of the same request with `changed` parameters; `change` is that of `rewritten`."""
        endpoint.set("aggregate")
        own = with_rewriting_channels(ctx, server.name)
        try:
            result = await server.forward(own, ctx.method, {**(ctx.params or {}), **changed})
        except MCPError as exc:
            data = rewritten(server.name, exc.error.data, change)
            raise MCPError(exc.error.code, exc.error.message, data) from exc
        return (
            await self._outward(ctx, server, result) if change is None else dict(rewritten(server.name, result, change))
        )

    async def call(self, ctx: Context, server: Server, tool: str) -> Result:
        """Returns the result of a `tools/call`."""
        endpoint.set("aggregate")
        entry = server.find(tool)
        # Another version than this one may be meant.
        is_silent = entry is not None and entry.versions is None and entry.direct and not entry.asks
        own = ctx if is_silent else with_rewriting_channels(ctx, server.name)
        result = await server.forward(own, ctx.method, {**(ctx.params or {}), "name": tool})
        return dict(result) if is_plain(result) else await self._outward(ctx, server, result)

    async def _outward(self, ctx: Context, server: Server, result: Any) -> Result:
        """Rewrites a result. A web link stays as it is, unless it leads to a resource of the server's own."""
        web: set[str] = set()
        changed = rewritten(server.name, result, partial(_web_noted, web, server.name))
        if not web:
            return dict(changed)
        having = await self._owners.having(ctx, sorted(web)[:MAX_WEB_LINKS], [server])
        own = {uri for uri, found in having.items() if found}
        return dict(rewritten(server.name, result, partial(_of_own, own, server.name)))


def _web_noted(web: set[str], server: str, uri: str) -> str:
    if is_web(uri):
        web.add(uri)
    return with_server(server, uri)


def _of_own(own: Collection[str], server: str, uri: str) -> str:
    return uri if is_web(uri) and uri not in own else with_server(server, uri)
