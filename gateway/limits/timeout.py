"""Bounds the time of every call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.clock import Clock, TimeLimits
from gateway.errors import CallTimeout, ToolCrashed
from gateway.own_tasks import OwnTasks

logger = logging.getLogger(__name__)
CLEANUP = 0.1
"""Seconds that a cancelled tool has to clean up before its caller is answered."""


class Timeout:
    """Answers a call whose time is over with an error, and cancels its tool.

    What acts inside of this interceptor, such as the count of calls in flight, ends with the tool. That may take
    longer: a tool can ignore its cancellation.
    """

    def __init__(self, limits: TimeLimits) -> None:
        self._limits = limits
        self._tasks = OwnTasks()

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        if call.entry is not None and not call.entry.waits:
            return call_next(call)
        return self._bounded(call, call_next)

    async def _bounded(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        if call.entry is None or not call.entry.direct:  # any other tool can neither ask nor report
            call.clock = Clock(self._limits)
        # A timer costs more than a short call. Most calls finish in their first step and never need one.
        task, result = self._tasks.begin(call_next(call))
        if task is None:
            return result
        clock = call.clock or Clock(self._limits)
        try:
            while not task.done():
                left = clock.left()
                if left <= 0:
                    task.cancel()
                    await asyncio.wait((task,), timeout=CLEANUP)
                    raise CallTimeout(clock.limit)
                await asyncio.wait((task,), timeout=left)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.cancelled():
            logger.error("Tool %r cancelled its own call", call.tool)
            raise ToolCrashed
        return task.result()
