"""Settings that turn WebSockets on and off."""

from __future__ import annotations

from typing import Any

from starlette.routing import WebSocketRoute

from features.websocket import WebSocket, websocket
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.telemetry.refusals import Refusals
from settings.values import Settings
from tests.features.made import features_of


def made(**settings: Any) -> WebSocket:
    registry = Registry()
    features = features_of(**settings)
    return websocket(Settings(**settings), features, registry, Names(registry), Refusals())


def test_setting_turns_websockets_off() -> None:
    assert made(websocket=False) == WebSocket()


def test_websockets_are_on_by_default() -> None:
    on = made()
    assert [route.path for route in on.routes if isinstance(route, WebSocketRoute)] == ["/ws"]
    assert [route.path for route in on.server_routes if isinstance(route, WebSocketRoute)] == ["/mcp/ws"]
    assert (len(on.routes), len(on.server_routes), len(on.lifetimes), len(on.streams)) == (1, 1, 1, 1)


def test_metrics_count_open_connections() -> None:
    registry = Registry()
    features = features_of(metrics="/metrics")
    (sockets,) = websocket(Settings(), features, registry, Names(registry), Refusals()).streams
    assert sockets.listeners == [*features.metrics.socket_listeners]  # type: ignore[attr-defined]
    assert len(features.metrics.socket_listeners) == 1
