"""Refuses a Host or an Origin that is not ours: a page elsewhere must not reach a local router by DNS rebinding."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.telemetry.refusals import Refusals
from routes.errors import problem

LOCAL = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(rb"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]*)\]|([A-Za-z0-9._-]+))(?::[0-9]{0,5})?")
_SCHEME = re.compile(rb"https?://")


class Guard:
    """Allows the local names and `hosts`, exactly, with any port; `*` among `hosts` allows everything."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], refused: Refusals) -> None:
        self.app = app
        self._refused = refused
        self._names = frozenset(host.lower().strip("[]") for host in (*LOCAL, *hosts))
        self._passed: set[bytes] = set()
        self._any = "*" in self._names

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan" or self._any:
            return self.app(scope, receive, send)
        hosts = origins = 0
        for key, value in scope["headers"]:
            if key == b"host":
                hosts += 1 if self._allows_host(value) else 2
            elif key == b"origin" and not self._allows_origin(value):
                origins += 1
        if hosts != 1:
            self._refused("misdirected", _peer(scope))
            detail = "This Host is not served here; MCP_ALLOWED_HOSTS names those that are."
            return problem("misdirected", detail)(scope, receive, send)
        if origins:
            self._refused("forbidden-origin", _peer(scope))
            detail = "Pages of this Origin may not call; MCP_ALLOWED_HOSTS names the hosts whose pages may."
            return problem("forbidden-origin", detail)(scope, receive, send)
        return self.app(scope, receive, send)

    def _allows_host(self, host: bytes) -> bool:
        """Whether `host` is an allowed name, or that and a port; a few that passed are kept."""
        if host in self._passed:
            return True
        match = _HOST.fullmatch(host)
        allowed = match is not None and (match[1] or match[2]).decode().lower() in self._names
        if allowed and len(self._passed) < 64:
            self._passed.add(host)
        return allowed

    def _allows_origin(self, origin: bytes) -> bool:
        scheme = _SCHEME.match(origin)
        return scheme is not None and self._allows_host(origin[scheme.end() :])


def _peer(scope: Scope) -> str:
    """Who is connected: a client, or the proxy in front of it."""
    client = scope.get("client")
    return str(client[0]) if client else ""
