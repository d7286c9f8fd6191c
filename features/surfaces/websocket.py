"""WebSockets at `/{server}/mcp/ws` and `/ws`: on unless `MCP_WEBSOCKET=0`."""

from __future__ import annotations

from features.surfaces.reach import Reach, Surface


def websocket(reach: Reach) -> Surface:
    settings, features = reach.settings, reach.features
    if not settings.websocket:
        return Surface()
    from routes.websocket.connection import SocketLimits
    from routes.websocket.endpoint import WebSockets

    limits = SocketLimits(frame=settings.max_body, share=settings.max_share)
    sockets = WebSockets(limits, features.refusals, reach.registry)
    sockets.listeners.extend([*features.metrics.socket_listeners, *features.console.socket_listeners])
    if features.console.feed is not None:
        features.console.feed.held.append(sockets.shown)
    routes = sockets.routes(reach.names, features.auth.authenticator, features.auth.set_caller)
    return Surface(
        routes=routes.over_all, server_routes=routes.of_server, lifetimes=[sockets.opened], streams=[sockets]
    )
