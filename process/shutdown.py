"""The end of the process: calls in flight complete, and open streams end with the last of them.

uvicorn waits for every open stream and tells the application only when all are closed. So the application reads the
server's own flag, as sse-starlette does.
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

logger = logging.getLogger(__name__)
_POLL_INTERVAL = 0.05


@asynccontextmanager
async def streams_ended(
    streams: Callable[[], Iterable[Streams]], capacity: Capacity, grace: float
) -> AsyncIterator[None]:
    """Watches for the shutdown while the application runs, and then ends `streams()`.

    The streams of sse-starlette end when no call is in flight, and at the latest one second before `grace` seconds.
    """
    watch = asyncio.create_task(_end_at_shutdown(streams, capacity, grace))
    try:
        yield
    finally:
        watch.cancel()


async def _end_at_shutdown(streams: Callable[[], Iterable[Streams]], capacity: Capacity, grace: float) -> None:
    # uvicorn hands its server to nobody, but the server's own method handles the signal.
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if not hasattr(server, "should_exit"):
        return
    # sse-starlette must not end the streams by itself: it would cut calls in flight with them.
    AppStatus.enable_automatic_graceful_drain = False
    while not server.should_exit:
        await asyncio.sleep(_POLL_INTERVAL)
    logger.info("draining", extra={"fields": {"in_flight": capacity.in_flight}})
    for each in streams():
        each.end_streams()
    deadline = asyncio.get_running_loop().time() + max(grace - 1, 0)
    while capacity.in_flight and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_POLL_INTERVAL)
    AppStatus.should_exit = True
