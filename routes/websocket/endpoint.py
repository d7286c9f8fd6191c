"""`/{server}/mcp/ws` and `/ws`: concurrent calls on one connection, answered in the order in which they finish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, NamedTuple, Protocol

from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send

from gateway.caller import Caller, caller
from gateway.errors import GatewayError, Unavailable
from gateway.places import Places, part
from gateway.server import Server
from gateway.servers.names import Names
from gateway.servers.registry import Registry
from gateway.telemetry.refusals import Refused
from routes.json_api.call import named, text
from routes.scope import SERVER
from routes.websocket.connection import Connection, Find, SocketLimits
from routes.websocket.identity import Authenticator, Identity, Use
from routes.websocket.places import SocketPlace, SocketPlaces

SUBPROTOCOL = "multi-mcp"


class Routes(NamedTuple):
    over_all: list[WebSocketRoute]
    of_server: list[WebSocketRoute]


class Open(Protocol):
    """An open connection, of any protocol."""

    @property
    def is_anonymous(self) -> bool: ...

    def give_way(self) -> None: ...

    def end(self, reason: str = ...) -> None: ...

    async def run(self, receive: Receive) -> None: ...

    def use(self) -> Use: ...


class Speaks(NamedTuple):
    """A protocol: `connect` makes a connection, and `refusal` closes one whose client does not name the protocol."""

    subprotocol: str
    connect: Callable[[Scope, Send, SocketLimits, Identity], Open]
    refusal: tuple[int, str] | None = None


class WebSockets:
    """Counts and ends all connections. `listeners` are called with 1 and -1 as connections open and close."""

    def __init__(self, limits: SocketLimits, refused: Refused, registry: Registry) -> None:
        self.listeners: list[Callable[[int], None]] = []
        self.limits = limits
        self.refused = refused
        self._registry = registry
        self._places = SocketPlaces(
            Places(limits.connections, part(limits.connections, limits.share), "WebSocket connections"),
            Places(limits.strangers, limits.strangers_of_address, "WebSocket connections without a token"),
        )
        self._open: dict[Open, tuple[Server | None, float]] = {}
        self._count = 0
        self._is_ending = False

    def __len__(self) -> int:
        return self._count

    def shown(self) -> list[dict[str, Any]]:
        """Returns what people see of the open connections. Times are in seconds since 1970."""
        offset, found = time.time() - asyncio.get_running_loop().time(), []
        for connection, (server, opened) in self._open.items():
            use = connection.use()
            about = {"kind": "websocket", "server": server.name if server is not None else "", **use._asdict()}
            found.append({**about, "opened": opened, "used": use.used + offset})
        return found

    def routes(
        self, names: Names, authenticator: Authenticator | None, set_caller: Callable[[Caller], object]
    ) -> Routes:
        """Returns the routes over all servers and those under `/{server}`.

        `set_caller` makes a caller known who authenticated on an open connection.
        """

        def speaks(find: Callable[[Scope], Find]) -> Speaks:
            return Speaks(SUBPROTOCOL, lambda scope, *parts: Connection(find(scope), scope, *parts))

        over_all = speaks(lambda scope: partial(named, names=names))
        of_server = speaks(lambda scope: partial(self._of_server, SERVER.of(scope).name))
        return Routes(
            [self.route("/ws", over_all, authenticator, set_caller)],
            [self.route("/mcp/ws", of_server, authenticator, set_caller)],
        )

    def route(
        self,
        path: str,
        speaks: Speaks,
        authenticator: Authenticator | None,
        set_caller: Callable[[Caller], object],
    ) -> WebSocketRoute:
        """Returns the route of one URL, whose connections count with all others."""
        identify = partial(Identity, self.limits.frame, authenticator, set_caller, refused=self.refused)
        return WebSocketRoute(path, Endpoint(self, speaks, identify))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Closes the connections of a server that is removed, and not replaced, while the application runs."""
        unsubscribe = self._registry.subscribe(self._server_changed)
        try:
            yield
        finally:
            unsubscribe()

    def _server_changed(self, server: Server, came: bool) -> None:
        if not came and server.name not in self._registry:
            for connection in [
                each for each, (of, _) in self._open.items() if of is not None and of.name == server.name
            ]:
                connection.end(f"Server {server.name!r} was removed.")

    def _of_server(self, name: str, frame: Mapping[str, Any]) -> tuple[Server, str]:
        return self._registry[name], text(frame, "tool")

    @contextmanager
    def slot(self) -> Iterator[SocketPlace]:
        """Counts one connection, from before its handshake. Raises ShareExceeded or Unavailable at the limit."""
        try:
            if self._is_ending:
                raise Unavailable("The router is shutting down.")
            place = self._places.take(caller.get())
        except GatewayError as exc:
            self.refused(exc.slug)
            raise
        self._count_changed(1)
        try:
            yield place
        finally:
            place.leave()
            self._count_changed(-1)

    def _count_changed(self, by: int) -> None:
        self._count += by
        for listener in self.listeners:
            listener(by)

    async def run(self, connection: Open, server: Server | None, place: SocketPlace, receive: Receive) -> None:
        self._open[connection] = server, time.time()
        if connection.is_anonymous:
            self._places.waits(place, connection.give_way)
        if self._is_ending:  # it was accepted while `end_streams` closed the others
            connection.end()
        try:
            await connection.run(receive)
        finally:
            del self._open[connection]

    def end_streams(self) -> None:
        """Closes each connection when its calls in flight are answered, and refuses further connections."""
        self._is_ending = True
        for connection in [*self._open]:
            connection.end()


class Endpoint:
    """Accepts connections at one URL, whose protocol is `speaks`."""

    def __init__(self, sockets: WebSockets, speaks: Speaks, identify: Callable[[SocketPlace, Scope], Identity]) -> None:
        self._sockets = sockets
        self._speaks = speaks
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        subprotocol, connect, refusal = self._speaks
        with self._sockets.slot() as place:
            await receive()
            # No other is ever echoed: one may be a credential.
            chosen = subprotocol if subprotocol in scope.get("subprotocols", ()) else None
            await send({"type": "websocket.accept", "subprotocol": chosen})
            if chosen is None and refusal is not None:
                await send({"type": "websocket.close", "code": refusal[0], "reason": refusal[1]})
                return
            connection = connect(scope, send, self._sockets.limits, self._identify(place, scope))
            await self._sockets.run(connection, SERVER.get(scope), place, receive)
