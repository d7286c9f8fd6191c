"""GraphQL: `MCP_GRAPHQL`, `MCP_GRAPHQL_PERSISTED`, `MCP_GRAPHQL_ONLY_PERSISTED`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from starlette.routing import Route, WebSocketRoute

from features.feature import optional_packages
from features.surfaces.reach import Reach, Surface
from gateway.errors import LoadError
from routes.router import both


def graphql(reach: Reach) -> Surface:
    """Raises LoadError if the package is missing, or the folder of documents cannot be used."""
    settings = reach.settings
    if not settings.graphql:
        return Surface()
    with optional_packages("MCP_GRAPHQL"):
        from gateway.graphql.bounds import Bounds
        from gateway.graphql.graphs import Graphs
        from routes.graphql.endpoint import GraphQLEndpoint, Serves
        from routes.graphql.page import add_page
        from routes.graphql.persisted import Persisted
        from routes.graphql.socket import SocketEndpoint
        from routes.websocket.connection import SocketLimits
        from routes.websocket.endpoint import WebSockets
        from routes.websocket.identity import Identity

    texts = _documents(settings.graphql_persisted)
    persisted = Persisted(texts, only=settings.graphql_only_persisted)
    graphs = Graphs(reach.registry, lambda: reach.registry.revision, Bounds())
    pages = reach.features.pages
    add_page(pages, settings.graphql)
    endpoint = GraphQLEndpoint(Serves(graphs, reach.names, pages, persisted, settings.max_body, settings.call_timeout))
    auth, refused = reach.features.auth, reach.features.refusals
    sockets = WebSockets(SocketLimits(settings.max_body, share=settings.max_share), refused, reach.registry)
    sockets.listeners.extend(reach.features.metrics.socket_listeners)
    identify = partial(Identity, settings.max_body, auth.authenticator, auth.set_caller, refused=refused)
    socket = WebSocketRoute(settings.graphql, SocketEndpoint(sockets, endpoint.operation, identify))
    return Surface(
        routes=[
            *both(settings.graphql, endpoint, ["GET", "POST"]),
            Route(f"{settings.graphql}/schema.graphql", endpoint.show_schema),
            *([socket] if settings.websocket else []),
        ],
        streams=[sockets],
    )


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
