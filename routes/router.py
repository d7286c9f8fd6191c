"""Finds the route of a request: top-level paths in one table, and those under `/{server}` in another."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute, request_response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import StartError, UnknownServer
from gateway.naming import RESERVED
from gateway.server import Server
from gateway.servers.held import HeldServer
from gateway.servers.registry import Registry
from routes.scope import SERVER, root_path_of

logger = logging.getLogger(__name__)
Handler = Callable[[Request], Awaitable[Response]]
TOOL = "{tool:path}"
_Found = tuple[ASGIApp, set[str] | None, Route | WebSocketRoute]
_Tails = list[tuple[str, _Found]]
_Table = tuple[dict[str, _Found], dict[str, _Found], _Tails]


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
        self._tables = {
            "http": (_exact(routes, Route), _exact(server_routes, Route), _tails(server_routes)),
            "websocket": (_exact(routes, WebSocketRoute), _exact(server_routes, WebSocketRoute), []),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        table = self._tables.get(scope["type"])
        if table is None:  # the lifespan
            await super().__call__(scope, receive, send)
            return
        path = route_path(scope) if scope.get("root_path") else scope["path"]
        found = table[0].get(path)
        if found is not None:
            await _handle(found, scope, receive, send)
            return
        held = self._server_in(path)
        if held is not None and (found := self._of_server(scope, path, table, held.server)) is not None:
            held.requests.count += 1
            try:
                await _handle(found, scope, receive, send)
            finally:
                held.requests.leave()
        elif scope["type"] == "websocket":  # not handed to mounts: files know nothing of WebSockets
            raise HTTPException(404)
        else:
            await super().__call__(scope, receive, send)

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Logs a failed start in one line, and its traceback at level debug.

        Starlette would send the traceback to uvicorn, which logs all of it.
        """

        async def send_without_traceback(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                message["message"] = ""
            await send(message)

        try:
            await super().lifespan(scope, receive, send_without_traceback)
        except StartError as exc:
            logger.error("%s", exc)
            logger.debug("start failed", exc_info=exc)

    def _server_in(self, path: str) -> HeldServer | None:
        end = path.find("/", 1)
        return self._registry.held(path[1:end]) if 0 < end < len(path) - 1 else None

    def _of_server(self, scope: Scope, path: str, table: _Table, server: Server) -> _Found | None:
        scope[SERVER.name] = server  # directly: this is the hot path
        rest = path[len(server.name) + 1 :]
        return table[1].get(rest) or self._of_tail(scope, rest, table[2])

    def _of_tail(self, scope: Scope, rest: str, tails: _Tails) -> _Found | None:
        for prefix, found in tails:
            if rest.startswith(prefix):
                tool = rest[len(prefix) :]
                if tool.endswith("/") and SERVER.of(scope).find(tool) is None:  # a tool may have such a name
                    tool = tool[:-1]
                scope["path_params"] = {"tool": tool}
                return found
        return None

    async def _unknown(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 404; the detail names the nearest servers if the path is one that a server would have."""
        name, _, rest = route_path(scope)[1:].partition("/")
        is_free = name not in self._registry and name not in RESERVED
        if is_free and (rest == "openapi.json" or rest.partition("/")[0] == "mcp"):
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


def both(path: str, endpoint: Handler | ASGIApp, methods: list[str] | None = None) -> list[Route]:
    """Returns the routes of a JSON endpoint: `path` without and with a slash at its end. Neither redirects."""
    return [Route(spelling, endpoint, methods=methods) for spelling in (path, path + "/")]


def route_path(scope: Scope) -> str:
    """Returns the path without the prefix under which a proxy serves the router."""
    path: str = scope["path"]
    root = root_path_of(scope)
    return path[len(root) :] if root and (path + "/").startswith(root + "/") else path


def _handle(found: _Found, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    app, methods, route = found
    # A wrong method is Starlette's to refuse, with `Allow`.
    return (app if methods is None or scope["method"] in methods else route.handle)(scope, receive, send)


def _exact(routes: Sequence[BaseRoute], kind: type[Route | WebSocketRoute]) -> dict[str, _Found]:
    """Returns the first route of each path without parameters."""
    fitting = [route for route in routes if isinstance(route, kind) and "{" not in route.path]
    return {route.path: _found(route) for route in reversed(fitting)}


def _tails(routes: Sequence[BaseRoute]) -> _Tails:
    """Returns the routes that end in the name of a tool, by the path before it."""
    fitting = [route for route in routes if isinstance(route, Route) and route.path.endswith(TOOL)]
    return [(route.path.removesuffix(TOOL), _found(route)) for route in fitting]


def _found(route: Route | WebSocketRoute) -> _Found:
    return route.app, getattr(route, "methods", None), route
