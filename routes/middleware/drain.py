"""Answers 503 to requests that are cancelled at the end of the process, if their answer has not begun."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from routes.errors import problem


class Drain:
    """Replaces uvicorn's bare 500 and traceback for a request that it cancels when the shutdown grace is over."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            if scope["type"] == "lifespan":
                raise
            headers = {"Retry-After": "1", "Connection": "close"}
            with suppress(RuntimeError):  # raised by uvicorn if the answer has begun
                await problem("unavailable", "The router is shutting down.", headers)(scope, receive, send)
