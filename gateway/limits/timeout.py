"""Bounds the time of every call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.cancellation import was_requested
from gateway.clock import Clock, Deadlines, TimeLimits
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
        self._deadlines = Deadlines(limits.silence)
        self._tasks = OwnTasks()

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        if call.entry is not None and not call.entry.waits:
            return call_next(call)
        if call.entry is not None and call.entry.stops:
            return self._in_this_task(call, call_next)
        return self._bounded(call, call_next)

    async def _in_this_task(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        clock = call.clock = Clock(self._limits)
        alarm = _Alarm(clock, self._deadlines)
        try:
            return await call_next(call)
        except asyncio.CancelledError as exc:
            if alarm.rang and alarm.stop() == 0:
                raise CallTimeout(clock.limit) from exc
            if not was_requested(exc):
                raise _cancelled_itself(call) from exc
            raise
        finally:
            alarm.stop()

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
            raise _cancelled_itself(call)
        return task.result()


class _Alarm:
    """Cancels the task that makes it when the time of a clock is over. `rang` is True from then until `stop`."""

    __slots__ = ("_clock", "_deadlines", "_task", "_timer", "rang")

    def __init__(self, clock: Clock, deadlines: Deadlines) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.rang = False
        self._task = task
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._deadlines = deadlines
        deadlines.add(self)

    def stop(self) -> int:
        """Takes its cancellation back. Returns how many others have cancelled the task."""
        self._deadlines.remove(self)
        if self._timer is not None:
            self._timer.cancel()
        if self.rang:
            self.rang = False
            self._task.uncancel()
        return self._task.cancelling()

    def ring(self) -> None:
        left = self._clock.left()
        if left > 0:  # it was prolonged
            self._timer = asyncio.get_running_loop().call_later(left, self.ring)
        else:
            self.rang = True
            self._task.cancel()


def _cancelled_itself(call: ToolCall) -> ToolCrashed:
    logger.error("Tool %r cancelled its own call", call.tool)
    return ToolCrashed()
