"""A server of this process: an `MCPServer` from a user's file, served natively and called directly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
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
from gateway.sdk.changes.exchange import Exchange
from gateway.sdk.front import Beneath, Front, LastingFront, front_of
from gateway.sdk.native import Access, refuse_unsendable
from gateway.sdk.parameter_headers import look_up_declared
from gateway.sdk.request_state import share_state_keys
from gateway.sdk.sessions.sessions import Limits
from gateway.sdk.tool_list import Listed, ToolList, WireTools
from gateway.sdk.tracing import trace_once
from gateway.tool import ToolInfo
from gateway.versions.families import Families
from gateway.versions.routing import Routing


class LocalServer:
    """Serves `mcp` under `name`. Every call, from every way in, passes `interceptors`.

    `changed` is called whenever a tool comes or goes. Without `routing`, no tool has versions. A `front` outlives the
    server, and sends it what comes in.
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
        front: LastingFront | None = None,
    ) -> None:
        self.name, self.mcp = name, mcp
        self._states, self._changed, self._wire_tools = states or WaitingStates(), changed, WireTools()
        self._routing = routing
        threads = Threads(limits.threads, limits.share)
        self._has_author_hooks = internals.has_author_hooks(mcp)
        self.status: Mapping[str, Any] = {"status": "ok"}
        options: Any = {"has_hooks": self._has_author_hooks, "versions": routing and Families(name, routing)}
        self._tools = Tools(mcp, threads, limits.max_result, self._tools_changed, **options)
        self.find, self._own_list = self._tools.find, OwnList(name, mcp, self._tools)
        self.low_level = internals.low_level(mcp)
        look_up_declared(self.low_level, self._tools.has_versions)
        self._waiting = waiting_calls(limits, self._states)
        self._context_calls = ContextCalls(self.low_level, self._waiting, self._states)
        share_state_keys(mcp, self._states.keys, name)
        if front is None:
            self._front: Front | Beneath = front_of(name, mcp, lambda who: who.uses(self), limits, exchange)
        else:
            self._front = Beneath(front, mcp)
        self.in_flight, self.is_closed, self.call = InFlight(), False, chain(interceptors, self._execute)
        self.app: ASGIApp = self._front.app
        if access is not None:
            self.app = access.endpoint(self.app, lambda tool: (self, tool), "mcp")
        self._insert_middleware(threads, interceptors, limits, access)

    def _insert_middleware(
        self, threads: Threads, interceptors: Sequence[Interceptor], limits: Limits, access: Access | None
    ) -> None:
        mcp, requests = self.mcp, Requests(self.name, self.mcp, threads)
        internals.insert_middleware(
            mcp,
            refuse_unsendable,
            self._front.changes,
            *([] if internals.has_own_tool_list(mcp) else [ToolList(self.low_level, self._list_tools)]),
            *self._own_list.middleware,
            *([] if access is None else [unless_json(access.middleware(self))]),
            NativeCalls(self._tools, requests, self.low_level, interceptors, self.in_flight),
            Boundary(self.low_level, limits.max_result, self._has_author_hooks),
            *inside(mcp, threads),
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Enters the user's lifespan once, and runs the sessions and the calls that outlive their request."""
        trace_once(self.mcp.middleware)
        async with self.low_level.lifespan(self.low_level) as self.lifespan_state:
            internals.enter_once(self.low_level, self.lifespan_state)
            await self._own_list.read()
            if self._routing is not None:
                self.status = self._routing.begin(self.name, self._version_stopped)
            try:
                async with self._front.opened(), self._context_calls.opened(self.lifespan_state):
                    with self._states.serving(self, self._execute):
                        yield
            finally:
                self.is_closed = True

    def tools(self) -> Sequence[ToolInfo]:
        return self._tools.listed()

    @property
    def instructions(self) -> str | None:
        return self.low_level.instructions

    @property
    def extensions(self) -> Mapping[str, Mapping[str, Any]]:
        return self.low_level.extensions

    async def drained(self) -> None:
        await self.in_flight.drained()

    async def finished(self) -> None:
        """Waits as `drained`, and until no call waits for input."""
        await self._waiting.ended()
        await self.in_flight.drained()

    def has_waiting(self, state: str | None) -> bool:
        return self._waiting.has(state)

    @property
    def sessions(self) -> int:
        return self._front.sessions

    def end_streams(self) -> None:
        self._front.end_streams()

    def handles(self, method: str) -> bool:
        return wire.handler(self.low_level, method) is not None

    async def forward(
        self, ctx: ServerRequestContext[Any, Any], method: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        own = replace(ctx, method=method, params=dict(params), lifespan_context=self.lifespan_state)
        return await wire.answer(self.low_level, self._front.changes.observed(own))

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        return self._front.bus.subscribe(listener)

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
        self._front.changes.tell(ToolsListChanged())

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
        if self.is_closed:  # the call waited in an interceptor while the server was removed
            raise Unavailable(f"Server {self.name!r} is closed.")
        assert isinstance(plan, Plan)
        self.in_flight.count += 1
        try:
            if plan.direct and not self._has_author_hooks and call.state is None and call.answers is None:
                return await plan.call(call)
            return await self._waiting.elsewhere(call) or await self._context_calls.answered(call, plan.answer)
        finally:
            self.in_flight.leave()
