"""`/.well-known/oauth-protected-resource` (RFC 9728): where a client that is refused finds whom to ask for a token."""

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

WELL_KNOWN_PATH = "/.well-known/oauth-protected-resource"
_RESOURCE = re.compile(r"(?:/([A-Za-z0-9_-]{1,64}))?/mcp(?=/|\Z)")
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")


class Metadata:
    """Each MCP endpoint is a resource, and so is the whole. `url` is that of the router, where a proxy changes it.

    A stranger may ask, and must not learn from the answer which servers there are: of one that there is not it is
    the same."""

    def __init__(self, url: str, issuer: str) -> None:
        self._url = url
        self._issuer = issuer

    def routes(self) -> list[Route]:
        return [Route(WELL_KNOWN_PATH, self.get), Route(WELL_KNOWN_PATH + "{resource:path}", self.get)]

    async def get(self, request: Request) -> Response:
        base = self._base(request.scope)
        resource = request.path_params.get("resource", "").removeprefix(urlsplit(base).path)
        match = _RESOURCE.fullmatch(resource)
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
        """Of the metadata of what this request is for."""
        match = _RESOURCE.match(route_path(scope))
        return f"{self._base(scope)}{WELL_KNOWN_PATH}{match[0] if match else ''}"

    def _base(self, scope: Scope) -> str:
        if self._url:
            return self._url
        host = Headers(scope=scope).get("host", "")
        scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
        root = scope.get("app_root_path", scope.get("root_path", ""))
        return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost'}{root.rstrip('/')}"
