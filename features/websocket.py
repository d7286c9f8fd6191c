"""WebSockets at `/{server}/mcp/ws` and `/ws`: on unless `MCP_WEBSOCKET=0`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute

from features.all import Features
from features.feature import Feature, Streams
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.telemetry.refusals import Refusals
from settings.values import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocket(Feature):
    """`server_routes` are those under `/{server}`; `streams` end with the process."""

    server_routes: Sequence[BaseRoute] = ()
    streams: Sequence[Streams] = ()


def websocket(
    settings: Settings, features: Features, registry: Registry, names: Names, refusals: Refusals
) -> WebSocket:
    """Is made after the others, since its routes need the names of all tools."""
    if not settings.websocket:
        return WebSocket()
    from routes.websocket.connection import SocketLimits
    from routes.websocket.endpoint import WebSockets

    sockets = WebSockets(SocketLimits(frame=settings.max_body, share=settings.max_share), refusals, registry)
    sockets.listeners.extend(features.metrics.socket_listeners)
    routes = sockets.routes(names, features.auth.authenticator, features.auth.set_caller)
    return WebSocket(
        routes=routes.over_all, server_routes=routes.of_server, lifetimes=[sockets.opened], streams=[sockets]
    )
