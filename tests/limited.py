"""Applications with one server each and limits that no setting changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from gateway.call import chain
from gateway.caller import caller
from gateway.local.server import LocalServer
from gateway.sdk.sessions import Limits
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from routes.errors import exception_handlers
from routes.native.endpoint import native
from routes.router import ExactRouter
from routes.websocket.connection import SocketLimits
from routes.websocket.endpoint import WebSockets


def native_app(mcp: MCPServer[Any], **limits: Any) -> Starlette:
    """Serves native MCP at /one/mcp. `limits` are fields of Limits."""
    server = _local_server(mcp, **limits)
    return _app(server, [Mount("/one", ExactRouter(native(server.mcp, stateless=False)))])


def websocket_app(mcp: MCPServer[Any], **limits: Any) -> Starlette:
    """Serves WebSocket at /one/mcp/ws and /ws. `limits` are fields of SocketLimits."""
    server = _local_server(mcp)
    registry = Registry([server])
    refused: list[str] = []
    sockets = WebSockets(SocketLimits(**{"frame": 100_000} | limits), refused.append)
    return _app(server, sockets.routes(registry, Names(registry, chain([])), None, caller.set))


def _local_server(mcp: MCPServer[Any], **limits: Any) -> LocalServer:
    bounds = {
        "threads": 4,
        "max_body": 100_000,
        "stateless": False,
        "max_sessions": 10,
        "session_idle_timeout": 60.0,
        "input_timeout": 60.0,
    }
    return LocalServer("one", mcp, chain([]), Limits(**bounds | limits))


def _app(server: LocalServer, routes: Sequence[BaseRoute]) -> Starlette:
    app = Starlette(exception_handlers=exception_handlers())
    app.router = ExactRouter(routes, lifespan=lambda app: server.opened())
    return app
