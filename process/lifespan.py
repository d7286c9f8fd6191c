"""The lifetimes of all parts of the application, as one lifespan."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

from features.feature import Lifetime
from process.shutdown import POLL_INTERVAL, running_server
from process.uvicorn_command import correct_uvicorn

logger = logging.getLogger(__name__)


def lifespan(
    lifetimes: Iterable[Lifetime], authenticated: bool
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Opens each part in turn, and closes them in the opposite order. A signal to end ends a start too."""

    @asynccontextmanager
    async def opened(app: Starlette) -> AsyncIterator[None]:
        correct_uvicorn(authenticated)
        async with AsyncExitStack() as stack:
            async with _cancelled_at_shutdown():
                for lifetime in lifetimes:
                    await stack.enter_async_context(lifetime())
            try:
                yield
            except BaseException:  # raised into the lifespan by one of its parts, and raised again
                _end_process()
                raise

    return opened


@asynccontextmanager
async def _cancelled_at_shutdown() -> AsyncIterator[None]:
    """Cancels the task that is in the block when the process is to end. uvicorn would wait for a start without end."""
    opening = asyncio.current_task()
    assert opening is not None

    async def watch() -> None:
        server = running_server()
        while server is not None:
            await asyncio.sleep(POLL_INTERVAL)
            if server.should_exit:
                opening.cancel()
                return

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def _end_process() -> None:
    """Ends a process whose application is gone: uvicorn would go on without it, and answer every request with 500."""
    server = running_server()
    if server is not None and not server.should_exit:
        logger.critical("the application ended while it was serving; the process ends")
        server.should_exit = True
