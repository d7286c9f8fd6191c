"""Sends HTTP requests to the URL of one upstream server."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from copy import copy
from types import TracebackType

from gateway.upstream.destination.destinations import Destinations
from gateway.upstream.http.address import Address
from gateway.upstream.http.connection import Connection
from gateway.upstream.http.credentials.token import Credential
from gateway.upstream.http.failures import StatusFailure
from gateway.upstream.http.headers import EntryHeaders
from gateway.upstream.http.pool import Pool
from gateway.upstream.http.proxy.choice import Proxy
from gateway.upstream.link import Refusal

MAX_REDIRECTS = 5
_ALWAYS = b"Accept-Encoding: identity\r\n"


class Client:
    """`headers` are sent with each request. No answer, and no event of one, may be longer than `limit` bytes.

    `credential` is sent with them, if there is one; `of_caller` returns that of the current caller.
    """

    credential: Credential | None = None
    of_caller: Callable[[], Credential] | None = None

    def __init__(
        self,
        address: Address,
        headers: EntryHeaders,
        limit: int,
        tls: ssl.SSLContext | None = None,
        *,
        proxy: Proxy | None = None,
        max_redirects: int = MAX_REDIRECTS,
        destinations: Destinations | None = None,
    ) -> None:
        self.address = address
        self.headers = headers
        self.limit = limit
        self.max_redirects = max_redirects
        self.pool = Pool(address.origin, tls, proxy, destinations)
        self._host = f"Host: {str(address.origin).partition('://')[2]}\r\n".encode() + _ALWAYS
        self._base = b""
        if proxy is not None and address.origin.scheme == "http":
            self._base = str(address.origin).encode()
            self._host += proxy.authorization

    @property
    def owner(self) -> str:
        """The caller whose credential is sent; nothing if it is the same for all."""
        return self.credential.owner if self.credential is not None else ""

    def for_caller(self, session: str) -> Client:
        """Returns the client for requests in a session. Those of the link's own session, "", are the router's.

        Raises:
            GatewayError: the caller has no credential for the server.
        """
        if self.of_caller is None or not session:
            return self
        own = copy(self)
        own.credential = self.of_caller()
        return own

    async def lines(self) -> bytes:
        """Returns the lines of the entry, with the credential. Raises LinkFailure, or GatewayError."""
        if self.credential is None:
            return self.headers.lines()
        return self.headers.lines() + await self.credential.line()

    async def renewed(self, sent: bytes, status: int) -> bool:
        """Returns True if a request that was refused with `status` when it had the lines `sent` may succeed now.

        Raises:
            LinkFailure, or GatewayError
        """
        self.headers.read_again()
        if self.credential is not None and status == 401:
            self.credential.renew(sent)
        return await self.lines() != sent

    def at(self, address: Address) -> Client:
        """Returns a client of another path of the same origin, which shares the connections."""
        other = copy(self)
        other.address = address
        return other

    def post(self, lines: bytes, body: bytes, *, is_counted: bool = True, own: bytes | None = None) -> Exchange:
        """Returns a POST with `lines`, and with the client's `own` if they are known already."""
        exchange = Exchange(self, b"POST", lines + b"Content-Length: %d\r\n" % len(body), body, is_counted)
        exchange.own_lines = own
        return exchange

    def get(self, lines: bytes) -> Exchange:
        return Exchange(self, b"GET", lines, b"", is_counted=False)

    def delete(self, lines: bytes) -> Exchange:
        return Exchange(self, b"DELETE", lines, b"", is_counted=False)

    def close(self) -> None:
        self.pool.close()

    def encode(self, method: bytes, target: str, lines: bytes, body: bytes) -> bytes:
        return b"%b %b%b HTTP/1.1\r\n%b%b\r\n%b" % (
            method,
            self._base,
            target.encode("ascii"),
            self._host,
            lines,
            body,
        )


class Exchange:
    """One request and its answer, as a context manager. Leaving it before the answer's end ends the connection soon.

    `was_written` is False until the request may have reached the server. An exchange that is not counted waits for no
    place in the pool, and of a stream for its head alone: nobody knows when that brings something.
    """

    __slots__ = ("_body", "_client", "_connection", "_is_counted", "_lines", "_method", "own_lines", "was_written")

    def __init__(self, client: Client, method: bytes, lines: bytes, body: bytes, is_counted: bool) -> None:
        self._client = client
        self._method = method
        self._lines = lines
        self._body = body
        self._is_counted = is_counted
        self._connection: Connection | None = None
        self.own_lines: bytes | None = None
        self.was_written = False

    async def __aenter__(self) -> Connection:
        """Raises LinkFailure, or GatewayError if the caller has no credential."""
        own = self.own_lines if self.own_lines is not None else await self._client.lines()
        self._lines = own + self._lines  # before it takes a place
        if self._is_counted:
            await self._client.pool.places.acquire()
        try:
            return await self._answer()
        except BaseException:  # whatever it is, the connection and the place are given back
            self._leave(is_broken=True)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave(is_broken=exc is not None and not isinstance(exc, Refusal))

    def give_place_back(self) -> None:
        """Lets others have the place in the pool: the answer comes when a person has thought."""
        if self._is_counted:
            self._is_counted = False
            self._client.pool.places.release()

    async def _answer(self) -> Connection:
        """Follows redirects that keep the method and the origin, as the SDK does."""
        client, address = self._client, self._client.address
        for _ in range(client.max_redirects + 1):
            connection = self._connection = client.pool.idle() or await client.pool.connect()
            request = client.encode(self._method, address.target, self._lines, self._body)
            self.was_written = True
            await connection.send(request, client.limit, is_head_enough=not self._is_counted)
            if not 300 <= connection.status < 400:
                return connection
            there = address.joined(connection.headers.get(b"location", b"").decode("latin-1"))
            if connection.status not in (307, 308) or there is None or there.origin != address.origin:
                raise StatusFailure(connection.status, _unfollowed(address, there), was_sent=False)
            address = there
            client.pool.put_back(connection)
            self._connection = None
        why = "it redirects in a circle" if client.max_redirects else "it redirects, which is not followed"
        raise StatusFailure(connection.status, why, was_sent=False)

    def _leave(self, *, is_broken: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if is_broken and not connection.is_between_requests:
                connection.abort()
            self._client.pool.put_back(connection)
        self.give_place_back()


def _unfollowed(address: Address, there: Address | None) -> str:
    """Returns why a redirect is not followed, without the path and the query of where it leads to."""
    if there is not None and there.origin != address.origin:
        return f"it redirects to {there.origin}, which is not followed; if that is the server, write its URL"
    return "it answers with a redirect that does not keep the method"
