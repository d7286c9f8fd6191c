"""A server of this process: an `MCPServer` from a user's file, served natively and called directly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.subscriptions import ServerEvent
from mcp.shared.subscriptions import ToolsListChanged
from starlette.types import ASGIApp

from gateway.call import Interceptor, ToolCall, ToolResult, chain
from gateway.caller import caller
from gateway.errors import Unavailable, UnknownTool
from gateway.in_flight import InFlight
from gateway.local.boundary import Boundary
from gateway.local.context_calls import ContextCalls
from gateway.local.makes.own_list import OwnList
from gateway.local.makes.served import inside
from gateway.local.native_calls import NativeCalls, unless_json
from gateway.local.plan import Plan
from gateway.local.requests import Requests
from gateway.local.threads import Threads
from gateway.local.tools import Tools
from gateway.sdk import internals, wire
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.asking.waiting import waiting_calls
from gateway.sdk.changes.changes import Changes
from gateway.sdk.changes.exchange import Alone, Exchange
from gateway.sdk.native import Access, refuse_unsendable
from gateway.sdk.openings import bound_listen
from gateway.sdk.request_state import share_state_keys
from gateway.sdk.sessions import Limits, openings_at, session_manager
from gateway.sdk.tool_list import Listed, ToolList, WireTools
from gateway.sdk.tracing import trace_once
from gateway.tool import ToolInfo
from gateway.versions.families import Families
from gateway.versions.routing import Routing


class LocalServer:
    """Serves `mcp` under `name`. Every call, from every way in, passes `interceptors`.

    `changed` is called whenever a tool comes or goes. Without `routing`, no tool has versions.
    """

    def __init__(
        self,
        name: str,
        mcp: MCPServer[Any],
        interceptors: Sequence[Interceptor],
        limits: Limits,
        *,
        access: Access | None = None,
        changed: Callable[[], None] = lambda: None,
        states: WaitingStates | None = None,
        routing: Routing | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self.name, self._mcp = name, mcp
        self._states, self._changed, self._wire_tools = states or WaitingStates(), changed, WireTools()
        threads = Threads(limits.threads, limits.share)
        self._has_author_hooks = internals.has_author_hooks(mcp)
        self.status: Mapping[str, Any] = {"status": "ok"}
        options: Any = {"has_hooks": self._has_author_hooks, "versions": routing and Families(name, routing)}
        self._tools = Tools(mcp, threads, limits.max_result, self._tools_changed, **options)
        self.find, self._own_list = self._tools.find, OwnList(name, mcp, self._tools)
        self._server = server = internals.low_level(mcp)
        self._waiting = waiting_calls(limits, self._states)
        self._context_calls = ContextCalls(self._server, self._waiting, self._states)
        share_state_keys(mcp, self._states.keys, name)
        openings = openings_at(name, lambda who: who.uses(self), limits)
        self._listen, self._manager = bound_listen(server, openings), session_manager(server, limits, openings)
        self._changes = Changes(name, internals.bus(mcp), exchange or Alone(), self._listen.watched)
        if routing is not None:
            self.status = routing.begin(name, self._version_stopped)
        self._in_flight, self._is_closed, self.call = InFlight(), False, chain(interceptors, self._execute)
        self.app: ASGIApp = StreamableHTTPASGIApp(self._manager)
        if access is not None:
            self.app = access.endpoint(self.app, lambda tool: (self, tool), "mcp")
        self._insert_middleware(threads, interceptors, limits, access)

    def _insert_middleware(
        self, threads: Threads, interceptors: Sequence[Interceptor], limits: Limits, access: Access | None
    ) -> None:
        mcp, requests = self._mcp, Requests(self.name, self._mcp, threads)
        internals.insert_middleware(
            mcp,
            refuse_unsendable,
            self._changes,
            *([] if internals.has_own_tool_list(mcp) else [ToolList(self._server, self._list_tools)]),
            *self._own_list.middleware,
            *([] if access is None else [unless_json(access.middleware(self))]),
            NativeCalls(self._tools, requests, self._server, interceptors, self._in_flight),
            Boundary(self._server, limits.max_result, self._has_author_hooks),
            *inside(mcp, threads),
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Enters the user's lifespan once, and runs the sessions and the calls that outlive their request."""
        trace_once(self._mcp.middleware)
        async with self._server.lifespan(self._server) as self._lifespan_state:
            internals.enter_once(self._server, self._lifespan_state)
            await self._own_list.read()
            try:
                async with self._manager.run(), self._context_calls.opened(self._lifespan_state):
                    with self._states.serving(self, self._execute), self._changes.opened():
                        yield
            finally:
                self._is_closed = True

    def tools(self) -> Sequence[ToolInfo]:
        return self._tools.listed()

    @property
    def instructions(self) -> str | None:
        return self._server.instructions

    @property
    def extensions(self) -> Mapping[str, Mapping[str, Any]]:
        return self._server.extensions

    async def drained(self) -> None:
        await self._in_flight.drained()

    @property
    def sessions(self) -> int:
        return self._manager.open_sessions

    def end_streams(self) -> None:
        self._listen.close()
        self._manager.end_streams()

    def handles(self, method: str) -> bool:
        return wire.handler(self._server, method) is not None

    async def forward(
        self, ctx: ServerRequestContext[Any, Any], method: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        own = replace(ctx, method=method, params=dict(params), lifespan_context=self._lifespan_state)
        return await wire.answer(self._server, self._changes.observed(own))

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        return internals.bus(self._mcp).subscribe(listener)

    def watching(
        self, ctx: Any, uris: Collection[str], listener: Callable[[ServerEvent], None]
    ) -> AbstractAsyncContextManager[Collection[str]]:
        return nullcontext(uris)

    async def _list_tools(self, ctx: ServerRequestContext[Any, Any]) -> Listed:
        return await self._wire_tools.convert(caller.get().sees(self), ctx.protocol_version), {}

    def _tools_changed(self) -> None:
        self._wire_tools = WireTools()
        self._changed()

    def _version_stopped(self) -> None:
        self._tools_changed()
        self._changes.tell(ToolsListChanged())

    async def _execute(self, call: ToolCall) -> ToolResult:
        plan = call.entry
        if call.refusal is not None:
            raise call.refusal
        if plan is None:
            plan = await self._own_list.find_new(call.tool)
            if plan is not None:  # complete now; what was decided about it was decided for an unknown tool
                return await self.call(replace(call, tool=plan.name, entry=plan))
            known = [tool["name"] for tool in call.caller.sees(self)]
            raise UnknownTool(call.tool, known, self.name)
        if self._is_closed:  # the call waited in an interceptor while the server was removed
            raise Unavailable(f"Server {self.name!r} is closed.")
        assert isinstance(plan, Plan)
        self._in_flight.count += 1
        try:
            if plan.direct and not self._has_author_hooks and call.state is None and call.answers is None:
                return await plan.call(call)
            return await self._waiting.elsewhere(call) or await self._context_calls.answered(call, plan.answer)
        finally:
            self._in_flight.leave()
