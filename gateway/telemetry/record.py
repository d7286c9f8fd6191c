"""The record of every call: its outcome, its duration and its result."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import GatewayError

Write = Callable[[ToolCall, str, float, ToolResult | None], None]
"""Takes a completed call: its outcome (a word), its duration in seconds, its result if it has one."""


class Record:
    """An interceptor that hands each call to `write`, once, when it has completed, failed or been cancelled."""

    def __init__(self, write: Write, clock: Callable[[], float] = time.perf_counter) -> None:
        self._write = write
        self._clock = clock

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        started = self._clock()
        outcome = "cancelled"
        result = None
        try:
            result = await call_next(call)
            outcome = result.outcome
            return result
        except GatewayError as exc:
            outcome = exc.slug
            raise
        except Exception:  # any other error is recorded too, and raised again
            outcome = "failed"
            raise
        finally:
            self._write(call, outcome, self._clock() - started, result)
