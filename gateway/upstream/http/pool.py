"""The connections to one origin."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
from contextlib import suppress

from gateway.upstream.destination.destinations import Destinations
from gateway.upstream.http.address import Origin
from gateway.upstream.http.connection import Connection
from gateway.upstream.http.failures import NotConnected
from gateway.upstream.http.proxy.choice import Proxy
from gateway.upstream.http.proxy.tunnel import open_tunnel
from gateway.upstream.http.tls import default_context
from gateway.upstream.link import LinkFailure

MAX_CONNECTIONS = 100
"""Connections for requests. Streams that stay open do not count."""

CONNECT_TIMEOUT = 5.0
MAX_IDLE = 4.0
"""Seconds after which an idle connection is closed. uvicorn and Node close after 5, and a request could be lost."""

MAX_TAIL = 1.0
"""Seconds for which a stream may go on after its answer, so that its connection can be used again."""

_OF_THIS_HOST = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""Errors of a connection that say nothing about the other host."""

_ASKED = re.compile(rb"timeout=(\d{1,5})")
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


class Pool:
    """Lends connections, the one that was used last first. Through a `proxy`, they are its own to an http: origin.

    With `destinations`, each connection goes to an address that they allow.
    """

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext | None = None,
        proxy: Proxy | None = None,
        destinations: Destinations | None = None,
    ) -> None:
        self.places = asyncio.Semaphore(MAX_CONNECTIONS)
        self._origin = origin
        self._destinations = destinations
        self._proxy = proxy
        self._way = " through the proxy" if proxy is not None else ""
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._tails: dict[Connection, float] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._is_closed = False

    def idle(self) -> Connection | None:
        """Returns a connection that is open and carries no request; None if there is none."""
        while self._idle:
            connection = self._idle.pop()
            if self._loop.time() < connection.idle_until and not connection.was_closed():
                return connection
            self._discard(connection)
        return None

    def put_back(self, connection: Connection) -> None:
        """Takes a connection back. One whose answer goes on is used again only if it ends soon."""
        if connection.is_between_requests and not self._is_closed and len(self._idle) < MAX_CONNECTIONS:
            self._keep(connection)
        elif connection.is_stream and connection.is_usable and not self._is_closed:
            self._tails[connection] = self._loop.time() + MAX_TAIL
            if self._cut is None:
                self._cut = self._loop.call_later(MAX_TAIL, self._cut_tails)
        else:
            self._discard(connection)

    def close(self) -> None:
        """Closes all connections, also those that carry requests."""
        self._is_closed = True
        for timer in (self._sweep, self._cut):
            if timer is not None:
                timer.cancel()
        for connection in tuple(self._open):
            self._discard(connection)

    async def connect(self) -> Connection:
        """Opens another connection. Raises LinkFailure."""
        if self._is_closed:
            raise LinkFailure("it was stopped", was_sent=False, is_over=True)
        connection = Connection(self._settled)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                transport = await self._transport(connection)
        except TimeoutError as exc:
            raise NotConnected(f"no connection{self._way} within {CONNECT_TIMEOUT:g} seconds") from exc
        except ssl.SSLError as exc:
            why = getattr(exc, "verify_message", "") or exc.reason or "TLS failed"
            raise NotConnected(f"no connection{self._way}: {why}") from exc
        except OSError as exc:
            why = exc.strerror or "none of its addresses answers"
            failure = NotConnected(f"no connection{self._way}: {why}")
            failure.is_fault = failure.is_refused = exc.errno not in _OF_THIS_HOST
            raise failure from exc
        _tune(transport.get_extra_info("socket"))
        self._open.add(connection)
        return connection

    async def _transport(self, connection: Connection) -> asyncio.BaseTransport:
        """Raises OSError, or LinkFailure for a proxy that refuses."""
        scheme, host, port = self._origin
        tls = (self._tls or default_context()) if scheme == "https" else None
        if self._proxy is not None:
            if tls is not None:
                return await open_tunnel(self._proxy, self._origin, tls, connection)
            host, port = self._proxy.host, self._proxy.port
        elif self._destinations is not None:
            return await self._pinned(self._destinations, connection, tls)
        return (await self._loop.create_connection(lambda: connection, host, port, ssl=tls))[0]

    async def _pinned(
        self, destinations: Destinations, connection: Connection, tls: ssl.SSLContext | None
    ) -> asyncio.BaseTransport:
        """Connects to an address that was judged, and to no other that the name stands for a moment later."""
        _, host, port = self._origin
        name, failure = (host if tls is not None else None), OSError()
        for address in await destinations.resolve(host, port):
            try:
                made = self._loop.create_connection(lambda: connection, address, port, ssl=tls, server_hostname=name)
                return (await made)[0]
            except ssl.SSLError:
                raise
            except OSError as exc:
                failure = exc
        raise failure

    def _settled(self, connection: Connection) -> None:
        if self._tails.pop(connection, None) is not None:
            self.put_back(connection)
        elif not connection.is_usable:
            self._open.discard(connection)

    def _cut_tails(self) -> None:
        """Ends the connections whose answers go on for too long."""
        now = self._loop.time()
        for connection in [each for each, until in self._tails.items() if until <= now]:
            connection.abort()
        self._cut = self._loop.call_at(min(self._tails.values()), self._cut_tails) if self._tails else None

    def _keep(self, connection: Connection) -> None:
        seconds, keep_alive = MAX_IDLE, connection.headers.get(b"keep-alive")
        if keep_alive is not None and (asked := _ASKED.search(keep_alive)) is not None:
            seconds = min(MAX_IDLE, int(asked[1]) - 1)
        connection.idle_until = self._loop.time() + seconds
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(MAX_IDLE, self._close_idle)

    def _close_idle(self) -> None:
        self._sweep = None
        now = self._loop.time()
        idle, self._idle = self._idle, []
        for connection in idle:
            if now >= connection.idle_until or not connection.is_usable:
                self._discard(connection)
            else:
                self._idle.append(connection)
        if self._idle:
            until = min(connection.idle_until for connection in self._idle)
            self._sweep = self._loop.call_at(until, self._close_idle)

    def _discard(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.abort()


def _tune(connected: socket.socket) -> None:
    """Sends small requests at once, and notices within a minute that the peer's machine is gone."""
    with suppress(OSError):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if hasattr(socket, name):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
