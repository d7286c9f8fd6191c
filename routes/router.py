"""Starlette's router with one look-up before it: the exact paths, which all calls and MCP requests go to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount, Route, Router, WebSocketRoute
from starlette.types import Receive, Scope, Send

from routes.scope import root_path_of


class ExactRouter(Router):
    """Answers as `Router` does. A path without parameters is found in a table, and not by the pattern of every mount;
    one that is not there, or is asked for by another method, takes the usual way. No path redirects to another.

    A WebSocket is at an exact path, or nowhere: what is mounted here, such as files, may know nothing of them.
    """

    def __init__(self, routes: Sequence[BaseRoute], **options: Any) -> None:
        super().__init__(routes, redirect_slashes=False, **options)
        self._exact = dict(_exact(routes, ""))
        self._sockets = {route.path: route for route in routes if isinstance(route, WebSocketRoute)}

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Behind a prefix the path begins with it, and the mounts know how to take it off.
        route = self._exact.get(scope["path"]) if scope["type"] == "http" and not scope.get("root_path") else None
        if route is not None and (route.methods is None or scope["method"] in route.methods):
            await route.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope).app(scope, receive, send)
        else:
            await super().app(scope, receive, send)

    def _socket(self, scope: Scope) -> WebSocketRoute:
        route = self._sockets.get(route_path(scope))
        if route is None:
            raise HTTPException(404)
        return route


def route_path(scope: Scope) -> str:
    """The path without the prefix that a proxy put the router behind."""
    path: str = scope["path"]
    root = root_path_of(scope)
    return path[len(root) :] if root and (path + "/").startswith(root + "/") else path


def _exact(routes: Sequence[BaseRoute], prefix: str) -> list[tuple[str, Route]]:
    """The first route of each path, as the router would find it."""
    found: list[tuple[str, Route]] = []
    for route in reversed(routes):
        if isinstance(route, Mount) and isinstance(route.app, Router):
            found += _exact(route.app.routes, prefix + route.path)
        elif isinstance(route, Route) and "{" not in route.path:
            found.append((prefix + route.path, route))
    return found
