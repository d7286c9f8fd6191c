"""The SDK's server of sessions that outlive the code beneath them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.server import Server as LowLevelServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import HandlerEntry
from mcp.server.runner import ServerRunner

from gateway.local.server import LocalServer
from gateway.sdk.internals import connection_of, request_channel

Context = ServerRequestContext[Any, Any]


class Dispatch(LowLevelServer[Any]):
    """Has no handlers: each message is answered by the server that is the present one when it comes.

    `note` takes each request that was answered.
    """

    def __init__(self, name: str, present: Callable[[], LocalServer], note: Callable[[Context], None]) -> None:
        self._present = present
        self._note = note
        super().__init__(name)
        self.middleware[:] = [self._answer]

    async def _answer(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        """Takes a message through all that the SDK does for it at the present server: also its own middleware."""
        present = self._present()
        runner = ServerRunner(present.low_level, connection_of(ctx), present.lifespan_state)
        if ctx.request_id is None:
            await runner.on_notify(request_channel(ctx), ctx.method, ctx.params)
            return None
        result = await runner.on_request(request_channel(ctx), ctx.method, ctx.params)
        self._note(ctx)
        return result

    def get_request_handler(self, method: str) -> HandlerEntry[Any] | None:
        return self._present().low_level.get_request_handler(method)

    @property
    def get_tool_input_schema(self) -> Any:
        """The look-up of the present server, by which the SDK checks the headers of a call."""
        return self._present().low_level.get_tool_input_schema

    @get_tool_input_schema.setter
    def get_tool_input_schema(self, value: Any) -> None:
        """Ignores the default that the base class sets."""
