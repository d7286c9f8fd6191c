"""Applications with one server and with limits that have no setting."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from gateway.caller import caller
from gateway.local.server import LocalServer
from gateway.sdk.sessions.sessions import Limits
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from process.lifespan import lifespan
from routes.errors import exception_handlers
from routes.native.endpoint import native_of_server
from routes.router import ServersRouter
from routes.websocket.connection import SocketLimits
from routes.websocket.endpoint import WebSockets


def native_app(mcp: MCPServer[Any], **limits: Any) -> Starlette:
    """Serves native MCP at /one/mcp. `limits` are fields of Limits."""
    registry = _registry(mcp, **limits)
    app = Starlette(exception_handlers=exception_handlers())
    app.router = ServersRouter(
        registry, native_of_server(stateless=False), [], lifespan=lifespan([registry.opened], False)
    )
    return app


def websocket_app(mcp: MCPServer[Any], **limits: Any) -> Starlette:
    """Serves WebSocket at /one/mcp/ws and /ws. `limits` are fields of SocketLimits."""
    registry = _registry(mcp)
    refused: list[str] = []
    sockets = WebSockets(SocketLimits(**{"frame": 100_000} | limits), refused.append, registry)
    routes = sockets.routes(Names(registry), None, caller.set)
    app = Starlette(exception_handlers=exception_handlers())
    app.router = ServersRouter(
        registry, routes.of_server, routes.over_all, lifespan=lifespan([registry.opened, sockets.opened], False)
    )
    return app


def _registry(mcp: MCPServer[Any], **limits: Any) -> Registry:
    bounds = {
        "threads": 4,
        "max_body": 100_000,
        "max_result": 100_000,
        "stateless": False,
        "max_sessions": 10,
        "session_idle_timeout": 60.0,
        "input_timeout": 60.0,
    }
    registry = Registry()
    registry.hold(LocalServer("one", mcp, [], Limits(**bounds | limits), changed=registry.changed))
    return registry
