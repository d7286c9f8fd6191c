"""GraphQL requests of the tests."""

from __future__ import annotations

from typing import Any

import httpx2
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from tests.conftest import server_of
from tests.documents import GRAPHQL

READ = ToolAnnotations(read_only_hint=True)


async def ask(http: httpx2.AsyncClient, query: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    """Returns the JSON of the answer to a document."""
    return (await http.post(GRAPHQL, json={"query": query, **more}, headers=headers)).json()


def reading(*functions: Any, name: str = "one") -> MCPServer[Any]:
    """Returns a server whose tools only read: they are queries."""
    server = server_of(name=name)
    for function in functions:
        server.add_tool(function, annotations=READ)
    return server


def slugs(answer: Any) -> list[str]:
    """Returns the kinds of the errors in an answer."""
    return [error["extensions"]["type"].rpartition(":")[2] for error in answer["errors"]]
