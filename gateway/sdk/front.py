"""The native endpoint of a server of this process: its sessions and streams, and those who listen to its changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server import Server as LowLevelServer
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ServerEvent, SubscriptionBus
from starlette.types import ASGIApp

from gateway.caller import Caller
from gateway.sdk import internals
from gateway.sdk.changes.changes import Changes
from gateway.sdk.changes.exchange import Alone, Exchange
from gateway.sdk.sessions.openings import LISTEN, Listen, bound_listen
from gateway.sdk.sessions.sessions import Limits, SessionManager, openings_at, session_manager


class Front:
    """Opens the sessions of `manager`. Their server publishes its changes on `bus`, where `changes` hears of them."""

    def __init__(self, manager: SessionManager, bus: SubscriptionBus, listen: Listen, changes: Changes) -> None:
        self.bus, self.changes, self._listen, self._manager = bus, changes, listen, manager
        self.app: ASGIApp = StreamableHTTPASGIApp(self._manager)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        async with self._manager.run():
            with self.changes.opened():
                yield

    @property
    def sessions(self) -> int:
        return self._manager.open_sessions

    def end_streams(self) -> None:
        self._listen.close()
        self._manager.end_streams()


def front_of(
    name: str, mcp: MCPServer[Any], may_use: Callable[[Caller], bool], limits: Limits, exchange: Exchange | None
) -> Front:
    """Returns the front of one server alone, which ends with it. A bus of the author's own is left to itself."""
    server, bus, openings = internals.low_level(mcp), internals.bus(mcp), openings_at(name, may_use, limits)
    own = exchange if type(bus) is InMemorySubscriptionBus else None
    listen = bound_listen(server, openings)
    changes = Changes(name, bus, own or Alone(), listen.watched)
    return Front(session_manager(server, limits, openings), bus, listen, changes)


class LastingFront(Front):
    """A front whose sessions and streams go on when one server takes the place of another beneath it."""

    def __init__(
        self,
        name: str,
        server: LowLevelServer[Any],
        may_use: Callable[[Caller], bool],
        limits: Limits,
        exchange: Exchange | None,
    ) -> None:
        self.openings, self.own_bus = openings_at(name, may_use, limits), Bus()
        self.listen = Listen(internals.unbounded_listen(ListenHandler(self.own_bus)), self.openings)
        changes = Changes(name, self.own_bus, exchange or Alone(), self.listen.watched)
        super().__init__(session_manager(server, limits, self.openings), self.own_bus, self.listen, changes)


class Beneath:
    """The part of one server in a lasting front, with the interface of a `Front`.

    The front hears what the server publishes, for as long as it is open, and streams stay open longer than that. Those
    of a handler of the author's own end with the server.
    """

    sessions = 0

    def __init__(self, front: LastingFront, mcp: MCPServer[Any]) -> None:
        self.bus, self.changes, self.app = front.bus, front.changes, front.app
        self._front, self._mcp = front, mcp
        server, self._own = internals.low_level(mcp), Listen(None, front.openings)
        entry = server.get_request_handler(LISTEN)
        if entry is not None and isinstance(entry.handler, ListenHandler):
            server.add_request_handler(LISTEN, entry.params_type, front.listen)
        elif entry is not None:
            self._own = bound_listen(server, front.openings)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        unsubscribe = internals.bus(self._mcp).subscribe(self._front.own_bus.tell)
        try:
            yield
        finally:
            unsubscribe()

    def end_streams(self) -> None:
        self._own.close()


class Bus:
    """A `SubscriptionBus` that can also be told by a function."""

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[ServerEvent], None]] = {}

    def tell(self, event: ServerEvent) -> None:
        for listener in [*self._listeners.values()]:
            listener(event)

    async def publish(self, event: ServerEvent) -> None:
        self.tell(event)
        await anyio.lowlevel.checkpoint()  # streams send what they have before the next one comes

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        token = object()
        self._listeners[token] = listener

        def unsubscribe() -> None:
            self._listeners.pop(token, None)

        return unsubscribe
