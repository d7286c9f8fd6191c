"""One structured line for every call: what was called, how it came in, what came of it, how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import GatewayError

_LONGEST = 128


class Record:
    """Hands the fields of each call to `write`: names as the client gave them, cut to 128 characters; `ms` is the
    time in milliseconds; arguments and results only if `with_arguments`."""

    def __init__(
        self,
        write: Callable[[Mapping[str, Any]], None],
        with_arguments: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._write = write
        self._with_arguments = with_arguments
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
        except Exception:
            outcome = "failed"
            raise
        finally:
            self._write(self._fields(call, result, outcome, self._clock() - started))

    def _fields(self, call: ToolCall, result: ToolResult | None, outcome: str, seconds: float) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "request_id": call.request_id,
            "server": call.server,
            "tool": call.tool[:_LONGEST],
            "via": call.via,
            "caller": call.caller,
            "outcome": outcome,
            "ms": round(seconds * 1000, 3),
        }
        if self._with_arguments:
            fields["arguments"] = call.arguments
            fields["result"] = result and (result.native or result.body)
        return fields
