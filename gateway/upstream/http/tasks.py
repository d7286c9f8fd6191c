"""Tasks beside the requests of a link, which end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

MAX_TASKS = 1000


class Tasks:
    """Starts tasks and keeps them until they end. What they raise is for those who wait for them."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def start_if_possible(self, work: Coroutine[Any, Any, Any]) -> None:
        """Starts a task that may be left out: it is if `MAX_TASKS` run."""
        if len(self._running) < MAX_TASKS:
            self.start(work)
        else:
            work.close()

    async def settle(self, seconds: float) -> None:
        """Waits for those that run now, for so long at most."""
        if self._running:
            await asyncio.wait(tuple(self._running), timeout=seconds)

    async def finish(self, seconds: float) -> None:
        """Lets the tasks end by themselves for a while, and cancels those that do not."""
        if self._running and seconds:
            await asyncio.wait(self._running, timeout=seconds)
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen, which asyncio would log otherwise
