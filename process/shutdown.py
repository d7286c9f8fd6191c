"""How the process ends: calls in flight go on, and with the last of them the open streams end.

uvicorn waits for every open stream and says nothing to the application until all are closed, so the application
looks at the server's own flag, as sse-starlette does.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sse_starlette.sse import AppStatus

from gateway.limits.capacity import Capacity

logger = logging.getLogger(__name__)
_TICK = 0.05


class Streams(Protocol):
    def end_streams(self) -> None: ...


@asynccontextmanager
async def streams_ended(streams: Sequence[Streams], capacity: Capacity, grace: float) -> AsyncIterator[None]:
    """Watch for the end while the application runs. Streams are ended a second before `grace` seconds at the latest."""
    is_ending = _server_flag()
    watch = asyncio.create_task(_end(is_ending, streams, capacity, grace)) if is_ending is not None else None
    try:
        yield
    finally:
        if watch is not None:
            watch.cancel()


async def _end(is_ending: Callable[[], bool], streams: Sequence[Streams], capacity: Capacity, grace: float) -> None:
    # From here on this process ends the streams, and not sse-starlette, which would cut calls in flight with them.
    AppStatus.enable_automatic_graceful_drain = False
    while not is_ending():
        await asyncio.sleep(_TICK)
    logger.info("draining", extra={"fields": {"in_flight": capacity.in_flight}})
    for each in streams:
        each.end_streams()
    last = asyncio.get_running_loop().time() + max(grace - 1, 0)
    while capacity.in_flight and asyncio.get_running_loop().time() < last:
        await asyncio.sleep(_TICK)
    AppStatus.should_exit = True


def _server_flag() -> Callable[[], bool] | None:
    """`should_exit` of the uvicorn server that runs us, found as the owner of the signal handler; None in tests."""
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return (lambda: bool(server.should_exit)) if hasattr(server, "should_exit") else None
