"""A server that there is not: said so, with the nearest names, where its URL would be one of a server."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from gateway.errors import UnknownServer
from gateway.servers.registry import Registry


class Unknown:
    """Stands behind all mounts, at `/{server}/{rest}`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server, rest = scope["path_params"]["server"], scope["path_params"]["rest"]
        if rest == "openapi.json" or rest.partition("/")[0] == "mcp":
            raise UnknownServer(server, self._registry.names_used())
        raise HTTPException(404)
