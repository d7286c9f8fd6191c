"""Reads a document as Open WebUI does, to give a model its operations as functions and to call them.

An operation's id is the function's name; its URL is the base URL that a person enters, followed by the path. `servers`
is not read. References are resolved in properties, items and alternatives.
"""

from __future__ import annotations

from typing import Any

import httpx2

Document = dict[str, Any]
_ALTERNATIVES = ("oneOf", "anyOf", "allOf")


def functions(document: Document) -> dict[str, dict[str, Any]]:
    """Returns the functions that a model is shown, by their names: the description and the parameters of each."""
    found = {}
    for item in document["paths"].values():
        for operation in item.values():
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            parameters = _resolved(schema, document["components"], set())
            found[operation["operationId"]] = {
                "description": operation.get("description", operation.get("summary", "No description available.")),
                "parameters": {
                    "type": "object",
                    "properties": parameters.get("properties", {}),
                    "required": parameters.get("required", []),
                },
            }
    return found


async def call(
    http: httpx2.AsyncClient, document: Document, base: str, name: str, arguments: dict[str, Any]
) -> httpx2.Response:
    [(path, method)] = [
        (path, method)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if operation.get("operationId") == name
    ]
    return await http.request(method.upper(), f"{base}{path}", json=arguments)


def _resolved(schema: Any, components: Document, seen: set[str]) -> Any:
    if not schema:
        return {}
    if "$ref" in schema:
        _, kind, name = schema["$ref"].removeprefix("#/").split("/")
        if name in seen:  # a recursive model
            return {}
        seen.add(name)
        return _resolved(components[kind][name], components, seen)
    copy = dict(schema)
    if "properties" in copy:
        copy["properties"] = {key: _resolved(inner, components, set()) for key, inner in copy["properties"].items()}
    if "items" in copy:
        copy["items"] = _resolved(copy["items"], components, set())
    return copy | {
        key: [_resolved(each, components, seen) for each in copy[key]] for key in _ALTERNATIVES if key in copy
    }
