"""The operations of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from gateway.naming import unambiguous
from gateway.server import Server
from gateway.tool import ToolInfo
from routes.json_api.formats import FORMATS
from routes.openapi.components import ANY_ERROR, json_content, ref
from routes.openapi.sample_call import sample_call
from routes.openapi.samples import sample_arguments

Paths = dict[str, Any]
ToolsOf = Sequence[tuple[Server, Sequence[ToolInfo]]]
ASKS = {"202": ref("responses", "InputRequired")}


def operation_id(kind: str, name: str, tools: Container[str]) -> str:
    """Returns the id of an operation that is not the call of a tool, such as `call_math`.

    The id of a tool's call is the tool's name over all servers, which no other operation may have.
    """
    [found] = unambiguous([(kind, name)])
    return found if found not in tools else operation_id(kind, found, tools)


class Shape(NamedTuple):
    """The components of a tool's arguments and of its result. `asks` is True if the tool may ask its client."""

    arguments: str
    result: str
    asks: bool


def call_of_tool(server: Server, tool: ToolInfo, name: str, shape: Shape) -> dict[str, Any]:
    """Returns the operation that calls a tool; `name` is its id."""
    description = tool.get("description", "")
    summary = tool.get("title") or description.strip().partition("\n")[0] or tool["name"]
    sample = sample_arguments(tool["inputSchema"])
    call = _call(name, server.name, summary, shape.arguments, sample, output=shape.result, asks=shape.asks)
    return {**call, "description": description} if description else call


def description_of_tool(server: Server, tool: ToolInfo, name: str) -> dict[str, Any]:
    return _get(name, server.name, f"Describe {tool['name']}", "Tool", has_etag=True)


def operations_of_server(server: Server, tools: Sequence[ToolInfo], taken: Container[str]) -> Paths:
    base, name = f"/{server.name}/mcp", server.name
    sample = sample_call([(server, tools)])
    example = {"tool": sample.tool, "arguments": sample.arguments} if sample is not None else None
    call = _named(operation_id("call", name, taken), name, "Call a tool of this server by its name", "Call", example)
    return {
        f"{base}/tools": {"get": _list(operation_id("tools", name, taken), name, "The tools of this server")},
        f"{base}/call": {"post": call},
        f"{base}/health": {
            "get": _get(operation_id("health", name, taken), name, "Health of this server", "Health"),
        },
    }


def operations_over_all(servers: ToolsOf) -> Paths:
    """Returns the endpoints over all servers. No tool has their ids: its name has a `_` after the server's name."""
    tag, sample = "All", sample_call(servers)
    example = sample._asdict() if sample is not None else None
    return {
        "/tools": {"get": _list("tools", tag, "The tools of all servers")},
        "/call": {"post": _named("call", tag, "Call a tool of any server by its name", "CallOfAny", example)},
        "/health": {"get": _get("health", tag, "Health of all servers", "HealthOfAll")},
        "/livez": {"get": _probe("livez", "200 while the process answers at all")},
        "/readyz": {"get": _probe("readyz", "200 if the router should get requests")},
    }


def _probe(name: str, summary: str) -> dict[str, Any]:
    """Returns an operation that needs no credential."""
    return {**_get(name, "All", summary, "Alive"), "security": []}


def _get(name: str, tag: str, summary: str, schema: str, has_etag: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": summary, "content": json_content(ref("schemas", schema))}
    responses = {"200": answer, **ANY_ERROR}
    if has_etag:
        answer["headers"] = {"ETag": ref("headers", "ETag")}
        responses["304"] = ref("responses", "NotModified")
    return {"operationId": name, "tags": [tag], "summary": summary, "responses": responses}


def _list(name: str, tag: str, summary: str) -> dict[str, Any]:
    operation = _get(name, tag, summary, "Tools", has_etag=True)
    either = {"anyOf": [ref("schemas", "Tools"), ref("schemas", "FormattedTools")]}
    operation["responses"]["200"]["content"] = json_content(either)
    formats = {"name": "format", "in": "query", "schema": {"enum": [*FORMATS], "type": "string"}}
    return {**operation, "parameters": [{**formats, "description": "The vendor for whose API to format the tools."}]}


def _named(name: str, tag: str, summary: str, schema: str, example: Any) -> dict[str, Any]:
    """Returns the operation that calls a tool by its name. A model that is given a tool's own URL is shown no key."""
    return {**_call(name, tag, summary, schema, example), "parameters": [ref("parameters", "IdempotencyKey")]}


def _call(
    name: str, tag: str, summary: str, schema: str, example: Any = None, *, output: str = "Result", asks: bool = True
) -> dict[str, Any]:
    answer = {"description": "The tool's result.", "content": json_content(ref("schemas", output))}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "requestBody": {"required": True, "content": json_content(ref("schemas", schema), example)},
        "responses": {"200": answer, **(ASKS if asks else {}), **ANY_ERROR},
    }
