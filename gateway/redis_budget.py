"""The time that one call may wait for Redis, over all its requests: half a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

from gateway.call import CallNext, ToolCall, ToolResult

T = TypeVar("T")
SECONDS = 0.5
TICKS = 90
_TICK = 0.005
"""Seconds. The loop rounds its timers up to whole milliseconds, so 90 ticks take about half a second."""


class Budget:
    """Counts in ticks, `ticks` of which are left.

    The event loop runs at most one tick in each turn. So time in which it is blocked or busy hardly counts, and a busy
    process does not report Redis as down, where a single timer would expire.
    """

    __slots__ = ("ticks",)

    def __init__(self) -> None:
        self.ticks = TICKS

    async def spend(self, request: Callable[[], Awaitable[T]], may_end: Callable[[], bool]) -> T:
        """Returns the response to `request`. Raises TimeoutError when the budget is spent and the wait `may_end`."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle

        def tick() -> None:
            nonlocal timer
            self.ticks -= 1
            if self.ticks > 0 or not may_end():
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
