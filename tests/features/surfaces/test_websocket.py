"""Settings that turn WebSockets on and off."""

from __future__ import annotations

from typing import Any

from starlette.routing import WebSocketRoute

from features.surfaces.reach import Reach, Surface
from features.surfaces.websocket import web_sockets, websocket
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from settings.values import Settings
from tests.features.made import features_of


def made(**settings: Any) -> Surface:
    reach = reach_of(**settings)
    return websocket(reach, web_sockets(reach))


def reach_of(**settings: Any) -> Reach:
    registry = Registry()
    return Reach(Settings(**settings), features_of(**settings), registry, Names(registry))


def test_setting_turns_websockets_off() -> None:
    assert made(websocket=False) == Surface()


def test_websockets_are_on_by_default() -> None:
    on = made()
    assert [route.path for route in on.routes if isinstance(route, WebSocketRoute)] == ["/ws"]
    assert [route.path for route in on.server_routes if isinstance(route, WebSocketRoute)] == ["/mcp/ws"]
    assert (len(on.routes), len(on.server_routes), len(on.lifetimes), len(on.streams)) == (1, 1, 1, 1)


def test_metrics_count_open_connections() -> None:
    reach = reach_of(metrics="/metrics")
    sockets = web_sockets(reach)
    assert sockets is not None
    assert sockets.listeners == [*reach.features.metrics.socket_listeners]
    assert len(reach.features.metrics.socket_listeners) == 1
