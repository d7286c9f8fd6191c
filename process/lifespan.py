"""The lifetimes of all parts of the application, as one lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from starlette.applications import Starlette

from features.feature import Lifetime
from process.uvicorn_command import correct_uvicorn


def lifespan(
    lifetimes: Iterable[Lifetime], authenticated: bool
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Opens each part in turn, and closes them in the opposite order."""

    @asynccontextmanager
    async def opened(app: Starlette) -> AsyncIterator[None]:
        correct_uvicorn(authenticated)
        async with AsyncExitStack() as stack:
            for lifetime in lifetimes:
                await stack.enter_async_context(lifetime())
            yield

    return opened
