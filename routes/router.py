"""Finds the route of a request: top-level paths in one table, and those under `/{server}` in another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import UnknownServer
from gateway.servers.registry import Registry
from routes.scope import SERVER, root_path_of

Handler = Callable[[Request], Awaitable[Response]]


class ServersRouter(Router):
    """Starlette's router with look-ups in front of it, so that no pattern is tried for a call or an MCP request.

    `server_routes` are those under `/{server}`. They are the same for all servers: the registry is asked at each
    request, and `SERVER` in the scope says which server is meant. No path redirects to another.
    """

    def __init__(
        self, registry: Registry, server_routes: Sequence[BaseRoute], routes: Sequence[BaseRoute], **options: Any
    ) -> None:
        super().__init__(routes, redirect_slashes=False, default=self._unknown, **options)
        self.server_routes = server_routes
        self._registry = registry
        self._exact = _exact(routes)
        self._exact_of_server = _exact(server_routes)
        self._tails = [
            (route.path.removesuffix("{tool:path}"), route)
            for route in server_routes
            if isinstance(route, Route) and route.path.endswith("/{tool:path}")
        ]

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super().app(scope, receive, send)
            return
        route = self._find(scope, route_path(scope))
        if route is None:
            if scope["type"] == "websocket":  # not handed to mounts: files know nothing of WebSockets
                raise HTTPException(404)
            await super().app(scope, receive, send)
        elif isinstance(route, Route) and route.methods and scope["method"] not in route.methods:
            await route.handle(scope, receive, send)  # 405
        else:
            await route.app(scope, receive, send)

    def _find(self, scope: Scope, path: str) -> Route | WebSocketRoute | None:
        kind = scope["type"]
        route = self._exact.get((kind, path))
        if route is not None:
            return route
        name, slash, rest = path[1:].partition("/")
        if not slash or name not in self._registry:
            return None
        rest = slash + rest
        route = self._exact_of_server.get((kind, rest))
        if route is None and kind == "http":
            route = self._find_tail(scope, rest)
        if route is not None:
            SERVER.set(scope, self._registry[name])
        return route

    def _find_tail(self, scope: Scope, rest: str) -> Route | None:
        for prefix, route in self._tails:
            if rest.startswith(prefix):
                scope["path_params"] = {"tool": rest[len(prefix) :]}
                return route
        return None

    async def _unknown(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 404; the detail names the nearest servers if the path is one that a server would have."""
        name, _, rest = route_path(scope)[1:].partition("/")
        if name not in self._registry and (rest == "openapi.json" or rest.partition("/")[0] == "mcp"):
            raise UnknownServer(name, self._registry.names_used())
        raise HTTPException(404)


class Methods:
    """Hands a request on by its method; `HEAD` goes to `GET`.

    With two routes of one path, a 405 would name only the methods of the first one in `Allow`.
    """

    def __init__(self, *, get: Handler, post: ASGIApp) -> None:
        show = request_response(get)
        self._apps: Mapping[str, ASGIApp] = {"GET": show, "HEAD": show, "POST": post}

    def at(self, path: str) -> Route:
        return Route(path, self, methods=[*self._apps])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["method"]](scope, receive, send)


def route_path(scope: Scope) -> str:
    """Returns the path without the prefix under which a proxy serves the router."""
    path: str = scope["path"]
    root = root_path_of(scope)
    return path[len(root) :] if root and (path + "/").startswith(root + "/") else path


def _exact(routes: Sequence[BaseRoute]) -> dict[tuple[str, str], Route | WebSocketRoute]:
    """Returns the first route of each path without parameters, by the type of the scope and the path."""
    found: dict[tuple[str, str], Route | WebSocketRoute] = {}
    for route in routes:
        if isinstance(route, Route | WebSocketRoute) and "{" not in route.path:
            found.setdefault(("http" if isinstance(route, Route) else "websocket", route.path), route)
    return found
