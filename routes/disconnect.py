"""A client that goes away cancels its call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import anyio
from starlette.requests import ClientDisconnect
from starlette.types import Receive

T = TypeVar("T")
PATIENCE = 0.1


async def while_connected(receive: Receive, call: Awaitable[T]) -> T:
    """Await `call`, and cancel it when the client leaves. The watch begins after 100 ms: short calls do not pay for it.

    Raises:
        ClientDisconnect: the client left, and the call is cancelled.
    """
    watch: asyncio.Task[None] | None = None

    async def leave() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    def start() -> None:
        nonlocal watch
        watch = asyncio.create_task(leave())

    with anyio.CancelScope() as scope:
        timer = asyncio.get_running_loop().call_later(PATIENCE, start)
        try:
            return await call
        finally:
            timer.cancel()
            if watch is not None:
                watch.cancel()
    raise ClientDisconnect
