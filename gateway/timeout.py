"""Bounds the time of every call."""

from __future__ import annotations

import anyio

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import CallTimeout


class Timeout:
    """Cancels a call after `seconds`. A sync function is abandoned in its thread, where it keeps its place."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        with anyio.move_on_after(self._seconds):
            return await call_next(call)
        raise CallTimeout(self._seconds)
