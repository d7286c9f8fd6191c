"""`GET /livez` and `GET /readyz`, for whatever starts, stops and balances routers."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal

from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.servers.registry import Registry
from routes.errors import problem
from routes.router import route_path

State = Literal["starting", "ready", "draining"]
LIVE, READY = "/livez", "/readyz"
_PATHS = frozenset({LIVE, READY})
_DETAILS = {"starting": "The router is starting.", "draining": "The router is shutting down."}


class Readiness:
    """The state of the application, which the process sets."""

    def __init__(self, registry: Registry) -> None:
        self.state: State = "starting"
        self._registry = registry

    @property
    def is_draining(self) -> bool:
        return self.state == "draining"

    def refusal(self) -> str | None:
        """Returns why the router should get no requests; None if it should.

        One server that failed is no reason, as the others still answer. If all have failed, it is.
        """
        states = self._registry.states().values()
        if self.state == "ready" and states and "ready" not in states:
            return "No server is ready."
        return _DETAILS.get(self.state)


class Probes:
    """Answers the probes before anything asks for the Host, the port or a credential. They name no server."""

    def __init__(self, app: ASGIApp, readiness: Readiness) -> None:
        self.app = app
        self._readiness = readiness

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            path = route_path(scope) if scope.get("root_path") else scope["path"]
            if path in _PATHS:
                return self._answer(path, scope["method"])(scope, receive, send)
        return self.app(scope, receive, send)

    def _answer(self, path: str, method: str) -> Response:
        if method not in ("GET", "HEAD"):
            return problem("method-not-allowed", f"{method} {path}: method not allowed.", {"Allow": "GET, HEAD"})
        headers = {"Cache-Control": "no-store"}
        refusal = self._readiness.refusal() if path == READY else None
        if refusal is not None:
            return problem("unavailable", refusal, {**headers, "Retry-After": "1"}, retryAfter=1)
        return Response(to_json({"status": "ok"}), 200, headers, "application/json")
