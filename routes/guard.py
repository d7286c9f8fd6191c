"""Refuses a Host or an Origin that is not ours: a page elsewhere must not reach a local router by DNS rebinding."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from routes.errors import problem

LOCAL = ("localhost", "127.0.0.1", "::1")


class Guard:
    """Allows the local names and `hosts`, exactly, with any port; `*` among `hosts` allows everything."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self._names = frozenset(host.lower().strip("[]") for host in (*LOCAL, *hosts))
        self._passed: set[bytes] = set()
        self._any = "*" in self._names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._any:
            await self.app(scope, receive, send)
            return
        hosts = [value for key, value in scope["headers"] if key == b"host"]
        origins = [value for key, value in scope["headers"] if key == b"origin"]
        if len(hosts) != 1 or not self._allows_host(hosts[0]):
            detail = "This Host is not served here; MCP_ALLOWED_HOSTS names those that are."
            await problem("misdirected", detail)(scope, receive, send)
        elif origins and not all(map(self._allows_origin, origins)):
            detail = "Pages of this Origin may not call; MCP_ALLOWED_HOSTS names the hosts whose pages may."
            await problem("forbidden-origin", detail)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _allows_host(self, host: bytes) -> bool:
        return host in self._passed or self._remember(host, f"//{host.decode('latin-1')}")

    def _allows_origin(self, origin: bytes) -> bool:
        if not origin.startswith((b"http://", b"https://")):
            return False
        return origin in self._passed or self._remember(origin, origin.decode("latin-1"))

    def _remember(self, value: bytes, url: str) -> bool:
        """Whether `url` is of an allowed name, and a name and port alone; a few that passed are kept."""
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018  (raises for what is no port)
        except ValueError:
            return False
        extra = parts.path or parts.query or parts.fragment or "@" in parts.netloc
        allowed = not extra and (parts.hostname or "") in self._names
        if allowed and len(self._passed) < 64:
            self._passed.add(value)
        return allowed
