"""The step that each call of a tool with versions takes: no retired version runs, and one that fails is noticed."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import GatewayError
from gateway.tool import Versions
from gateway.versions.choice import bound
from gateway.versions.routing import Routing

_NATIVE = ("mcp", "aggregate")


class VersionCalls:
    """The interceptor. A call that asks for a version which there is not ends here, when authorization let it pass."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        if call.refusal is not None:
            raise call.refusal
        versions = call.entry.versions if call.entry is not None else None
        return call_next(call) if versions is None else self._call(call, call_next, versions)

    async def _call(self, call: ToolCall, call_next: CallNext, versions: Versions) -> ToolResult:
        assert call.entry is not None
        version = call.entry.version
        versions.check(version)
        try:
            result = await call_next(call)
        except GatewayError as exc:
            if exc.slug in versions.failures:
                self._routing.note(call.server, call.tool, version, failed=True)
            raise
        self._routing.note(call.server, call.tool, version, failed=result.outcome in versions.failures)
        return result if result.asks is None or call.via in _NATIVE else _bound(result, call)


def _bound(result: ToolResult, call: ToolCall) -> ToolResult:
    """Returns what a tool asks in JSON with a state that goes on with its version. The id of a task stays as it is."""
    asks = result.asks or {}
    if asks.get("resultType") == "task" or call.entry is None:
        return result
    return replace(result, asks={**asks, "requestState": bound(call.entry, asks.get("requestState"))})
