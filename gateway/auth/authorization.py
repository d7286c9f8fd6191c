"""Refuses calls that the caller's scopes do not cover, before anything of the call runs."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import Forbidden

LISTS = frozenset({"tools/list", "prompts/list", "resources/list", "resources/templates/list"})
"""The lists that a server's author answers. The native endpoint leaves out of them what the caller may not use."""


class Authorization:
    """The interceptor that enforces scopes when authentication is on."""

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        # Without grants the call came in by a route that nothing authenticates: refused, not allowed.
        if call.caller.grants is None:
            raise Forbidden(call.server, call.requested, f"{call.server}:{call.requested}")
        if call.method in LISTS:
            return call_next(call)
        tool = call.tool if call.entry is None else call.entry.info
        # A call without a server matched no tool, so there is nothing to cover.
        refused = call.caller.refusal(call.server, tool, call.requested) if call.server else None
        if refused is not None:
            raise refused
        return call_next(call)
