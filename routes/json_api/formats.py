"""Tools as function-calling JSON of each vendor, ready to pass as the `tools` of a request to its API.

Sources: OpenAI Chat Completions (`ChatCompletionFunctionTool`), Anthropic Messages (`Tool`), Gemini (`Tool` with
`FunctionDeclaration.parametersJsonSchema`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.tool import ToolInfo

Named = Mapping[str, ToolInfo]


def openai(tools: Named) -> list[dict[str, Any]]:
    return [
        {"type": "function", "function": {**_named(name, tool), "parameters": tool["inputSchema"]}}
        for name, tool in tools.items()
    ]


def anthropic(tools: Named) -> list[dict[str, Any]]:
    return [{**_named(name, tool), "input_schema": tool["inputSchema"]} for name, tool in tools.items()]


def gemini(tools: Named) -> list[dict[str, Any]]:
    functions = [{**_named(name, tool), "parametersJsonSchema": tool["inputSchema"]} for name, tool in tools.items()]
    return [{"functionDeclarations": functions}]


def _named(name: str, tool: ToolInfo) -> dict[str, str]:
    """Returns name and description; an empty description is left out."""
    described = {"description": tool["description"]} if tool.get("description") else {}
    return {"name": name, **described}


FORMATS: Mapping[str, Callable[[Named], list[dict[str, Any]]]] = {
    "openai": openai,
    "anthropic": anthropic,
    "gemini": gemini,
}
