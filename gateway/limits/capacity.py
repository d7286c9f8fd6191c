"""Bounds the number of calls in flight, over all servers and transports."""

from __future__ import annotations

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import Unavailable


class Capacity:
    """Refuses a call while `limit` calls are in flight. Calls never queue."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.in_flight = 0

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        if self.in_flight >= self._limit:
            raise Unavailable(f"Too many calls in flight: the limit is {self._limit}.")
        self.in_flight += 1
        try:
            return await call_next(call)
        finally:
            self.in_flight -= 1
