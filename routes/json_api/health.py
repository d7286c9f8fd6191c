"""`GET /{server}/mcp/health` and `GET /health`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.caller import caller
from gateway.server import Server
from gateway.servers.registry import Registry

UP: Mapping[str, str] = {"status": "ok"}
"""All that those are told who may not use it, a stranger among them."""


class Sessions(Protocol):
    @property
    def sessions(self) -> int: ...


class Health:
    """One server: its tools and its open MCP sessions."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def get(self, request: Request) -> Response:
        return JSONResponse(health(self._server) if caller.get().uses(self._server) else UP)


class HealthOfAll:
    """Every server, and the sums; sessions of the endpoint over all servers are among them."""

    def __init__(self, registry: Registry, aggregate: Sessions) -> None:
        self._registry = registry
        self._aggregate = aggregate

    async def get(self, request: Request) -> Response:
        asking = caller.get()
        if asking.is_unknown:
            return JSONResponse(UP)
        servers = [health(server) for server in self._registry if asking.uses(server)]
        tools, sessions = (sum(server[key] for server in servers) for key in ("tools", "sessions"))
        sessions += self._aggregate.sessions
        return JSONResponse({"status": "ok", "tools": tools, "sessions": sessions, "servers": servers})


def health(server: Server) -> dict[str, Any]:
    return {"status": "ok", "server": server.name, **server.status()}
