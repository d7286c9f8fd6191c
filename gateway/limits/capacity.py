"""Bounds the number of calls in flight, over all servers and transports."""

from __future__ import annotations

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.places import Places, part


class Capacity:
    """Refuses a call while `limit` calls are in flight, or `share` of them are the caller's. Calls never queue."""

    def __init__(self, limit: int, share: float = 1.0) -> None:
        self._places = Places(limit, part(limit, share), "calls in flight")

    @property
    def in_flight(self) -> int:
        return self._places.taken

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        who = call.caller
        self._places.take(who)
        try:
            return await call_next(call)
        finally:
            self._places.give_back(who)
