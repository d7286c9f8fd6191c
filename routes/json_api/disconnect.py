"""Cancels the call of a client that disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from gateway.first_step import resume

T = TypeVar("T")
WATCH_DELAY = 0.1
"""Seconds before the watch begins; shorter calls do not pay for it."""


async def while_connected(receive: Receive, call: Coroutine[Any, Any, T], delay: float = WATCH_DELAY) -> T:
    """Awaits `call`, and cancels it when the client disconnects.

    Raises:
        ClientDisconnect: the client disconnected, and the call is cancelled.
    """
    try:
        awaited = call.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    watch = _Watch(receive, delay)
    try:
        return await resume(call, awaited)
    except asyncio.CancelledError as exc:
        if watch.disconnected and watch.waiting.uncancel() == 0:
            raise ClientDisconnect from exc
        raise
    finally:
        watch.stop()


class _Watch:
    """Cancels the task that made it when the client disconnects."""

    def __init__(self, receive: Receive, delay: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.waiting = task
        self.disconnected = False
        self._receive = receive
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(delay, self._start)

    def stop(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        self._task = asyncio.create_task(self._until_disconnect())

    async def _until_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        self.waiting.cancel()
