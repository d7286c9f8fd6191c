"""Refuses calls with an idempotency key where nothing can make sure that they run once."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import InvalidRequest


class NoIdempotency:
    """`reason` says why there are no keys here. Without this interceptor, a call with a key could run twice."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        if call.idempotency_key is not None:
            raise InvalidRequest(f"Idempotency keys are off: {self._reason}.")
        return call_next(call)
