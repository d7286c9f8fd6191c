"""`GET /{server}/mcp/health` and `GET /health`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.caller import caller
from gateway.server import Endpoint, Server
from gateway.servers.registry import Registry
from routes.scope import SERVER

UP: Mapping[str, str] = {"status": "ok"}
"""The whole answer for a caller who may not use the server, and for an anonymous one."""

DOWN: Mapping[str, str] = {"status": "failed"}
"""The same while a server has failed. The status is 503."""


FAILING = "failing"
"""The status of a server that runs elsewhere and does not answer at the moment."""


STALE = "stale"
"""The status of a server that answers, but is not as it is described now: it could not be changed."""


class HealthOfServer:
    """The numbers of the caller's tools and of open MCP sessions of one server."""

    def __init__(self, registry: Registry) -> None:
        self._stale = registry.stale

    async def get(self, request: Request) -> Response:
        server = SERVER.of(request.scope)
        found = health(server, self._stale)
        has_failed = found["status"] == FAILING
        bare = DOWN if has_failed else UP
        return JSONResponse(found if caller.get().uses(server) else bare, 503 if has_failed else 200)


class HealthOfAll:
    """Every server that the caller may use, and the sums.

    The sessions of the aggregate endpoint are in the sum for a caller who may use everything. The status is 503 while a
    server has failed: its calls get 503 too, and the others go on.
    """

    def __init__(self, registry: Registry, aggregate: Endpoint) -> None:
        self._registry = registry
        self._aggregate = aggregate

    async def get(self, request: Request) -> Response:
        asking = caller.get()
        failed = self._registry.failed()
        verdict, code = (DOWN, 503) if failed else (UP, 200)
        if asking.is_anonymous:
            return JSONResponse(verdict, code)
        servers = [health(server, self._registry.stale) for server in self._registry if asking.uses(server)]
        tools, sessions = (sum(server.get(key, 0) for server in servers) for key in ("tools", "sessions"))
        if all(asking.uses_all_of(server) for server in self._registry):
            sessions += self._aggregate.sessions
        servers += [{**DOWN, "server": server.name} for server in failed if asking.uses(server)]
        document = {**verdict, "tools": tools, "sessions": sessions, "servers": servers}
        return JSONResponse(document, code)


def health(server: Server, stale: Mapping[str, str]) -> dict[str, Any]:
    """Returns what the caller may know of a server: sessions are counted only for one who may use all of it."""
    asking = caller.get()
    status = server.status
    if server.name in stale and status["status"] != FAILING:
        status = {**status, "status": STALE, "reason": stale[server.name]}
    found = {"status": status["status"], "server": server.name, "tools": len(asking.sees(server))}
    return found | ({"sessions": server.sessions, **status} if asking.uses_all_of(server) else {})
