"""`GET /openapi.json` and `GET /{server}/openapi.json`: OpenAPI 3.1 made from the current tools' own schemas."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from gateway.caller import caller
from gateway.server import Server
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.tool import ToolInfo
from routes.json_api.tools import cached, etag_of
from routes.openapi.components import HEADERS, PARAMETERS, SCHEMAS, SECURITY, responses
from routes.openapi.names import ComponentNames
from routes.openapi.operations import Shape, ToolsOf, call_of_tool
from routes.openapi.schemas import components
from routes.openapi.shown import AllServers, OneServer, Shows
from routes.openapi.versions import id_of, key_of, marks, with_versions
from routes.scope import SERVER, root_path_of

Seen = tuple[str, bool, tuple[tuple[str, tuple[str, ...]], ...]]
"""The base URL, True with authentication, and the names of servers and tools in a document."""
MAX_DOCUMENTS = 16


class Encoded(NamedTuple):
    body: bytes
    etag: str


ABOUT = """A tool of an MCP server is called with its arguments as the JSON body; the answer is its structured output.
An argument in another form is converted where it can be (`"1"` to 1, a list or an object from JSON text), and one
that the tool does not have is left out. With `Accept: text/event-stream` the answer is a stream of what the tool
reports, and of the result at its end. Every answer has an `X-Request-ID`."""


class OpenAPI:
    """One server, as a list of functions: its tools alone, at paths below `/{server}`."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._documents: WeakKeyDictionary[Server, Document] = WeakKeyDictionary()

    async def get(self, request: Request) -> Response:
        server = SERVER.of(request.scope)
        document = self._documents.get(server)
        if document is None:
            document = self._documents[server] = Document(server.name, [server], self._names, OneServer())
        root = root_path_of(request.scope) or ".."
        return await document.answer(request, f"{root}/{server.name}")


class OpenAPIOfAll:
    """All servers, and every endpoint."""

    def __init__(self, registry: Registry, names: Names) -> None:
        self._document = Document("Multi-MCP", registry, names, AllServers(names))

    async def get(self, request: Request) -> Response:
        return await self._document.answer(request, root_path_of(request.scope) or ".")


class Document:
    """Made at the first request, and again after tools changed. Callers who see the same tools share it.

    It is made tool by tool, so that other requests are not held up: thousands of tools take a second.
    """

    def __init__(self, title: str, servers: Iterable[Server], names: Names, shows: Shows) -> None:
        self._title = title
        self._servers = servers
        self._names = names
        self._shows = shows
        self._table: Mapping[str, tuple[str, str]] | None = None
        self._made: OrderedDict[Seen, Encoded] = OrderedDict()
        self._making = anyio.Lock()

    async def answer(self, request: Request, base: str) -> Response:
        """Answers with what the caller may see. `base` is the URL in front of the paths."""
        asking = caller.get()
        seen_tools = [(server, asking.sees(server)) for server in self._servers if asking.uses(server)]
        tools = [(server, with_versions(server, some)) for server, some in seen_tools]
        names = tuple((server.name, tuple(map(key_of, some))) for server, some in tools)
        seen = (base, asking.grants is not None, names)
        async with self._making:
            table = self._names.table()
            if table is not self._table:
                self._table = table
                self._made.clear()
            if seen not in self._made:
                self._made[seen] = await self._make(tools, base, asking.grants is not None)
                if len(self._made) > MAX_DOCUMENTS:
                    self._made.popitem(last=False)
            made = self._made[seen]
        return await cached(request, made.body, made.etag)

    async def _make(self, servers: ToolsOf, base: str, secured: bool) -> Encoded:
        paths, schemas, names = [], [_members(self._shows.schemas)], ComponentNames(SCHEMAS)
        for server, tools in servers:
            for tool in tools:
                await anyio.lowlevel.checkpoint()
                name = id_of(self._names, server.name, tool)
                made, found = _called(server, tool, name, names)
                paths.append(_members(self._shows.paths_of_tool(server, tool, made)))
                schemas.append(_members(found))
            paths.append(_members(self._shows.paths_of_server(server, tools)))
        paths.append(_members(self._shows.paths_over_all(servers)))
        shared = {"responses": responses(), "headers": HEADERS, "parameters": PARAMETERS}
        body = b'{%b,"paths":{%b},"components":{"schemas":{%b},%b}}' % (
            _members(self._head(base, secured)),
            b",".join(filter(None, paths)),
            b",".join(schemas),
            _members({**shared, "securitySchemes": SECURITY} if secured else shared),
        )
        return Encoded(body, await etag_of(body))

    def _head(self, base: str, secured: bool) -> dict[str, Any]:
        head = {
            "openapi": "3.1.0",
            "info": {"title": self._title, "version": "1", "description": ABOUT},
            "servers": [{"url": base, "description": "Where this document comes from."}],
        }
        return head | ({"security": [{name: []} for name in SECURITY]} if secured else {})


def _called(server: Server, tool: ToolInfo, name: str, names: ComponentNames) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the operation that calls a tool, and the components that only it has."""
    given = components(tool["inputSchema"], f"{name}_input", names, given=True)
    returned = components(tool["outputSchema"], f"{name}_output", names) if "outputSchema" in tool else {}
    entry = server.find(tool["name"])
    shape = Shape(next(iter(given)), next(iter(returned), "ToolResult"), entry is None or entry.asks)
    return {**call_of_tool(server, tool, name, shape), **marks(server, tool)}, {**given, **returned}


def _members(value: Mapping[str, Any]) -> bytes:
    """Returns the members of a JSON object without its braces."""
    return to_json(value)[1:-1]
