"""WebSockets at `/{server}/mcp/ws` and `/ws`, and those of other surfaces: on unless `MCP_WEBSOCKET=0`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.surfaces.reach import Reach, Surface

if TYPE_CHECKING:
    from routes.websocket.endpoint import WebSockets


def web_sockets(reach: Reach) -> WebSockets | None:
    """Returns what bounds the connections of all surfaces together; None if WebSockets are off."""
    settings, features = reach.settings, reach.features
    if not settings.websocket:
        return None
    from routes.websocket.connection import SocketLimits
    from routes.websocket.endpoint import WebSockets

    limits = SocketLimits(frame=settings.max_body, share=settings.max_share)
    sockets = WebSockets(limits, features.refusals, reach.registry)
    sockets.listeners.extend([*features.metrics.socket_listeners, *features.console.socket_listeners])
    if features.console.feed is not None:
        features.console.feed.held.append(sockets.shown)
    return sockets


def websocket(reach: Reach, sockets: WebSockets | None) -> Surface:
    if sockets is None:
        return Surface()
    auth = reach.features.auth
    routes = sockets.routes(reach.names, auth.authenticator, auth.set_caller)
    return Surface(
        routes=routes.over_all, server_routes=routes.of_server, lifetimes=[sockets.opened], streams=[sockets]
    )
