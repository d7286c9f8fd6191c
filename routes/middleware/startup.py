"""Logs a failed start in one line. Starlette would send its traceback to uvicorn, which logs all of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import StartError

logger = logging.getLogger(__name__)


class Startup:
    """Logs a StartError as one line, and its traceback at level debug."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._lifespan(scope, receive, send) if scope["type"] == "lifespan" else self.app(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_without_traceback(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                message["message"] = ""  # uvicorn logs it as an error
            await send(message)

        try:
            await self.app(scope, receive, send_without_traceback)
        except StartError as exc:
            logger.error("%s", exc)
            logger.debug("start failed", exc_info=exc)
