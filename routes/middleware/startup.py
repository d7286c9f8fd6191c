"""A server that does not start is one line in the log, not the traceback that Starlette hands to uvicorn."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import StartError

logger = logging.getLogger(__name__)


class Startup:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._lifespan(scope, receive, send) if scope["type"] == "lifespan" else self.app(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_short(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                message["message"] = ""
            await send(message)

        try:
            await self.app(scope, receive, send_short)
        except StartError as exc:
            logger.error("%s", exc)
            logger.debug("start failed", exc_info=exc)
