"""A server of this process: an `MCPServer` from a user's file, served natively and called directly."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.subscriptions import ServerEvent
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from starlette.types import ASGIApp

from gateway.call import Interceptor, ToolCall, ToolResult, chain
from gateway.caller import caller
from gateway.errors import InvalidRequest, ToolCrashed, Unavailable, UnknownTool
from gateway.in_flight import InFlight
from gateway.local.answer import Answer
from gateway.local.boundary import Boundary
from gateway.local.context_calls import ContextCalls, waiting_places
from gateway.local.crashes import crashed, refusal
from gateway.local.native_calls import NativeCalls
from gateway.local.plan import Plan
from gateway.local.requests import Requests
from gateway.local.threads import Threads
from gateway.local.tools import Tools
from gateway.sdk import internals, wire
from gateway.sdk.native import Access, refuse_unsendable
from gateway.sdk.openings import bound_listen
from gateway.sdk.sessions import Limits, openings_at, session_manager
from gateway.sdk.tool_list import ToolList, WireTools
from gateway.sdk.tracing import trace_once
from gateway.server import Callee
from gateway.tool import ToolInfo

logger = logging.getLogger(__name__)


class LocalServer:
    """Serves `mcp` under `name`. Every call, from every way in, passes `interceptors`.

    `changed` is called whenever a tool comes or goes.
    """

    status: Mapping[str, Any] = MappingProxyType({"status": "ok"})

    def __init__(
        self,
        name: str,
        mcp: MCPServer[Any],
        interceptors: Sequence[Interceptor],
        limits: Limits,
        *,
        access: Access | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._mcp = mcp
        self._changed = changed
        self._wire_tools = WireTools()
        threads = Threads(limits.threads, limits.share)
        self._has_author_hooks = internals.has_author_hooks(mcp)
        self._tools = Tools(mcp, threads, limits.max_result, self._tools_changed, has_hooks=self._has_author_hooks)
        self.find = self._tools.find
        self._server = internals.low_level(mcp)
        has_own_tool_list = internals.has_own_tool_list(mcp)
        self._context_calls = ContextCalls(self._server, waiting_places(limits), limits.input_timeout)
        openings = openings_at(name, lambda who: who.uses(self), limits)
        self._end_listening = bound_listen(self._server, openings)
        self._manager = session_manager(self._server, limits, openings)
        self._in_flight = InFlight()
        self._is_closed = False
        self.call = chain(interceptors, self._execute)
        self.app: ASGIApp = StreamableHTTPASGIApp(self._manager)
        if access is not None:
            self.app = access.endpoint(self.app, self._exact, "mcp")
        internals.insert_middleware(
            mcp,
            refuse_unsendable,
            *([] if has_own_tool_list else [ToolList(self._server, self._list_tools)]),
            *([] if access is None else [access.middleware(name)]),
            NativeCalls(self._tools, Requests(name, mcp, threads), self._server, interceptors, self._in_flight),
            Boundary(self._server, limits.max_result, self._has_author_hooks),
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Enters the user's lifespan once, and runs the sessions and the calls that outlive their request."""
        trace_once(self._mcp.middleware)
        async with self._server.lifespan(self._server) as self._lifespan_state:
            internals.enter_once(self._server, self._lifespan_state)
            await self._list_own_tools()
            try:
                async with self._manager.run(), self._context_calls.opened(self._lifespan_state):
                    yield
            finally:
                self._is_closed = True

    def tools(self) -> Sequence[ToolInfo]:
        return self._tools.listed()

    async def drained(self) -> None:
        await self._in_flight.drained()

    @property
    def sessions(self) -> int:
        return self._manager.open_sessions

    def end_streams(self) -> None:
        self._end_listening()
        self._manager.end_streams()

    def handles(self, method: str) -> bool:
        return self._server.get_request_handler(method) is not None

    async def forward(
        self, ctx: ServerRequestContext[Any, Any], method: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        own = replace(ctx, method=method, params=dict(params), lifespan_context=self._lifespan_state)
        return await wire.answer(self._server, own)

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        return internals.bus(self._mcp).subscribe(listener)

    async def _list_tools(self, ctx: ServerRequestContext[Any, Any]) -> Sequence[Mapping[str, Any]]:
        return await self._wire_tools.convert(caller.get().sees(self), ctx.protocol_version)

    async def _list_own_tools(self) -> None:
        """Takes over what an overridden `list_tools` lists, once: JSON shows the same tools as native MCP."""
        try:
            own = await internals.own_tools(self._mcp)
        except Exception as exc:  # a list that needs a client's request, or a backend that is away
            logger.warning(
                "server %r: its own `list_tools` failed, so JSON lacks the tools of it alone", self.name, exc_info=exc
            )
            return
        if own is not None:
            self._tools.list_instead(own)

    def _tools_changed(self) -> None:
        self._wire_tools = WireTools()
        self._changed()

    def _exact(self, tool: str) -> tuple[Callee, str]:
        return self, tool

    async def _execute(self, call: ToolCall) -> ToolResult:
        plan = call.entry
        if plan is None:
            known = [tool["name"] for tool in call.caller.sees(self)]
            raise UnknownTool(call.tool, known, self.name)
        if self._is_closed:  # the call waited in an interceptor while the server was removed
            raise Unavailable(f"Server {self.name!r} is closed.")
        assert isinstance(plan, Plan)
        self._in_flight.count += 1
        try:
            if plan.direct and not self._has_author_hooks and call.state is None and call.answers is None:
                return await plan.call(call)
            return await self._call_with_context(call, plan.answer)
        finally:
            self._in_flight.leave()

    async def _call_with_context(self, call: ToolCall, answer: Answer) -> ToolResult:
        """Calls through the SDK's machinery, and takes apart again what it turned into text."""
        try:
            result, begun = await self._context_calls.call(call)
        except MCPError as exc:
            if exc.error.data == {"reason": "invalid_request_state"}:
                raise InvalidRequest("This `requestState` is not of this call, or has expired.") from exc
            return ToolResult(is_error=True, message=exc.error.message, outcome="tool-error")
        except ValidationError as exc:  # the SDK alone reads `inputResponses`
            raise InvalidRequest("`inputResponses` do not answer what was asked.") from exc
        if result.get("isError"):
            return _error(answer.of_wire(result), begun)
        try:
            answered = answer.of_sent(begun.returned, result)
        except BaseException as exc:  # a serializer of the tool's author may raise anything
            raise crashed(call.tool, exc) from exc
        if call.wants_wire:
            answered.wire = wire.encode_success(wire.strip_server_stamp(self._server, result))
        return answered


def _error(result: ToolResult, call: ToolCall) -> ToolResult:
    prefix = f"Error executing tool {call.tool}"
    refused = refusal(call.failure) or (ToolCrashed() if result.message == prefix else None)
    if refused is not None:
        raise refused
    result.message = result.message.removeprefix(prefix + ": ")
    return result
