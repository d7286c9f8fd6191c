"""The last answers of a process, and of requests that would end without one."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.cancellation import was_requested
from routes.errors import problem
from routes.middleware.probes import Readiness

CLOSE = (b"connection", b"close")

logger = logging.getLogger(__name__)


class Drain:
    """Adds `Connection: close` to every answer once the process is draining.

    A request that uvicorn cancels when the shutdown grace is over is answered with 503. Any other exception that is no
    `Exception` is answered with 500.

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


def _closing(send: Send) -> Send:
    async def send_and_close(message: Message) -> None:
        if message["type"] == "http.response.start" and CLOSE not in message.get("headers", ()):
            message["headers"] = [*message.get("headers", ()), CLOSE]
        await send(message)

    return send_and_close
