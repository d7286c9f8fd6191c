"""Refuses a call that its caller's scopes do not cover, before anything of it runs."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.caller import caller
from gateway.errors import Forbidden


class Authorization:
    """Where authentication is on. A call without anybody's grants came by a way that nobody guards: refused too.

    One of no server is `Nowhere`'s, which has nothing to cover.
    """

    def __call__(self, call: ToolCall, call_next: CallNext) -> Coroutine[Any, Any, ToolResult]:
        asking = caller.get()
        call.caller = asking.name
        asked = call.asked or call.tool
        if asking.grants is None:
            raise Forbidden(call.server, asked, f"{call.server}:{asked}")
        tool: Any = call.tool if call.plan is None else call.plan.info
        refused = asking.refusal(call.server, tool, asked) if call.server else None
        if refused is not None:
            raise refused
        return call_next(call)
