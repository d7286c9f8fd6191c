"""Refuses calls that the caller's scopes do not cover, before anything of the call runs."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.caller import caller
from gateway.errors import Forbidden


class Authorization:
    """The interceptor that enforces scopes when authentication is on."""

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        asking = caller.get()
        call.caller = asking.name
        asked = call.asked or call.tool
        # Without grants the call came in by a route that nothing authenticates: refused, not allowed.
        if asking.grants is None:
            raise Forbidden(call.server, asked, f"{call.server}:{asked}")
        tool: Any = call.tool if call.plan is None else call.plan.info
        # A call without a server matched no tool, so there is nothing to cover.
        refused = asking.refusal(call.server, tool, asked) if call.server else None
        if refused is not None:
            raise refused
        return call_next(call)
