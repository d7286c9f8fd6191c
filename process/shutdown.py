"""The end of the process: calls in flight complete, and open streams end with the last of them.

uvicorn waits for every open stream and tells the application only when all are closed. So the application reads the
server's own flags, as sse-starlette does.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from sse_starlette.sse import AppStatus

from features.feature import Streams
from gateway.limits.capacity import Capacity
from routes.middleware.probes import Readiness

logger = logging.getLogger(__name__)
POLL_INTERVAL = 0.05
"""Seconds."""


def running_server() -> Any:
    """Returns the server that runs the application; None if none of uvicorn's does."""
    # uvicorn hands its server to nobody, but the server's own method handles the signal.
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return server if hasattr(server, "should_exit") else None


@asynccontextmanager
async def drained(
    streams: Callable[[], Iterable[Streams]], capacity: Capacity, readiness: Readiness, grace: float
) -> AsyncIterator[None]:
    """Tells `readiness` that the application serves, and when it shuts down. Then it ends `streams()`.

    The streams of sse-starlette end when no call is in flight, and at the latest one second before `grace` seconds.
    """
    readiness.state = "ready"
    watch = asyncio.create_task(_end_at_shutdown(streams, capacity, readiness, grace))
    try:
        yield
    finally:
        readiness.state = "draining"
        watch.cancel()


async def _end_at_shutdown(
    streams: Callable[[], Iterable[Streams]], capacity: Capacity, readiness: Readiness, grace: float
) -> None:
    server = running_server()
    if server is None:
        return
    # sse-starlette must not end the streams by itself: it would cut calls in flight with them.
    AppStatus.enable_automatic_graceful_drain = False
    # Another server than ours has no delay, in which it is draining and still serves.
    while not (server.should_exit or getattr(server, "is_draining", False)):
        await asyncio.sleep(POLL_INTERVAL)
    readiness.state = "draining"
    logger.info("draining", extra={"fields": {"in_flight": capacity.in_flight}})
    while not server.should_exit:
        await asyncio.sleep(POLL_INTERVAL)
    for each in streams():
        each.end_streams()
    deadline = asyncio.get_running_loop().time() + max(grace - 1, 0)
    while capacity.in_flight and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(POLL_INTERVAL)
    AppStatus.should_exit = True
