"""Bounds the time of every call."""

from __future__ import annotations

import asyncio

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import CallTimeout
from gateway.first_step import resume


class Timeout:
    """Cancels a call after `seconds`. A sync function goes on in its thread and keeps its place in the thread limit."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        # A timer costs more than a short call. Most calls finish in their first step and never need one.
        execution = call_next(call)
        try:
            awaited = execution.send(None)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        try:
            async with asyncio.timeout(self._seconds) as timeout:
                return await resume(execution, awaited)
        except TimeoutError as exc:
            # The tool may raise TimeoutError itself; only our own timer makes it a CallTimeout.
            if not timeout.expired():
                raise
            raise CallTimeout(self._seconds) from exc
