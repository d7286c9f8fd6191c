"""What a request gets that the end of the process cuts off: 503, where nothing was sent yet."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from routes.errors import problem


class Drain:
    """uvicorn cancels what still runs at the end of the grace, and would answer a bare 500 and log a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] == "lifespan":
                raise
            headers = {"Retry-After": "1", "Connection": "close"}
            with suppress(RuntimeError):  # the server's word for an answer that has begun
                await problem("unavailable", "The router is shutting down.", headers)(scope, receive, send)
