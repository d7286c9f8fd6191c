"""`GET /{server}/mcp/health` and `GET /health`."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.registry import Registry
from gateway.server import Server


class Health:
    """One server: its tools and its open MCP sessions."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def get(self, request: Request) -> Response:
        return JSONResponse(health(self._server))


class HealthOfAll:
    """Every server, and the sums."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def get(self, request: Request) -> Response:
        servers = [health(server) for server in self._registry]
        sums = {key: sum(server[key] for server in servers) for key in ("tools", "sessions")}
        return JSONResponse({"status": "ok", **sums, "servers": servers})


def health(server: Server) -> dict[str, Any]:
    return {"status": "ok", "server": server.name, **server.status()}
