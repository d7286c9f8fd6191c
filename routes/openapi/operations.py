"""The operations of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.server import Server
from gateway.tool import ToolInfo
from routes.json_api.formats import FORMATS
from routes.openapi.components import answers, json_content, ref

Paths = dict[str, Any]
ToolsOf = Sequence[tuple[Server, Sequence[ToolInfo]]]

ANY_ERRORS = ("unauthenticated", "forbidden-origin", "misdirected", "internal-error", "unavailable")
CALL_ERRORS = (
    *ANY_ERRORS,
    *("invalid-request", "unknown-tool", "not-acceptable", "too-large", "unsupported-media-type"),
    *("invalid-arguments", "tool-error", "rate-limited", "tool-crashed", "timeout"),
)


def operations_of_tool(server: Server, tool: ToolInfo, name: str) -> dict[str, Any]:
    """Returns the operations of a tool: its call and its description.

    `name` is unique: the ids of all other operations have a dot, or no `_`.
    """
    description = tool.get("description", "")
    output = f"{name}_output" if "outputSchema" in tool else "Result"
    summary = tool.get("title") or description.strip().partition("\n")[0] or tool["name"]
    call = _call(name, server.name, summary, f"{name}_input", output=output) | {"description": description}
    info = _get(f"{name}.tool", server.name, f"Describe {tool['name']}", "Tool", has_etag=True)
    return {"post": call, "get": info}


def operations_of_server(server: Server, tools: Sequence[ToolInfo]) -> Paths:
    base, name = f"/{server.name}/mcp", server.name
    example = next(({"tool": tool["name"], "arguments": {}} for tool in tools), None)
    return {
        f"{base}/tools": {"get": _list(f"{name}.tools", name, "The tools of this server")},
        f"{base}/call": {
            "post": _call(f"{name}.call", name, "Call a tool of this server by its name", "Call", example=example)
        },
        f"{base}/health": {"get": _get(f"{name}.health", name, "Health of this server", "Health")},
    }


def operations_over_all(servers: ToolsOf) -> Paths:
    tag, first = "All", next(((server.name, tool["name"]) for server, tools in servers for tool in tools), None)
    example = {"server": first[0], "tool": first[1], "arguments": {}} if first is not None else None
    return {
        "/tools": {"get": _list("tools", tag, "The tools of all servers")},
        "/call": {"post": _call("call", tag, "Call a tool of any server by its name", "CallOfAny", example=example)},
        "/health": {"get": _get("health", tag, "Health of all servers", "HealthOfAll")},
        "/livez": {"get": _probe("livez", "200 while the process answers at all")},
        "/readyz": {"get": _probe("readyz", "200 if the router should get requests", "unavailable")},
    }


def _probe(name: str, summary: str, *slugs: str) -> dict[str, Any]:
    """Returns an operation that needs no credential."""
    answer = {"description": summary, "content": json_content(ref("schemas", "Alive"))}
    responses = {"200": answer, **answers(slugs=slugs)}
    return {"operationId": name, "tags": ["All"], "summary": summary, "security": [], "responses": responses}


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
    return {**operation, "parameters": [{**formats, "description": "The vendor for whose API to format the tools."}]}


def _call(
    name: str, tag: str, summary: str, schema: str, *, example: Any = None, output: str = "Result"
) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "requestBody": {"required": True, "content": json_content(ref("schemas", schema), example)},
        "responses": {
            "200": {"description": "The tool's result.", "content": json_content(ref("schemas", output))},
            **answers("202", slugs=CALL_ERRORS),
        },
    }
