"""A client that goes away cancels its call."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from gateway.first_step import resume

T = TypeVar("T")
PATIENCE = 0.1


async def while_connected(receive: Receive, call: Coroutine[Any, Any, T], patience: float = PATIENCE) -> T:
    """Await `call`, and cancel it when the client leaves. The watch begins after `patience` seconds: short calls do not
    pay for it.

    Raises:
        ClientDisconnect: the client left, and the call is cancelled.
    """
    try:
        awaited = call.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    watch = _Watch(receive, patience)
    try:
        return await resume(call, awaited)
    except asyncio.CancelledError as exc:
        if watch.client_left and watch.waiting.uncancel() == 0:
            raise ClientDisconnect from exc
        raise
    finally:
        watch.stop()


class _Watch:
    """Cancels the task that made it when the client leaves."""

    def __init__(self, receive: Receive, patience: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.waiting = task
        self.client_left = False
        self._receive = receive
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(patience, self._start)

    def stop(self) -> None:
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        self._task = asyncio.create_task(self._until_client_leaves())

    async def _until_client_leaves(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.client_left = True
        self.waiting.cancel()
