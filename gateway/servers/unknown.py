"""Where a call goes that names no tool of ours."""

from __future__ import annotations

from typing import NoReturn

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.errors import GatewayError


class Nowhere:
    """Stands for what was not found: its calls pass `chain`, which records and limits them like any other, and end in
    `reason`."""

    name = ""

    def __init__(self, chain: CallNext, reason: GatewayError) -> None:
        self._chain = chain
        self._reason = reason

    async def call(self, call: ToolCall) -> NoReturn:
        """Raises GatewayError: `reason`, or what kept the call from it."""
        call.execute = self._refuse
        await self._chain(call)
        raise self._reason

    async def _refuse(self, call: ToolCall) -> ToolResult:
        raise self._reason
