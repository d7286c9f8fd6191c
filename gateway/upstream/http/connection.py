"""One kept-alive HTTP/1.1 connection, which carries one exchange at a time."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import cast

import httptools

from gateway.upstream.http.failures import ConnectionLost

MAX_HEAD = 64 * 1024
"""Bytes of an answer's head. An answer may have so many bytes that are not its body, and 16 more for each that is."""

MAX_BUFFERED = 64 * 1024
"""Bytes of a stream that wait for their reader. Then the connection is not read."""

_SSE = b"text/event-stream"
_CAN_POLL = hasattr(select, "poll")


class Connection(asyncio.Protocol):
    """After `send`, the answer's `status`, `headers` and, unless it `is_stream`, its whole `body` are there.

    Names of headers are in lower case. `settled` is called when the connection can be used again, or has ended.
    """

    def __init__(self, settled: Callable[[Connection], None]) -> None:
        self.settled = settled
        self.is_usable = True
        self.idle_until = 0.0
        self._loop = asyncio.get_running_loop()
        self._lines: dict[bytes, bytes] = {}
        self.on_header = self._lines.__setitem__  # without a step of ours for each line
        self._parser = httptools.HttpResponseParser(self)
        self._poll: select.poll | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_complete = True
        self._reset(0)

    def _reset(self, limit: int) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.is_stream = False
        self._received = bytearray()
        self._failure = ""
        self._limit = limit
        self._bytes = self._body_bytes = 0
        self._has_head = self._is_paused = self._is_head_enough = False

    async def send(self, request: bytes, limit: int, *, is_head_enough: bool) -> None:
        """Writes a request, and waits for the first bytes of a stream or for the whole of any other answer.

        Of a stream that tells something only later, the head may be enough.

        Raises:
            ConnectionLost: or the answer is not HTTP, or longer than `limit` bytes.
        """
        if self._is_paused:  # an answer before may have had more than was read
            self._resume()
        self._reset(limit)
        self._is_complete, self._is_head_enough = False, is_head_enough
        self._transport.write(request)
        self._waiter = self._loop.create_future()
        await self._waiter
        if self._failure:
            raise ConnectionLost(self._failure)

    @property
    def body(self) -> bytes:
        return bytes(self._received)

    async def read(self) -> bytes:
        """Returns what came next of a stream; nothing at its end. Raises ConnectionLost."""
        while not self._received:
            if self._failure:
                raise ConnectionLost(self._failure)
            if self._is_complete:
                return b""
            self._waiter = self._loop.create_future()
            await self._waiter
        read = self.body
        self._received.clear()
        if self._is_paused:
            self._resume()
        return read

    @property
    def is_between_requests(self) -> bool:
        """True if the last answer is complete and another request may follow it."""
        return self._is_complete and self.is_usable

    def was_closed(self) -> bool:
        """Returns True if the peer has closed the connection, also when the event loop has not noticed it yet."""
        if not self.is_usable or self._transport.is_closing():
            return True
        if not _CAN_POLL:  # on Windows
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(self._poll.poll(0))

    def abort(self) -> None:
        self.is_usable = False
        self._transport.abort()

    # The callbacks of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._is_complete:  # bytes that answer no request
            self.abort()
            return
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("its answer is not HTTP/1.1")
            return
        if not self.is_stream and self._body_bytes > self._limit:
            self._fail(f"its answer is longer than {self._limit} bytes")
        elif self._bytes - self._body_bytes > MAX_HEAD + 16 * self._body_bytes:
            self._fail(f"the head of its answer is longer than {MAX_HEAD} bytes")

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_usable = False
        if not self._is_complete:
            if self._has_head and not self.headers.keys() & {b"content-length", b"transfer-encoding"}:
                self._complete()  # the end of such a body is the end of the connection
            else:
                self._fail("the connection was lost" if exc else "it closed the connection")
        self.settled(self)

    # The callbacks of the parser

    def on_message_begin(self) -> None:
        self._lines.clear()
        if self._is_complete:  # an answer to no request
            self.is_usable = False

    def on_headers_complete(self) -> None:
        if self._has_head:
            return
        self.status = self._parser.get_status_code()
        if self.status < 200:  # an interim answer
            return
        self._has_head = True
        self.headers = {name.lower(): value for name, value in self._lines.items()}
        self.is_stream = self.status == 200 and self.headers.get(b"content-type", b"").lower().startswith(_SSE)
        if self.is_stream and self._is_head_enough:
            self._wake()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._is_complete or (not self.is_stream and self._body_bytes > self._limit):
            return
        self._received += body
        if self.is_stream:
            if len(self._received) > MAX_BUFFERED and not self._is_paused:
                self._is_paused = True
                self._transport.pause_reading()
            self._wake()

    def on_message_complete(self) -> None:
        if not self._has_head:
            return
        if self._transport.get_write_buffer_size() or not self._parser.should_keep_alive():
            self.is_usable = False
        self._complete()

    def _complete(self) -> None:
        self._is_complete = True
        self._wake()
        self.settled(self)

    def _fail(self, reason: str) -> None:
        if not self._failure:
            self._failure = reason
        self._wake()
        self.abort()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _resume(self) -> None:
        self._is_paused = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
