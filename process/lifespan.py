"""The lifetimes of all parts of the application, as one lifespan."""

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette

from features.feature import Lifetime

logger = logging.getLogger(__name__)


def lifespan(lifetimes: Iterable[Lifetime]) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Opens each part in turn, and closes them in the opposite order."""

    @asynccontextmanager
    async def opened(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for lifetime in lifetimes:
                await stack.enter_async_context(lifetime())
            try:
                yield
            except BaseException:  # raised into the lifespan by one of its parts, and raised again
                _end_process()
                raise

    return opened


def _end_process() -> None:
    """Ends a process whose application is gone: uvicorn would go on without it, and answer every request with 500."""
    # uvicorn hands its server to nobody, but the server's own method handles the signal.
    server: Any = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if not getattr(server, "should_exit", True):
        logger.critical("the application ended while it was serving; the process ends")
        server.should_exit = True
