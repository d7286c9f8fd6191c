"""A server that does not start is one line in the log, not the traceback that Starlette hands to uvicorn."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import StartError

logger = logging.getLogger(__name__)


class Startup:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def send_short(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                message["message"] = ""
            await send(message)

        try:
            await self.app(scope, receive, send_short)
        except StartError as exc:
            logger.error("%s", exc)
            logger.debug("start failed", exc_info=exc)
