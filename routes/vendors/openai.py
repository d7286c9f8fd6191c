"""Tools for OpenAI's APIs: Chat Completions (`ChatCompletionFunctionTool`) and Responses (`FunctionTool`)."""

from __future__ import annotations

from typing import Any

from gateway.tool import ToolInfo
from routes.vendors.roots import as_object
from routes.vendors.schemas import Schema, rewritten

MAX_DESCRIPTION = 1024


def openai(name: str, tool: ToolInfo) -> dict[str, Any]:
    return {"type": "function", "function": _function(name, tool)}


def openai_responses(name: str, tool: ToolInfo) -> dict[str, Any]:
    # By default the schema has to be strict, which allows neither optional arguments nor most keywords.
    return {"type": "function", **_function(name, tool), "strict": False}


def _function(name: str, tool: ToolInfo) -> dict[str, Any]:
    described = {"description": _cut(tool["description"])} if tool.get("description") else {}
    return {"name": name, **described, "parameters": rewritten(as_object(tool["inputSchema"]), _accepted)}


def _accepted(schema: Schema) -> Schema:
    if isinstance(schema.get("description"), str):
        schema["description"] = _cut(schema["description"])
    types = schema.get("type")
    is_array = "array" in types if isinstance(types, list) else types == "array"
    return {"items": _items(schema), **schema} if is_array or "prefixItems" in schema else schema


def _items(schema: Schema) -> Schema:
    """Returns the `items` that an array must have and lacks: in a tuple that ends, any of its own."""
    first, most = schema.get("prefixItems", []), schema.get("maxItems")
    if not first or not isinstance(most, int) or most > len(first):
        return {}
    kinds = [kind for place, kind in enumerate(first) if kind not in first[:place]]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1].rstrip() + "…"
