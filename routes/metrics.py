"""`GET /metrics`: what was counted, in the text format of Prometheus or as OpenMetrics, whichever is asked for."""

from __future__ import annotations

import struct
from typing import Protocol

from anyio import CapacityLimiter, to_thread
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.caller import caller
from gateway.telemetry.refusals import Refused
from routes.errors import problem
from routes.router import route_path

SCOPE = ("metrics", "scrape")
"""What a caller is asked for where authentication is on: no server has this name."""


class Counted(Protocol):
    @property
    def registry(self) -> CollectorRegistry: ...

    def look(self) -> None:
        """Take up the state of now."""
        ...


class Metrics:
    """Made in a thread, one at a time: there may be many, and calls do not wait for it.

    They tell the names of all servers and tools, so a caller whose scopes do not cover them is refused, unless they are
    open to everybody.
    """

    def __init__(self, counted: Counted, refused: Refused, is_open: bool = False) -> None:
        self._counted = counted
        self._refused = refused
        self._is_open = is_open
        self._one = CapacityLimiter(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(scope)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return problem("method-not-allowed", "The metrics are read with GET.", {"Allow": "GET, HEAD"})
        grants = caller.get().grants
        if grants is not None and not self._is_open and not grants.covers(*SCOPE):
            self._refused("forbidden")
            return problem("forbidden", f"The metrics need the scope {':'.join(SCOPE)}.")
        self._counted.look()
        accept = Headers(scope=scope).get("accept", "")
        try:
            return await to_thread.run_sync(self._made, accept, limiter=self._one)
        except (struct.error, OSError):  # the file of a worker that starts at this moment
            return problem("unavailable", "A worker is starting.", {"Retry-After": "1"}, retryAfter=1)

    def _made(self, accept: str) -> Response:
        if _wants_openmetrics(accept):
            body = openmetrics.generate_latest(self._counted.registry)  # type: ignore[no-untyped-call]
            kind = openmetrics.CONTENT_TYPE_LATEST
        else:
            body, kind = generate_latest(self._counted.registry), CONTENT_TYPE_PLAIN_0_0_4
        return Response(body, headers={"Content-Type": kind})


class OwnPort:
    """On `port` there is nothing but `path`, which is nowhere else. All ports come to one application."""

    def __init__(self, app: ASGIApp, port: int, path: str) -> None:
        self.app = app
        self._port = port
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            is_there = (scope.get("server") or ("", 0))[1] == self._port
            if is_there != (route_path(scope) == self._path):
                await self._absent(scope, receive, send)
                return
        await self.app(scope, receive, send)

    async def _absent(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})  # before it was accepted: 403
            return
        await problem("not-found", "There is nothing at this URL on this port.")(scope, receive, send)


def _wants_openmetrics(accept: str) -> bool:
    """Whether `Accept` names it, and nothing that the text format would do for is preferred."""
    weights = {"application/openmetrics-text": 0.0, "text/plain": 0.0}
    for part in accept.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        if kind in weights:
            weights[kind] = max(weights[kind], _weight(parameters))
    openmetrics_weight, text_weight = weights.values()
    return openmetrics_weight > 0 and openmetrics_weight >= text_weight


def _weight(parameters: list[str]) -> float:
    given = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 0.0
