"""GraphQL: `MCP_GRAPHQL`, `MCP_GRAPHQL_PERSISTED`, `MCP_GRAPHQL_ONLY_PERSISTED`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from features.feature import optional_packages
from features.surfaces.reach import Reach, Surface
from gateway.errors import LoadError
from routes.router import both

if TYPE_CHECKING:
    from routes.websocket.endpoint import WebSockets


def graphql(reach: Reach, sockets: WebSockets | None) -> Surface:
    """Takes the sockets of all surfaces, None if they are off.

    Raises:
        LoadError: the package is missing, or the folder of documents cannot be used.
    """
    settings = reach.settings
    if not settings.graphql:
        return Surface()
    with optional_packages("MCP_GRAPHQL"):
        from gateway.graphql.bounds import Bounds
        from gateway.graphql.graphs import Graphs
        from routes.graphql.endpoint import GraphQLEndpoint, Serves
        from routes.graphql.page import add_page
        from routes.graphql.persisted import Persisted
        from routes.graphql.socket import speaking

    texts = _documents(settings.graphql_persisted)
    persisted = Persisted(texts, only=settings.graphql_only_persisted)
    graphs = Graphs(reach.registry, lambda: reach.registry.revision, Bounds())
    pages = reach.features.pages
    add_page(pages, settings.graphql)
    endpoint = GraphQLEndpoint(Serves(graphs, reach.names, pages, persisted, settings.max_body, settings.call_timeout))
    routes: list[BaseRoute] = [
        *both(settings.graphql, endpoint, ["GET", "POST"]),
        Route(f"{settings.graphql}/schema.graphql", endpoint.show_schema),
    ]
    if sockets is not None:
        auth, speaks = reach.features.auth, speaking(endpoint.operation)
        routes.append(sockets.route(settings.graphql, speaks, auth.authenticator, auth.set_caller))
    return Surface(routes=routes)


def _documents(folder: str) -> list[str]:
    """Returns the texts of the documents in a folder, none if it is not set."""
    if not folder:
        return []
    try:
        found = [path.read_text(encoding="utf-8") for path in sorted(Path(folder).glob("*.graphql"))]
    except (OSError, UnicodeDecodeError) as exc:
        raise LoadError(f"MCP_GRAPHQL_PERSISTED={folder!r}: {exc}") from exc
    if not found:
        raise LoadError(f"MCP_GRAPHQL_PERSISTED={folder!r}: there is no file *.graphql in it")
    return found
