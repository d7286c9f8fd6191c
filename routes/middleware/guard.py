"""Refuses a foreign Host or Origin, so that no web page can reach a local router by DNS rebinding."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.telemetry.refusals import Refusals
from routes.errors import problem
from routes.scope import peer_of

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_HOST = re.compile(rb"(?:\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]*)\]|([A-Za-z0-9._-]+))(?::[0-9]{0,5})?")
_SCHEME = re.compile(rb"https?://")

MAX_ACCEPTED_HOSTS = 64
"""Spellings of Host that are cached. A port is part of one, so a client could send any number of them."""

MAX_SHOWN = 253
"""Characters of a refused Host that the answer repeats: the longest name in the DNS."""


class Guard:
    """Allows exactly the local names and `hosts`, with any port, and their pages. `*` among `hosts` allows everything.

    `origins` are those of other pages: of desktop applications, or of sites under other names.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], origins: Iterable[str], refused: Refusals) -> None:
        self.app = app
        self._refused = refused
        self._names = frozenset(host.lower().strip("[]") for host in (*LOCAL_HOSTS, *hosts))
        self._origins = frozenset(origin.encode() for origin in origins)
        self._accepted: set[bytes] = set()
        self._any = "*" in self._names

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan" or self._any:
            return self.app(scope, receive, send)
        hosts = origins = 0
        for key, value in scope["headers"]:
            if key == b"host":
                hosts += 1 if self._allows_host(value) else 2  # exactly one Host is allowed: 2 is a refusal in any case
            elif key == b"origin" and not self._allows_origin(value):
                origins += 1
        if hosts != 1:
            self._refused("misdirected", peer_of(scope))
            return problem("misdirected", _remedy(scope))(scope, receive, send)
        if origins:
            self._refused("forbidden-origin", peer_of(scope))
            detail = "Pages of this Origin are not allowed. MCP_ALLOWED_ORIGINS lists the origins that are."
            return problem("forbidden-origin", detail)(scope, receive, send)
        return self.app(scope, receive, send)

    def _allows_host(self, host: bytes) -> bool:
        """Returns True if `host` is an allowed name, with or without a port."""
        if host in self._accepted:
            return True
        match = _HOST.fullmatch(host)
        allowed = match is not None and (match[1] or match[2]).decode().lower() in self._names
        if allowed and len(self._accepted) < MAX_ACCEPTED_HOSTS:
            self._accepted.add(host)
        return allowed

    def _allows_origin(self, origin: bytes) -> bool:
        scheme = _SCHEME.match(origin)
        if scheme is not None and self._allows_host(origin[scheme.end() :]):
            return True
        return origin.lower() in self._origins


def _remedy(scope: Scope) -> str:
    """Returns the refused name and the setting that allows it. Only what can be a name is repeated to the client."""
    found = [_HOST.fullmatch(value) for key, value in scope["headers"] if key == b"host"]
    match = found[0] if len(found) == 1 else None
    if match is None:
        return "The request needs one header Host with the name or the address of a host."
    name = (match[1] or match[2]).decode()[:MAX_SHOWN]
    return f"The Host {name!r} is not allowed. MCP_ALLOWED_HOSTS={name} allows it; a comma separates several."
