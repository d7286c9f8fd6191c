"""The steps of one call: when each interceptor began with it, its tool, and what the tool waited for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gateway.call import CallNext, Interceptor, ToolCall, ToolResult, parts_of

MAX_STEPS = 64
TOOL, BACK = "tool", "back"

NAMES = {
    "Tracing": "trace",
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
    """Notes when each step begins, in seconds since the call. A step lasts until the next one."""

    def __init__(self, clock: Callable[[], float], started: float) -> None:
        self.noted: list[tuple[str, float]] = []
        self._clock = clock
        self._started = started

    def begin(self, name: str) -> None:
        if len(self.noted) < MAX_STEPS:
            self.noted.append((name, self._clock() - self._started))

    def around(self, call_next: CallNext) -> CallNext:
        """Returns a handler that does the same as `call_next`, a chain of interceptors, and notes its steps."""
        interceptors, handler = parts_of(call_next)
        noting: CallNext = partial(self._run, handler)
        for each in reversed(interceptors):
            name = NAMES.get(type(each).__name__, type(each).__name__)
            noting = partial(self._enter if name else _pass, name, each, noting)
        return noting

    def _enter(self, name: str, interceptor: Interceptor, call_next: CallNext, call: ToolCall) -> Any:
        self.begin(name)
        return interceptor(call, call_next)

    async def _run(self, handler: CallNext, call: ToolCall) -> ToolResult:
        self.begin(TOOL)
        try:
            return await handler(call)
        finally:
            self.begin(BACK)


def _pass(name: str, interceptor: Interceptor, call_next: CallNext, call: ToolCall) -> Any:
    return interceptor(call, call_next)
