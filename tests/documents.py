"""GraphQL documents, and arguments as GraphQL writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.naming import TOOL_SUFFIX

GRAPHQL = "/graphql"
"""The URL of GraphQL where it is on."""


def literal(value: Any) -> str:
    """Returns a JSON value as GraphQL writes it."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {literal(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    return json.dumps(value, ensure_ascii=False)


def field(name: str, arguments: Mapping[str, Any], selection: str = "") -> str:
    """Returns a field with its arguments."""
    given = ", ".join(f"{each}: {literal(value)}" for each, value in arguments.items())
    return f"{name}{f'({given})' if given else ''} {selection}".strip()


def mutation(server: str, tool: str, arguments: Mapping[str, Any], selection: str = "") -> str:
    """Returns a document that calls a tool which may change something. Its value is under `result`."""
    return f"mutation {{ result: {field(f'{server}_{tool.removesuffix(TOOL_SUFFIX)}', arguments, selection)} }}"
