"""An upstream server as the registry holds it: it keeps its name, tools and sessions while links come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.subscriptions import ServerEvent
from starlette.types import ASGIApp

from gateway.call import Interceptor, ToolCall, ToolResult, chain
from gateway.caller import caller
from gateway.errors import Unavailable, UnknownTool
from gateway.sdk import wire
from gateway.sdk.asking.states import WaitingStates
from gateway.sdk.asking.waiting import waiting_calls
from gateway.sdk.changes.exchange import Alone, Exchange
from gateway.sdk.native import Access, protocol_error, refuse_unsendable
from gateway.sdk.request_state import sealing_of
from gateway.sdk.sessions.openings import bound_listen
from gateway.sdk.sessions.sessions import Limits, openings_at, session_manager
from gateway.sdk.tool_list import Listed, ToolList, WireTools
from gateway.sdk.tracing import trace_once
from gateway.tool import Entry, ToolInfo
from gateway.upstream.calls.changes import Changes
from gateway.upstream.calls.from_json import JsonCalls
from gateway.upstream.calls.live import LiveCalls
from gateway.upstream.calls.native import NativeCalls
from gateway.upstream.calls.wishes import Wishes
from gateway.upstream.config import Upstream
from gateway.upstream.current import Current
from gateway.upstream.front import Front
from gateway.upstream.instances.keeper import AnyOpening
from gateway.upstream.link import Params
from gateway.upstream.pins.checks import Checks
from gateway.upstream.starts import Starts
from gateway.upstream.telling import TOOLS_CHANGED, Hooks
from gateway.upstream.versions.backends import MakeBackends


class UpstreamServer:
    """Serves an entry of the file under `name`. Every call, from every way in, passes `interceptors`.

    `changed` is called whenever a tool comes or goes. `backends` makes those that take its requests.
    """

    def __init__(
        self,
        name: str,
        entry: Upstream,
        opening: AnyOpening,
        interceptors: Sequence[Interceptor],
        limits: Limits,
        *,
        starts: Starts,
        access: Access | None = None,
        changed: Callable[[], None] = lambda: None,
        states: WaitingStates | None = None,
        pins: Checks | None = None,
        exchange: Exchange | None = None,
        backends: MakeBackends = Current,
    ) -> None:
        self.name, self._changed, self._states = name, changed, states or WaitingStates()
        self._wire_tools = WireTools()
        self._front = front = Front(name, self._input_schema)
        self._current = current = backends(name, limits.share, starts)
        self._changes = changes = Changes(name, front, exchange or Alone())
        wishes = Wishes(current.main, front, limits.share, changes.missed)
        hooks = Hooks(front.identify, changes.repeat, self._told, changes.heard, self._tools_changed, wishes.move)
        current.describe(entry, opening, pins, hooks)
        self.call, self.watching = chain(interceptors, self._execute), changes.watching
        self._waiting = waiting_calls(limits, self._states)
        self._live = live = LiveCalls(self._waiting)
        self._json = JsonCalls(live, self._states, limits.max_result)
        parts = (name, front, current, interceptors)
        self._native = NativeCalls(*parts, live=live, wishes=wishes.handlers, max_result=limits.max_result)
        openings = openings_at(name, lambda who: who.uses(self), limits)
        self._listen, self._manager = bound_listen(front, openings), session_manager(front, limits, openings)
        changes.connect(current.main, wishes, self._listen.watched)
        self.app: ASGIApp = StreamableHTTPASGIApp(self._manager)
        sealing = sealing_of(self._states.keys, name)
        front.middleware += [sealing, refuse_unsendable, changes.sessions, ToolList(front, self._list_tools)]
        if access is not None:
            self.app = access.endpoint(self.app, lambda tool: (self, tool), "mcp")
            front.middleware.append(access.middleware(self))
        front.middleware.append(self._native)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Begins to open the upstream, and does not wait for it: one that does not answer stops no start."""
        trace_once(self._front.middleware)
        self._current.begin()
        try:
            async with self._manager.run():
                with self._states.serving(self, self._execute), self._changes.opened():
                    yield
        finally:
            await self.close()

    async def close(self) -> None:
        """Ends everything upstream, as its lifetime does at its end. May be called again."""
        self._live.close()
        await self._current.close()

    async def change(self, entry: Upstream, opening: AnyOpening, pins: Checks | None, grace: float) -> None:
        """Serves another entry as soon as that can be used. Its sessions go on.

        Requests in flight go on at the upstream of the entry before, for up to `grace` seconds.

        Raises:
            StartError: the upstream does not open. The one before goes on.
        """
        await self._current.main.change(entry, opening, pins, grace)

    def tools(self) -> Sequence[ToolInfo]:
        return self._current.tools.listed()

    def find(self, tool: str) -> Entry | None:
        return self._current.tools.find(tool)

    async def ready(self) -> None:
        """Waits until its tools are known. Raises StartError if it cannot be reached."""
        await self._current.ready()

    @property
    def status(self) -> Mapping[str, Any]:
        return self._current.status

    @property
    def era(self) -> str:
        """The era of the protocol that it spoke last, `modern` or `legacy`; empty until it was open."""
        return self._front.era

    @property
    def instructions(self) -> str | None:
        return self._front.instructions

    @property
    def extensions(self) -> Mapping[str, Mapping[str, Any]]:
        return self._front.extensions

    async def drained(self) -> None:
        await self._native.in_flight.drained()

    @property
    def sessions(self) -> int:
        return self._manager.open_sessions

    def end_streams(self) -> None:
        self._listen.close()
        self._manager.end_streams()

    def handles(self, method: str) -> bool:
        return self._front.get_request_handler(method) is not None

    async def forward(
        self, ctx: ServerRequestContext[Any, Any], method: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        return await wire.answer(self._front, replace(ctx, method=method, params=dict(params)))

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        return self._front.bus.subscribe(listener)

    async def _execute(self, call: ToolCall) -> ToolResult:
        if call.refusal is not None:
            raise call.refusal
        backend, tool = await self._current.found(call)
        if tool is None:
            backend.listing.refuse_unapproved(call.tool)
            known = [tool["name"] for tool in call.caller.sees(self)]
            raise UnknownTool(call.tool, known, self.name)
        if (elsewhere := await self._waiting.elsewhere(call)) is not None:
            return elsewhere
        with self._native.in_flight, backend.in_flight:
            return await self._json.call(backend, tool, call)

    async def _told(self, method: str, params: Params, place: str) -> None:
        """Tells the clients what the upstream has said."""
        if method == TOOLS_CHANGED:
            self._tools_changed()
        await self._changes.told(method, params, place)

    def _tools_changed(self) -> None:
        self._wire_tools = WireTools()
        self._changed()

    async def _list_tools(self, ctx: ServerRequestContext[Any, Any]) -> Listed:
        try:
            await self._current.listed()
        except Unavailable as exc:
            raise protocol_error(exc) from exc
        return await self._wire_tools.convert(caller.get().sees(self), ctx.protocol_version), {}

    def _input_schema(self, tool: str) -> Mapping[str, Any] | None:
        found = self._current.tools.plan(tool)
        return None if found is None or found.versions is not None else found.info["inputSchema"]
