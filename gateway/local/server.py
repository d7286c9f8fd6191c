"""A server of this process: an `MCPServer` from a user's file, served natively and called directly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from starlette.types import ASGIApp

from gateway.call import CallNext, ToolCall, ToolResult, endpoint, request_id
from gateway.caller import caller
from gateway.errors import InvalidRequest, ToolCrashed, UnknownTool
from gateway.local.answer import Answer
from gateway.local.context_calls import Exchanges
from gateway.local.crashes import refusal
from gateway.local.native_calls import Access, NativeCalls
from gateway.local.plan import Plan
from gateway.local.tools import Tools
from gateway.sdk import internals as sdk
from gateway.sdk import wire as envelope
from gateway.sdk.sessions import Limits, session_manager
from gateway.server import Status, ToolInfo


class LocalServer:
    """Serves `mcp` under `name`. Every call, whatever way it came in, passes `chain`."""

    def __init__(
        self, name: str, mcp: MCPServer[Any], chain: CallNext, limits: Limits, access: Access | None = None
    ) -> None:
        self.name = name
        self._mcp = mcp
        self._chain = chain
        self._tools = Tools(mcp, limits.threads)
        self._server = sdk.low_level(mcp)
        self._watched = sdk.is_watched(mcp)
        self._exchanges = Exchanges(self._server, limits.waiting_calls, limits.input_timeout)
        self._manager = session_manager(self._server, limits)
        self.mcp: ASGIApp = StreamableHTTPASGIApp(self._manager)
        sdk.insert_middleware(mcp, NativeCalls(name, chain, self._tools, self._server))
        if access is not None:
            sdk.insert_middleware(mcp, access.middleware(name))
            self.mcp = access.endpoint(self.mcp, self.admit)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Enter the user's lifespan once, and run the sessions and the calls that outlive their request."""
        sdk.trace_once(self._mcp.middleware)
        async with self._server.lifespan(self._server) as self.lifespan_state:
            sdk.enter_once(self._server, self.lifespan_state)
            async with self._manager.run(), self._exchanges.opened(self.lifespan_state):
                yield

    def tools(self) -> Sequence[ToolInfo]:
        return self._tools.listed()

    def status(self) -> Status:
        return {"tools": len(self.tools()), "sessions": self._manager.open_sessions}

    def end_streams(self) -> None:
        sdk.end_listen_streams(self._server)
        self._manager.end_streams()

    def handles(self, method: str) -> bool:
        return self._server.get_request_handler(method) is not None

    async def forward(self, ctx: Any, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        own = replace(ctx, method=method, params=params, lifespan_context=self.lifespan_state)
        return await sdk.answer(self._server, own)

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        return sdk.bus(self._mcp).subscribe(listener)

    def call(self, call: ToolCall) -> Coroutine[Any, Any, ToolResult]:
        exact = self._tools.resolve(call.tool)
        if exact != call.tool:
            call.asked, call.tool = call.tool, exact
        call.plan = plan = self._tools.plan(call.tool)
        call.execute = self._unknown if plan is None else partial(self._execute, plan)
        return self._chain(call)

    async def admit(self, tool: str, arguments: dict[str, Any]) -> None:
        plan = self._tools.plan(tool)
        if caller.get().refusal(self.name, tool if plan is None else plan.info, tool) is None:
            return
        call = ToolCall(self.name, tool, arguments, endpoint.get(), request_id.get())
        call.plan, call.execute = plan, self._unknown
        await self._chain(call)

    async def _unknown(self, call: ToolCall) -> ToolResult:
        raise UnknownTool(call.tool, [tool["name"] for tool in caller.get().sees(self)], self.name)

    async def _execute(self, plan: Plan, call: ToolCall) -> ToolResult:
        if plan.direct and not self._watched and call.state is None and call.answers is None:
            return await plan.call(call)
        return await self._exchanged(call, plan.answer)

    async def _exchanged(self, call: ToolCall, answer: Answer) -> ToolResult:
        """Through the SDK's machinery: what it turned into text is taken apart again."""
        try:
            result, begun = await self._exchanges.call(call)
        except MCPError as exc:
            if exc.error.data == {"reason": "invalid_request_state"}:
                raise InvalidRequest("This `requestState` is not of this call, or has expired.") from exc
            return ToolResult(is_error=True, message=exc.error.message, outcome="tool-error")
        except ValidationError as exc:  # of all that is in the call, the SDK alone looks into this
            raise InvalidRequest("`inputResponses` are no answers to what was asked.") from exc
        if result.get("isError"):
            return _error(answer.of_wire(result), begun)
        answered = answer.of_sent(begun.value, result)
        if call.whole:
            answered.wire = envelope.sealed(envelope.taken_off(self._server, result))
        return answered


def _error(result: ToolResult, call: ToolCall) -> ToolResult:
    prefix = f"Error executing tool {call.tool}"
    refused = refusal(call.failure) or (ToolCrashed() if result.message == prefix else None)
    if refused is not None:
        raise refused
    result.message = result.message.removeprefix(prefix + ": ")
    return result
