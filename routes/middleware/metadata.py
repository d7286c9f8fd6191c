"""Protected resource metadata (RFC 9728): tells a refused client which authorization server issues tokens."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from routes.router import route_path
from routes.scope import root_path_of

WELL_KNOWN_PATH = "/.well-known/oauth-protected-resource"
_RESOURCE_PATH = re.compile(r"(?:/([A-Za-z0-9_-]{1,64}))?/mcp(?=/|\Z)")
_HOST_HEADER = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


class Metadata:
    """Serves the metadata of each MCP endpoint, and of the router as a whole.

    `url` is the public URL of the router, if it is set; else the URL of the request. The metadata is open to everyone,
    so it is the same for existing and for unknown servers.
    """

    def __init__(self, url: str, issuer: str) -> None:
        self._url = url
        self._issuer = issuer

    def routes(self) -> list[Route]:
        return [Route(WELL_KNOWN_PATH, self.get), Route(WELL_KNOWN_PATH + "{resource:path}", self.get)]

    async def get(self, request: Request) -> Response:
        base = self._base(request.scope)
        resource = request.path_params.get("resource", "").removeprefix(urlsplit(base).path)
        match = _RESOURCE_PATH.fullmatch(resource)
        if resource and match is None:
            raise HTTPException(404)
        server = match[1] if match else None
        document: dict[str, Any] = {"resource": f"{base}{resource}", "resource_name": "multi-mcp"}
        if self._issuer:
            document["authorization_servers"] = [self._issuer]
        document["bearer_methods_supported"] = ["header"]
        document["scopes_supported"] = [f"{server or '*'}:*"]
        return JSONResponse(document)

    def url_for(self, scope: Scope) -> str:
        """Returns the URL of the metadata for the resource that a request is for."""
        match = _RESOURCE_PATH.match(route_path(scope))
        return f"{self._base(scope)}{WELL_KNOWN_PATH}{match[0] if match else ''}"

    def _base(self, scope: Scope) -> str:
        if self._url:
            return self._url
        # The host becomes part of a header and a document, so a malformed one is not repeated.
        host = Headers(scope=scope).get("host", "")
        scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
        return f"{scheme}://{host if _HOST_HEADER.fullmatch(host) else 'localhost'}{root_path_of(scope).rstrip('/')}"
