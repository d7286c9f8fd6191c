"""The time that one call may wait for Redis, over all its requests: half a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

from gateway.call import CallNext, ToolCall, ToolResult

T = TypeVar("T")
SECONDS = 0.5
TICKS = 25
_TICK = SECONDS / TICKS


class Budget:
    """Counts in ticks of 20 ms of the event loop's time.

    Time in which the loop was blocked does not count, so a busy process does not report Redis as down: a blocked loop
    runs one tick late, however long the block, where a single timer would expire.
    """

    __slots__ = ("_ticks",)

    def __init__(self) -> None:
        self._ticks = TICKS

    @property
    def is_spent(self) -> bool:
        return self._ticks <= 0

    async def spend(self, request: Callable[[], Awaitable[T]]) -> T:
        """Returns the response to `request`. Raises TimeoutError when the budget is spent."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def tick() -> None:
            nonlocal timer
            self._ticks -= 1
            if self._ticks > 0:
                timer = loop.call_later(_TICK, tick)
            else:
                timeout.reschedule(loop.time())

        async with asyncio.timeout(None) as timeout:
            timer = loop.call_later(_TICK, tick)
            try:
                return await request()
            finally:
                timer.cancel()


budget: ContextVar[Budget | None] = ContextVar("budget", default=None)
"""The budget of the current call. A request of no call has one of its own."""


class RedisBudget:
    """The interceptor that gives each call its budget. It stands outside of every part that asks Redis."""

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        budget.set(Budget())
        return call_next(call)
