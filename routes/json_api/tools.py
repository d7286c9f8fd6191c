"""`GET /{server}/mcp/tools`, `GET /{server}/mcp/tools/{tool}` and `GET /tools`."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from urllib.parse import quote

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.caller import caller
from gateway.errors import InvalidRequest, UnknownTool
from gateway.server import Server, ToolInfo
from gateway.servers.names import Names, unambiguous
from gateway.servers.registry import Registry
from routes.json_api.formats import FORMATS
from routes.scope import root_path_of


class Tools:
    """The tools of one server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def list(self, request: Request) -> Response:
        tools = {tool["name"]: tool for tool in caller.get().sees(self._server)}
        names = unambiguous(("", tool["name"]) for tool in self._server.tools())
        named = {name: tools[tool] for name, (_, tool) in names.items() if tool in tools}
        if (answer := _formatted(request, named)) is not None:
            return answer
        listed = [described(self._server, tool, request) for tool in tools.values()]
        return cached(request, {"server": self._server.name, "tools": listed})

    async def one(self, request: Request) -> Response:
        asking, name = caller.get(), request.path_params["tool"]
        tools = {tool["name"]: tool for tool in self._server.tools()}
        tool = tools.get(name) or tools.get(f"{name}_tool")
        if (refused := asking.refusal(self._server.name, tool or name, name)) is not None:
            raise refused
        if tool is None:
            raise UnknownTool(name, [seen["name"] for seen in asking.sees(self._server)], self._server.name)
        return cached(request, {"server": self._server.name, **described(self._server, tool, request)})


class AllTools:
    """The tools of all servers; in a vendor's format under their aggregate names."""

    def __init__(self, registry: Registry, names: Names) -> None:
        self._registry = registry
        self._names = names

    async def list(self, request: Request) -> Response:
        seen = [(server, tool) for server in self._registry for tool in caller.get().sees(server)]
        tools = {(server.name, tool["name"]): tool for server, tool in seen}
        named = {name: tools[key] for name, key in self._names.table().items() if key in tools}
        if (answer := _formatted(request, named)) is not None:
            return answer
        listed = [{"server": server.name, **described(server, tool, request)} for server, tool in seen]
        return cached(request, {"tools": listed})


def described(server: Server, tool: ToolInfo, request: Request) -> dict[str, Any]:
    """A tool with the URL that calls it."""
    root = root_path_of(request.scope)
    endpoint = f"{root}/{server.name}/mcp/tools/{quote(tool['name'], safe='')}"
    return {**tool, "endpoint": endpoint}


def cached(request: Request, content: Any) -> Response:
    """JSON with an `ETag`, or 304 where `If-None-Match` has it."""
    body = to_json(content)
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": kept()}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def kept() -> str:
    """`Cache-Control`: ask each time, and keep for no other caller what is this caller's."""
    return "no-cache" if caller.get().grants is None else "private, no-cache"


def _formatted(request: Request, tools: dict[str, ToolInfo]) -> Response | None:
    """The tools in the format that the query asks for, if it does."""
    name = request.query_params.get("format")
    if name is None:
        return None
    if name not in FORMATS:
        raise InvalidRequest(f"There is no format {name!r}; there are: {', '.join(FORMATS)}.")
    return cached(request, FORMATS[name](tools))
