"""Bounds the time of every call."""

from __future__ import annotations

import asyncio

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import CallTimeout
from gateway.first_step import resume


class Timeout:
    """Cancels a call after `seconds`. A sync function is abandoned in its thread, where it keeps its place."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        execution = call_next(call)
        try:
            awaited = execution.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        try:
            async with asyncio.timeout(self._seconds) as timeout:
                return await resume(execution, awaited)
        except TimeoutError as exc:
            if not timeout.expired():
                raise
            raise CallTimeout(self._seconds) from exc
