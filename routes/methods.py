"""One URL, several methods. Of two routes with one path, a 405 would name only the first one's methods in `Allow`."""

from __future__ import annotations

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


class Methods:
    """Hands a request on by its method, `HEAD` as `GET`."""

    def __init__(self, **apps: ASGIApp) -> None:
        self._apps = apps | ({"HEAD": apps["GET"]} if "GET" in apps else {})

    def at(self, path: str) -> Route:
        return Route(path, self, methods=[*self._apps])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["method"]](scope, receive, send)
