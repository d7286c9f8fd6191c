"""One URL whose methods have endpoints of their own. Of two routes with one path, a 405 would allow the first's alone."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route
from starlette.types import Receive, Scope, Send


class Methods:
    """Hands a request on by its method, `HEAD` as `GET`. Its `Route` names the same methods, and answers the others."""

    def __init__(self, **endpoints: Any) -> None:
        self._apps = {method: Route("/", endpoint).app for method, endpoint in endpoints.items()}
        if "GET" in self._apps:
            self._apps["HEAD"] = self._apps["GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["method"]](scope, receive, send)
