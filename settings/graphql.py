"""GraphQL."""

from __future__ import annotations

from dataclasses import dataclass

from settings.network import path
from settings.reader import flag, text


@dataclass(frozen=True)
class GraphQL:
    graphql: str = path("MCP_GRAPHQL", "path of GraphQL over all servers, such as `/graphql`; enables it")
    graphql_persisted: str = text(
        "MCP_GRAPHQL_PERSISTED", "", "folder of documents (`*.graphql`) that clients may name by their SHA-256"
    )
    graphql_only_persisted: bool = flag(
        "MCP_GRAPHQL_ONLY_PERSISTED", False, "`1` refuses documents that are not in `MCP_GRAPHQL_PERSISTED`"
    )
