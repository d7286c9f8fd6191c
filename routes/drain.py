"""What a request gets that the end of the process cuts off: 503, where nothing was sent yet."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from routes.errors import problem


class Drain:
    """uvicorn cancels what still runs at the end of the grace, and would answer a bare 500 and log a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except asyncio.CancelledError:
            if not started:
                headers = {"Retry-After": "1", "Connection": "close"}
                await problem("unavailable", "The router is shutting down.", headers)(scope, receive, send)
