"""Cancels the call of a client that disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from gateway.clock import Deadlines
from gateway.first_step import resume

T = TypeVar("T")
WATCH_DELAY = 0.1
"""Seconds before the watch begins; shorter calls do not pay for it."""


def watches() -> Deadlines:
    """Returns the beginnings of the watches of many calls, which share a timer."""
    return Deadlines(WATCH_DELAY)


async def while_connected(receive: Receive, call: Coroutine[Any, Any, T], watches: Deadlines | None = None) -> T:
    """Awaits `call`, and cancels it when the client disconnects. Without `watches` the watch begins at once.

    Raises:
        ClientDisconnect: the client disconnected, and the call is cancelled.
    """
    try:
        awaited = call.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    watch = _Watch(receive, watches or Deadlines(0))
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

    def __init__(self, receive: Receive, watches: Deadlines) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.waiting = task
        self.disconnected = False
        self._receive = receive
        self._task: asyncio.Task[None] | None = None
        self._context = copy_context()
        self._watches = watches
        watches.add(self)

    def stop(self) -> None:
        self._watches.remove(self)
        if self._task is not None:
            self._task.cancel()

    def ring(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._until_disconnect(), context=self._context)

    async def _until_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        self.waiting.cancel()
