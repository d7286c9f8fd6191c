"""A server with versions of the tool `search`, each of which returns its own version."""

from __future__ import annotations

from typing import Any

import httpx2
from mcp.server.mcpserver import MCPServer

from tests import wire

DEPRECATED = {"since": "2020-01-01", "sunset": "2999-06-01", "use": "2", "why": "It is slow."}
RETIRED = {"since": "2020-01-01", "sunset": "2021-01-01"}


def searching(*versions: str, name: str = "one", **deprecated: Any) -> MCPServer[Any]:
    """`deprecated` has what is declared of the version `v1`, `v2`, …, by its place."""
    server: MCPServer[Any] = MCPServer(name)
    for place, version in enumerate(versions, 1):
        meta = {"version": version, "versions_of": "search"}
        meta |= {"deprecated": deprecated[f"v{place}"]} if f"v{place}" in deprecated else {}
        server.add_tool(_tool(version), name=f"search_v{place}", description=f"Version {version}", meta=meta)
    return server


def _tool(version: str) -> Any:
    async def found() -> str:
        return version

    return found


def wire_result(answer: httpx2.Response) -> dict[str, Any]:
    """Returns the result of a native request, also from a stream."""
    body = wire.messages(answer.text)[-1] if answer.text.startswith(("event", "data", ":")) else answer.json()
    result: dict[str, Any] = body["result"]
    return result
