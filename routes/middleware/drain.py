"""The last answers of a process: they ask the client to connect anew, and requests that are cancelled get 503."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.errors import problem
from routes.middleware.probes import Readiness

CLOSE = (b"connection", b"close")


class Drain:
    """Adds `Connection: close` to every answer once the process is draining.

    It also replaces uvicorn's bare 500 and traceback for a request that it cancels when the shutdown grace is over.
    """

    def __init__(self, app: ASGIApp, readiness: Readiness) -> None:
        self.app = app
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._readiness.is_draining:
            send = _closing(send)
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] == "lifespan":
                raise
            headers = {"Retry-After": "1", "Connection": "close"}
            with suppress(RuntimeError):  # raised by uvicorn if the answer has begun
                await problem("unavailable", "The router is shutting down.", headers)(scope, receive, send)


def _closing(send: Send) -> Send:
    async def send_and_close(message: Message) -> None:
        if message["type"] == "http.response.start" and CLOSE not in message.get("headers", ()):
            message["headers"] = [*message.get("headers", ()), CLOSE]
        await send(message)

    return send_and_close
