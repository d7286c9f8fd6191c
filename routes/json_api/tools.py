"""`GET /{server}/mcp/tools`, `GET /{server}/mcp/tools/{tool}` and `GET /tools`."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from pydantic_core import to_json
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from gateway.caller import caller
from gateway.encoding import encode_array
from gateway.errors import UnknownTool
from gateway.naming import unambiguous
from gateway.server import Server
from gateway.servers.names import Key, Names
from gateway.servers.registry import Registry
from gateway.tool import ToolInfo, is_for_models
from routes.json_api.formats import Conversions
from routes.json_api.version import chosen_to_show, with_version
from routes.scope import SERVER, root_path_of

LARGE_BODY = 256 * 1024
_FORMAT = "format"
_Seen = tuple[Server, ToolInfo]


async def show_tool(request: Request) -> Response:
    """Shows one tool, in the version that the URL or the header names."""
    server, asking = SERVER.of(request.scope), caller.get()
    entry, name, _, refusal = chosen_to_show(request, server)
    tool = None if entry is None else entry.info
    if (refused := asking.refusal(server.name, tool or name, name)) is not None:
        raise refused
    if entry is None or tool is None:
        raise refusal or UnknownTool(name, [seen["name"] for seen in asking.sees(server)], server.name)
    body = to_json({"server": server.name, **described(server, tool, request)})
    return with_version(await cached(request, body), entry, server, request)


class ToolLists:
    """Lists tools; in a vendor's format those for models, under the names that models see."""

    def __init__(self, registry: Registry, names: Names) -> None:
        self._registry = registry
        self._names = names
        self._conversions = Conversions()

    async def of_server(self, request: Request) -> Response:
        """Lists the tools of one server."""
        server = SERVER.of(request.scope)
        tools = caller.get().sees(server)
        if _FORMAT in request.query_params:
            names = unambiguous(("", tool["name"]) for tool in server.tools())
            seen = {("", tool["name"]): (server, tool) for tool in tools}
            return await self._formatted(request, names, seen)
        listed = await encode_array(described(server, tool, request) for tool in tools)
        return await cached(request, b'{"server":%b,"tools":%b}' % (to_json(server.name), listed))

    async def of_all(self, request: Request) -> Response:
        """Lists the tools of all servers."""
        tools = [(server, tool) for server in self._registry for tool in caller.get().sees(server)]
        if _FORMAT in request.query_params:
            seen = {(server.name, tool["name"]): (server, tool) for server, tool in tools}
            return await self._formatted(request, self._names.table(), seen)
        listed = await encode_array(
            {"server": server.name, **described(server, tool, request)} for server, tool in tools
        )
        return await cached(request, b'{"tools":%b}' % listed)

    async def _formatted(self, request: Request, names: Mapping[str, Key], seen: Mapping[Key, _Seen]) -> Response:
        """Returns the tools in the format that the query asks for."""
        named = [(name, *seen[key]) for name, key in names.items() if key in seen and is_for_models(seen[key][1])]
        return await cached(request, await self._conversions.encode(named, request.query_params[_FORMAT]))


def described(server: Server, tool: ToolInfo, request: Request) -> dict[str, Any]:
    """Returns a tool with the URL that calls it."""
    endpoint = f"{root_path_of(request.scope)}/{server.name}/mcp/tools/{quote(tool['name'], safe='')}"
    return {**tool, "endpoint": endpoint}


async def etag_of(body: bytes) -> str:
    """Returns a hash of the body. A thread makes that of a large one, since hashing releases the GIL."""
    digest = await to_thread.run_sync(sha256, body) if len(body) > LARGE_BODY else sha256(body)
    return f'"{digest.hexdigest()[:32]}"'


async def cached(request: Request, body: bytes, etag: str = "") -> Response:
    """Returns JSON with an `ETag`, or 304 if `If-None-Match` has it."""
    etag = etag or await etag_of(body)
    headers = {"ETag": etag, "Cache-Control": cache_control()}
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def is_known(headers: Headers, etag: str) -> bool:
    """Returns True if `If-None-Match` has the tag."""
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return etag in known or "*" in known


def cache_control() -> str:
    """Returns the `Cache-Control` of a list: revalidate each time, and share nothing that depends on the caller."""
    return "no-cache" if caller.get().grants is None else "private, no-cache"
