"""The callee of a call whose server or tool is unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from gateway.call import Interceptor, ToolCall, ToolResult, chain
from gateway.errors import GatewayError
from gateway.tool import Entry, ToolInfo


class UnknownTarget:
    """Takes its calls through the interceptors, so that misses are logged and limited too, and raises `reason`."""

    name = ""

    def __init__(self, interceptors: Sequence[Interceptor], reason: GatewayError) -> None:
        self._interceptors = interceptors
        self._reason = reason

    def tools(self) -> Sequence[ToolInfo]:
        return ()

    def find(self, tool: str) -> Entry | None:
        return None

    async def call(self, call: ToolCall) -> NoReturn:
        """Raises GatewayError: `reason`, or the refusal of an interceptor."""
        await chain(self._interceptors, self._refuse)(call)
        raise self._reason

    async def _refuse(self, call: ToolCall) -> ToolResult:
        raise self._reason
