"""`GET /openapi.json` and `GET /{server}/openapi.json`: OpenAPI 3.1 from the tools' own schemas as they are now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from gateway.caller import caller
from gateway.server import Server, ToolInfo
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from routes.json_api.formats import FORMATS
from routes.json_api.tools import cached
from routes.openapi.components import HEADERS, SCHEMAS, answers, json_content, ref, responses, secured
from routes.openapi.schemas import accepted, moved
from routes.scope import root_path_of

Paths = dict[str, Any]
ToolsOf = Sequence[tuple[Server, Sequence[ToolInfo]]]
Seen = tuple[tuple[str, tuple[str, ...]], ...]
_KEPT = 16

ANY_ERRORS = ("unauthenticated", "forbidden-origin", "misdirected", "internal-error", "unavailable")
CALL_ERRORS = (
    *ANY_ERRORS,
    *("invalid-request", "unknown-tool", "not-acceptable", "too-large", "unsupported-media-type"),
    *("invalid-arguments", "tool-error", "rate-limited", "tool-crashed", "timeout"),
)
ABOUT = """A tool of an MCP server is called with its arguments as the JSON body; the answer is its structured output.
An argument in another form is converted where it can be (`"1"` to 1, a list or an object from JSON text), and one
that the tool does not have is left out. With `Accept: text/event-stream` the answer is a stream of what the tool
reports, and of the result at its end. Every answer has an `X-Request-ID`."""


class OpenAPI:
    """One server. Names of operations contain the server's, so that they are the same in the document of all."""

    def __init__(self, server: Server, names: Names) -> None:
        self._document = Document(server.name, [server], names)

    async def get(self, request: Request) -> Response:
        return cached(request, self._document.now(_base(request, "..")))


class OpenAPIOfAll:
    """All servers, and the endpoints over them."""

    def __init__(self, registry: Registry, names: Names) -> None:
        self._document = Document("Multi-MCP", registry, names, _over_all)

    async def get(self, request: Request) -> Response:
        return cached(request, self._document.now(_base(request, ".")))


class Document:
    """Made when it is first asked for, and anew when some server's tools have changed; it takes milliseconds.

    Kept by the tools that are in it: callers who see the same share it.
    """

    def __init__(
        self, title: str, servers: Iterable[Server], names: Names, more: Callable[[ToolsOf], Paths] | None = None
    ) -> None:
        self._title = title
        self._servers = servers
        self._names = names
        self._more = more
        self._table: Mapping[str, tuple[str, str]] | None = None
        self._made: OrderedDict[Seen, dict[str, Any]] = OrderedDict()

    def now(self, base: str) -> dict[str, Any]:
        """As the caller may see it."""
        table, asking = self._names.table(), caller.get()
        if table is not self._table:
            self._table = table
            self._made.clear()
        tools = [(server, asking.sees(server)) for server in self._servers if asking.uses(server)]
        seen = tuple((server.name, tuple(tool["name"] for tool in some)) for server, some in tools)
        if seen not in self._made:
            self._made[seen] = self._make(tools)
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        servers = [{"url": base, "description": "Where this document comes from."}]
        document = {**self._made[seen], "servers": servers}
        return document if asking.grants is None else secured(document)

    def _make(self, servers: ToolsOf) -> dict[str, Any]:
        paths: Paths = {}
        schemas = dict(SCHEMAS)
        for server, tools in servers:
            for tool in tools:
                name = self._names.of(server.name, tool["name"])
                paths[f"/{server.name}/mcp/tools/{quote(tool['name'], safe='')}"] = _tool(server, tool, name)
                schemas[f"{name}_input"] = moved(accepted(tool["inputSchema"]), f"#/components/schemas/{name}_input")
                if "outputSchema" in tool:
                    schemas[f"{name}_output"] = moved(tool["outputSchema"], f"#/components/schemas/{name}_output")
            paths |= _generic(server, tools)
        return {
            "openapi": "3.1.0",
            "info": {"title": self._title, "version": "1", "description": ABOUT},
            "paths": {**paths, **(self._more(servers) if self._more is not None else {})},
            "components": {"schemas": schemas, "responses": responses(), "headers": HEADERS},
        }


def _base(request: Request, above: str) -> str:
    """The application's own URL: its prefix if it knows one, else relative to the document's, as OpenAPI has it."""
    return root_path_of(request.scope) or above


def _tool(server: Server, tool: ToolInfo, name: str) -> dict[str, Any]:
    """Its call, and what it is. `name` is the id of no other operation: those have a dot, or no `_`."""
    description = tool.get("description", "")
    output = ref("schemas", f"{name}_output" if "outputSchema" in tool else "Result")
    call = {
        "operationId": name,
        "tags": [server.name],
        "summary": tool.get("title") or description.strip().partition("\n")[0] or tool["name"],
        "description": description,
        "requestBody": {"required": True, "content": json_content(ref("schemas", f"{name}_input"))},
        "responses": {
            "200": {"description": "What the tool returned.", "content": json_content(output)},
            **answers("202", slugs=CALL_ERRORS),
        },
    }
    info = _get(f"{name}.tool", server.name, f"What {tool['name']} is", "Tool", has_etag=True)
    return {"post": call, "get": info}


def _generic(server: Server, tools: Sequence[ToolInfo]) -> Paths:
    base, name = f"/{server.name}/mcp", server.name
    example = next(({"tool": tool["name"], "arguments": {}} for tool in tools), None)
    return {
        f"{base}/tools": {"get": _list(f"{name}.tools", name, "The tools of this server")},
        f"{base}/call": {
            "post": _call(f"{name}.call", name, "Call a tool of this server by its name", "Call", example)
        },
        f"{base}/health": {"get": _get(f"{name}.health", name, "How this server is", "Health")},
    }


def _over_all(servers: ToolsOf) -> Paths:
    tag, first = "All", next(((server.name, tool["name"]) for server, tools in servers for tool in tools), None)
    example = {"server": first[0], "tool": first[1], "arguments": {}} if first is not None else None
    return {
        "/tools": {"get": _list("tools", tag, "The tools of all servers")},
        "/call": {"post": _call("call", tag, "Call a tool of any server by its name", "CallOfAny", example)},
        "/health": {"get": _get("health", tag, "How all servers are", "HealthOfAll")},
    }


def _get(name: str, tag: str, summary: str, schema: str, has_etag: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": summary, "content": json_content(ref("schemas", schema))}
    if has_etag:
        answer["headers"] = {"ETag": ref("headers", "ETag")}
    more = answers("304", slugs=ANY_ERRORS) if has_etag else answers(slugs=ANY_ERRORS)
    return {"operationId": name, "tags": [tag], "summary": summary, "responses": {"200": answer, **more}}


def _list(name: str, tag: str, summary: str) -> dict[str, Any]:
    operation = _get(name, tag, summary, "Tools", has_etag=True)
    either = {"anyOf": [ref("schemas", "Tools"), ref("schemas", "FormattedTools")]}
    operation["responses"]["200"]["content"] = json_content(either)
    operation["responses"] |= answers(slugs=("invalid-request",))
    formats = {"name": "format", "in": "query", "schema": {"enum": [*FORMATS]}}
    return {**operation, "parameters": [{**formats, "description": "The tools as a vendor's API takes them."}]}


def _call(name: str, tag: str, summary: str, schema: str, example: Any) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "requestBody": {"required": True, "content": json_content(ref("schemas", schema), example)},
        "responses": {
            "200": {"description": "What the tool returned.", "content": json_content(ref("schemas", "Result"))},
            **answers("202", slugs=CALL_ERRORS),
        },
    }
