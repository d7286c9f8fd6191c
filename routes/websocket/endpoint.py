"""`/{server}/mcp/ws` and `/ws`: concurrent calls on one connection, answered in the order in which they finish."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from gateway.caller import Caller
from gateway.errors import Unavailable
from gateway.server import Server
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.telemetry.refusals import Refused
from routes.json_api.call import named, text
from routes.websocket.connection import Connection, Find, SocketLimits
from routes.websocket.identity import Authenticator, Identity

SUBPROTOCOL = "multi-mcp"


class WebSockets:
    """Counts and ends all connections. `listeners` are called with 1 and -1 as connections open and close."""

    def __init__(self, limits: SocketLimits, refused: Refused) -> None:
        self.listeners: list[Callable[[int], None]] = []
        self.limits = limits
        self.refused = refused
        self._open: set[Connection] = set()
        self._count = 0
        self._is_ending = False

    def __len__(self) -> int:
        return self._count

    def routes(
        self,
        registry: Registry,
        names: Names,
        authenticator: Authenticator | None,
        enter: Callable[[Caller], Any],
    ) -> list[WebSocketRoute]:
        """Of each server and of all. `enter` makes known who has proved to be whom."""

        def at(path: str, find: Find) -> WebSocketRoute:
            identify = partial(Identity, self.limits.frame, authenticator, enter, self.refused)
            return WebSocketRoute(path, Endpoint(self, find, identify))

        of_one = [at(f"/{server.name}/mcp/ws", partial(_of_one, server)) for server in registry]
        return [*of_one, at("/ws", partial(named, names=names))]

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Counts one connection, from before its handshake. Raises Unavailable at the limit."""
        if self._is_ending or self._count >= self.limits.connections:
            self.refused(Unavailable.slug)
            full = f"At most {self.limits.connections} connections may be open."
            raise Unavailable("The router is shutting down." if self._is_ending else full)
        self._count_changed(1)
        try:
            yield
        finally:
            self._count_changed(-1)

    def _count_changed(self, by: int) -> None:
        self._count += by
        for listener in self.listeners:
            listener(by)

    async def run(self, connection: Connection, receive: Receive) -> None:
        self._open.add(connection)
        if self._is_ending:  # it was accepted while `end_streams` closed the others
            connection.end()
        try:
            await connection.run(receive)
        finally:
            self._open.discard(connection)

    def end_streams(self) -> None:
        """Closes each connection when its calls in flight are answered, and refuses further connections."""
        self._is_ending = True
        for connection in [*self._open]:
            connection.end()


class Endpoint:
    """Accepts connections at one URL. `find` returns the server and the tool that a frame calls."""

    def __init__(self, sockets: WebSockets, find: Find, identify: Callable[[Scope], Identity]) -> None:
        self._sockets = sockets
        self._find = find
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._sockets.slot():
            await receive()
            # No other is ever echoed: one may be a credential.
            chosen = SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None
            await send({"type": "websocket.accept", "subprotocol": chosen})
            identity = self._identify(scope)
            await self._sockets.run(Connection(self._find, scope, send, self._sockets.limits, identity), receive)


def _of_one(server: Server, frame: Mapping[str, Any]) -> tuple[Server, str]:
    return server, text(frame, "tool")
