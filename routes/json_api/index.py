"""`GET /` and `GET /{server}`: the servers, their states and their URLs, as JSON, or as a page for a browser."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.errors import UnknownServer
from gateway.server import Server
from gateway.servers.registry import Registry
from routes.json_api.tools import cache_control
from routes.pages.pages import Pages, can_be_server, prefers_html
from routes.router import both
from routes.scope import root_path_of


class Index:
    def __init__(self, registry: Registry, pages: Pages) -> None:
        self._registry = registry
        self._pages = pages

    def routes(self) -> list[BaseRoute]:
        return [Route("/", self.get), *both("/{server}", self.of_server)]

    async def get(self, request: Request) -> Response:
        if prefers_html(request.headers):
            return await self._pages.get(request)
        root = root_path_of(request.scope)
        rest = {name: f"{root}/{name}" for name in ("mcp", "tools", "call", "health", "docs")}
        return _json({"servers": [*self._entries(root).values()], **rest, "openapi": f"{root}/openapi.json"})

    async def of_server(self, request: Request) -> Response:
        name, found = request.path_params["server"], self._entries(root_path_of(request.scope))
        if prefers_html(request.headers):
            return await self._pages.get(request) if name in found else self._pages.page(request.scope).missing()
        if name in found:
            return _json(found[name])
        raise UnknownServer(name, [*found]) if can_be_server(name) else HTTPException(404)

    def _entries(self, root: str) -> dict[str, dict[str, str]]:
        """Returns the servers that the caller may use, by name, also those that are not ready."""
        return {
            server.name: {"server": server.name, "status": _status(server, state), **urls(server, root)}
            for server, state in self._registry.used()
        }


def _status(server: Server, state: str) -> str:
    """Returns the status in the words of `health`. The log has the reason of a failure."""
    word: str = server.status["status"] if state == "ready" else state
    return word


def urls(server: Server, root: str = "") -> dict[str, str]:
    """Returns the URLs of one server by their purpose."""
    mcp = f"{root}/{server.name}/mcp"
    rest = {name: f"{mcp}/{name}" for name in ("tools", "call", "health")}
    return {"mcp": mcp, **rest, "openapi": f"{root}/{server.name}/openapi.json"}


def _json(document: Any) -> Response:
    return JSONResponse(document, headers={"Cache-Control": cache_control(), "Vary": "Accept"})
