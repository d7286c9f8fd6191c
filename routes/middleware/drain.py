"""Answers requests that end without an answer: those cancelled at the end of the process, and failures of our own."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.cancellation import was_requested
from routes.errors import problem

logger = logging.getLogger(__name__)


class Drain:
    """Answers 503 to a request that uvicorn cancels when the shutdown grace is over.

    Any other exception that is no `Exception` is answered with 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except (Exception, GeneratorExit):  # answered further out
            raise
        except BaseException as exc:  # uvicorn would send bare text
            if scope["type"] == "lifespan":
                raise
            if isinstance(exc, asyncio.CancelledError) and was_requested(exc):
                headers = {"Retry-After": "1", "Connection": "close"}
                answer = problem("unavailable", "The router is shutting down.", headers)
            else:
                logger.error("Unhandled exception in a request", exc_info=exc)
                answer = problem("internal-error", "The log has the reason under the request id.")
            with suppress(RuntimeError):  # raised by uvicorn if the answer has begun
                await answer(scope, receive, send)
