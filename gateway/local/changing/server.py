"""A server of this process whose code can be changed for other code, while its clients keep their sessions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.subscriptions import ServerEvent
from starlette.types import ASGIApp

from gateway.call import ToolCall, ToolResult
from gateway.cancellation import to_its_end
from gateway.errors import StartError
from gateway.local.changing.differences import changed, lists_of
from gateway.local.changing.dispatch import Dispatch
from gateway.local.changing.lifetime import Lifetime
from gateway.local.changing.wishes import Wishes
from gateway.local.server import LocalServer
from gateway.sdk.changes.exchange import Exchange
from gateway.sdk.front import LastingFront
from gateway.sdk.native import Access
from gateway.sdk.sessions.sessions import Limits
from gateway.tool import Entry, ToolInfo

logger = logging.getLogger(__name__)


class Make(Protocol):
    """Makes the server of one version of the code."""

    def __call__(self, name: str, mcp: MCPServer[Any], *, front: LastingFront) -> LocalServer: ...


class ChangingServer:
    """Has the name, the endpoint, the sessions and the streams. `make` makes the server that answers, of each `mcp`."""

    def __init__(
        self,
        name: str,
        mcp: MCPServer[Any],
        make: Make,
        limits: Limits,
        *,
        access: Access | None = None,
        changed: Callable[[], None] = lambda: None,
        exchange: Exchange | None = None,
    ) -> None:
        self.name = name
        self._make = make
        self._changed = changed
        self._wishes = Wishes()
        dispatch = Dispatch(name, lambda: self._present, self._wishes.note)
        self._front = LastingFront(name, dispatch, lambda who: who.uses(self), limits, exchange)
        self.app: ASGIApp = self._front.app
        if access is not None:
            self.app = access.endpoint(self.app, lambda tool: (self, tool), "mcp")
        self.subscribe, self.end_streams = self._front.bus.subscribe, self._front.end_streams
        self._present = make(name, mcp, front=self._front)
        self._lifetime = Lifetime(self._present, self._ended)
        self._retiring: dict[asyncio.Task[None], Lifetime] = {}
        self._scope: anyio.CancelScope
        self._is_closed = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self._scope = anyio.CancelScope()
        if not await self._lifetime.open():
            raise self._lifetime.failure or RuntimeError("its lifespan ended before it was open")
        try:
            with self._scope:
                async with self._front.opened():
                    yield
        finally:
            self._is_closed = True
            await to_its_end(self._close())
        if self._scope.cancelled_caught and self._lifetime.failure is not None:
            raise self._lifetime.failure

    async def change(
        self, mcp: MCPServer[Any], grace: float, start_error: Callable[[str, BaseException], StartError]
    ) -> None:
        """Lets the server of other code take the place of the present one, whose calls in flight have `grace` seconds.

        `start_error` makes the error for what a lifespan raised.

        Raises:
            StartError: the other one does not open, and the present one goes on.
        """
        logger.info("opening server", extra={"fields": {"server": self.name}})
        new = Lifetime(self._make(self.name, mcp, front=self._front), self._ended)
        if not await new.open():
            raise start_error(self.name, new.failure or RuntimeError("its lifespan ended before it was open"))
        try:
            lists = await lists_of(self._present), await lists_of(new.server)
            await self._wishes.repeat(new.server)
        except BaseException:  # cancelled: nothing of the new one may be left
            await to_its_end(new.close())
            raise
        if self._is_closed or not new.is_open:
            await to_its_end(new.close())
            raise StartError(f"server {self.name!r} ended before its code was changed")
        before, self._lifetime, self._present = self._lifetime, new, new.server
        self._retire(before, grace)
        self._changed()
        self._front.changes.replaced(changed(*lists))

    def tools(self) -> Sequence[ToolInfo]:
        return self._present.tools()

    def find(self, tool: str) -> Entry | None:
        return self._present.find(tool)

    def call(self, call: ToolCall) -> Coroutine[Any, Any, ToolResult]:
        return self._call(self._present, call)

    async def _call(self, server: LocalServer, call: ToolCall) -> ToolResult:
        chosen = self._present if server.is_closed else server  # retired before the first step of this call
        if call.state is not None:
            retiring = [lifetime.server for lifetime in self._retiring.values()]
            chosen = next((each for each in retiring if each.has_waiting(call.state)), chosen)
        if chosen is not server:
            server, call = chosen, replace(call, entry=chosen.find(call.requested))
        with server.in_flight:  # also while the call waits for its turn
            return await server.call(call)

    @property
    def sessions(self) -> int:
        return self._front.sessions

    @property
    def instructions(self) -> str | None:
        return self._present.instructions

    @property
    def extensions(self) -> Mapping[str, Mapping[str, Any]]:
        return self._present.extensions

    @property
    def status(self) -> Mapping[str, Any]:
        return self._present.status

    def handles(self, method: str) -> bool:
        return self._present.handles(method)

    async def forward(
        self, ctx: ServerRequestContext[Any, Any], method: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        answer = await self._present.forward(ctx, method, params)
        self._wishes.note(replace(ctx, method=method, params=dict(params)))
        return answer

    def watching(
        self, ctx: Any, uris: Collection[str], listener: Callable[[ServerEvent], None]
    ) -> AbstractAsyncContextManager[Collection[str]]:
        return self._present.watching(ctx, uris, listener)

    async def drained(self) -> None:
        for lifetime in [*self._retiring.values(), self._lifetime]:
            await lifetime.server.drained()

    def _retire(self, lifetime: Lifetime, grace: float) -> None:
        task = asyncio.create_task(lifetime.retire(grace))
        self._retiring[task] = lifetime
        task.add_done_callback(lambda _: self._retiring.pop(task, None))

    def _ended(self, lifetime: Lifetime) -> None:
        """Ends the whole server if its present code has ended by itself."""
        if lifetime is self._lifetime:
            self._scope.cancel()

    async def _close(self) -> None:
        tasks = [*self._retiring]
        for task in tasks:
            task.cancel()
        await asyncio.gather(self._lifetime.close(), *tasks, return_exceptions=True)
