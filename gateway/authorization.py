"""Refuses a call that its caller's scopes do not cover, before anything of it runs."""

from __future__ import annotations

from typing import cast

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.caller import caller
from gateway.errors import Forbidden
from gateway.server import ToolInfo


class Authorization:
    """Where authentication is on. A call without anybody's grants came by a way that nobody guards: refused too."""

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        asking = caller.get()
        call.caller = asking.name
        asked = call.asked or call.tool
        if asking.grants is None:
            raise Forbidden(call.server, asked, f"{call.server}:{asked}")
        tool = call.tool if call.plan is None else cast("ToolInfo", call.plan.info)
        refused = asking.refusal(call.server, tool, asked)
        if refused is not None:
            raise refused
        return await call_next(call)
