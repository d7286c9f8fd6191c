"""`GET /metrics`: the metrics in the text format of Prometheus, or as OpenMetrics if the client asks for it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

from anyio import CapacityLimiter, to_thread
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.caller import caller
from gateway.telemetry.refusals import Refused
from routes.errors import problem
from routes.router import route_path

SCOPE = ("metrics", "scrape")
"""The scope that a caller needs if authentication is on; `*:*` does not include it. No server is called `metrics`."""


class Counted(Protocol):
    @property
    def registry(self) -> CollectorRegistry: ...

    def refresh(self) -> None:
        """Reads the present state into the registry."""
        ...


class Metrics:
    """Answers a scrape, made in a thread so that calls do not wait for it, one at a time.

    A scrape names every server and tool, so a caller without the scope `metrics:scrape` is refused, unless the metrics
    are open to everybody.
    """

    def __init__(self, counted: Counted, refused: Refused, is_open: bool = False) -> None:
        self._counted = counted
        self._refused = refused
        self._is_open = is_open
        self._one_at_a_time = CapacityLimiter(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(scope)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return problem("method-not-allowed", "The metrics are read with GET.", {"Allow": "GET, HEAD"})
        grants = caller.get().grants
        if grants is not None and not self._is_open and not grants.covers_own(*SCOPE):
            self._refused("forbidden")
            return problem("forbidden", f"The metrics need the scope {':'.join(SCOPE)}.")
        self._counted.refresh()
        accept = Headers(scope=scope).get("accept", "")
        try:
            return await to_thread.run_sync(self._scrape, accept, limiter=self._one_at_a_time)
        except (struct.error, OSError):  # a worker that starts at this moment has made its file and not filled it yet
            return problem("unavailable", "A worker is starting.", {"Retry-After": "1"}, retryAfter=1)

    def _scrape(self, accept: str) -> Response:
        encode, media_type = _encoder(accept)
        return Response(encode(self._counted.registry), headers={"Content-Type": media_type})


class OwnPort:
    """Serves `path` on `port` alone, and nothing else on `port`. All ports reach the same application."""

    def __init__(self, app: ASGIApp, port: int, path: str) -> None:
        self.app = app
        self._port = port
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            is_own_port = (scope.get("server") or ("", 0))[1] == self._port
            if is_own_port != (route_path(scope) == self._path):
                await self._not_found(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _not_found(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})  # not accepted yet, so this is a 403
            return
        await problem("not-found", "There is nothing at this URL on this port.")(scope, receive, send)


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    try:
        return choose_encoder(accept.lower())  # media types ignore case, choose_encoder does not
    except TypeError:  # a version that is not made of numbers
        return choose_encoder("")
