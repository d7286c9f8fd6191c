"""A call that works, made of a tool's schema, for the startup table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.servers.registry import Registry
from gateway.tool import ToolInfo

MAX_SAMPLE = 200
"""Characters of the body. A longer one would fill the screen."""

_VALUES = {"string": "hello", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}, "null": None}
_DESCRIPTIVE = {"type", "title", "description"}
"""The keywords beside which each value of the type is valid."""


def sample_call(registry: Registry) -> tuple[str, str] | None:
    """Returns the name of a server and the JSON of a call of one of its tools; None if there is no simple one.

    A tool that says that it only reads comes first. One that says that it destroys is left out.
    """
    found = None
    for server in registry:
        for tool in server.tools():
            hints = tool.get("annotations") or {}
            body = None if hints.get("destructiveHint") else _body(tool)
            if body is not None and hints.get("readOnlyHint"):
                return server.name, body
            if body is not None and found is None:
                found = (server.name, body)
    return found


def _body(tool: ToolInfo) -> str | None:
    """Returns the JSON of a call with the required arguments; None if their schemas are not simple."""
    schema = tool["inputSchema"]
    properties = schema.get("properties", {})
    arguments = {}
    for name in schema.get("required", []):
        values = _values(properties.get(name, {}))
        if not values:
            return None
        arguments[name] = values[0]
    body = json.dumps({"tool": tool["name"], "arguments": arguments})
    return body if len(body) <= MAX_SAMPLE else None


def _values(schema: Any) -> list[Any]:
    """Returns values that match the schema of an argument; none if no such value can be told."""
    if not isinstance(schema, Mapping):
        return []
    for keyword in ("examples", "enum"):
        if isinstance(schema.get(keyword), list):
            return [*schema[keyword]]
    if "const" in schema:
        return [schema["const"]]
    kind = schema.get("type")
    allowed = _DESCRIPTIVE | ({"items"} if kind == "array" else {"additionalProperties"} if kind == "object" else set())
    return [_VALUES[kind]] if isinstance(kind, str) and kind in _VALUES and schema.keys() <= allowed else []
