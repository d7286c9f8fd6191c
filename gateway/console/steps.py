"""The steps of one call: when each interceptor began with it, its tool, and what the tool waited for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gateway.call import CallNext, Interceptor, ToolCall, ToolResult, parts_of
from gateway.spans import TOOL_STEP, noting

MAX_STEPS = 64
BACK = "answer on its way back"

NAMES = {
    "Tracing": "tracing",
    "Metrics": "metrics",
    "Authorization": "access",
    "RedisBudget": "Redis budget",
    "RateLimit": "rate limit",
    "VersionCalls": "version",
    "NoIdempotency": "idempotency",
    "Idempotency": "idempotency",
    "Timeout": "time limit",
    "Capacity": "place among all calls",
    "Cache": "cache",
    "NoteTrace": "",
}
"""The names under which interceptors are shown, by their class. One without a name is no step of its own."""


class Steps:
    """Notes when each step begins, in seconds since the call. A step lasts until the next one.

    `noted` has names and times in turn: one list of plain values gives the garbage collector least to follow.
    """

    __slots__ = ("_clock", "_is_over", "_started", "noted")

    def __init__(self, clock: Callable[[], float], started: float) -> None:
        self.noted: list[str | float] = []
        self._clock = clock
        self._started = started
        self._is_over = False

    def begin(self, name: str) -> None:
        if not self._is_over and len(self.noted) < 2 * MAX_STEPS:
            self.noted += name, self._clock() - self._started

    def around(self, call_next: CallNext) -> CallNext:
        """Returns a handler that does the same as `call_next`, a chain of interceptors, and notes its steps."""
        interceptors, handler = parts_of(call_next)
        noted: CallNext = partial(self._run, handler)
        for each in reversed(interceptors):
            name = NAMES.get(type(each).__name__, type(each).__name__)
            noted = partial(self._enter, name, each, noted) if name else partial(each, call_next=noted)
        return noted

    def _enter(self, name: str, interceptor: Interceptor, call_next: CallNext, call: ToolCall) -> Any:
        self.begin(name)
        return interceptor(call, call_next)

    async def _run(self, handler: CallNext, call: ToolCall) -> ToolResult:
        self.begin(TOOL_STEP)
        noting.set(self.begin)
        try:
            return await handler(call)
        finally:
            noting.set(None)
            self.begin(BACK)
            self._is_over = True  # a tool that asks goes on after its call
