"""uvicorn's HTTP protocol with bounds, and with one answer to the question of where a request ends.

Each override says what uvicorn does instead. They depend on its internals, so uvicorn is pinned to a minor version.
"""

from __future__ import annotations

from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD = 64 * 1024
"""Bytes of a request's line and fields together; also of a chunked body between two bytes of its content."""

MAX_FIELDS = 100
MAX_URL = 8 * 1024
"""Bytes."""

MAX_PIPELINED = 16
"""Requests that wait for the answer to an earlier one on their connection."""

PARSED_AT_ONCE = 64 * 1024
"""Bytes. A head in one piece of this size is within its bound without being counted."""

IDLE, HEAD, BODY = range(3)
"""The place of the parser: between two requests, in a head, in a body. It is read for each field, so no enum."""

WITH_CONTENT = (b"content-length", b"transfer-encoding")


class Refused(Exception):
    """A request that is not taken, with a slug of the error table. The parser's callbacks raise it."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail


class FramedProtocol(HttpToolsProtocol):
    """Refuses a head that is too large, drops trailers, and ignores an upgrade that is not taken."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.stage = IDLE
        self._head_size = 0
        self._without_content = 0
        self.is_partial = False
        """True if the request that is being read came in several pieces."""
        self.running: RequestResponseCycle | None = None
        """The request that is being answered while others wait in `pipeline`."""

    def refuse(self, slug: str, detail: str, reason: str = "") -> None:
        """Answers with a problem document, and reads no further request."""
        raise NotImplementedError

    def data_received(self, data: bytes) -> None:
        """Feeds the parser. uvicorn also moves a timer for each packet."""
        if len(data) > PARSED_AT_ONCE:
            pieces = memoryview(data)
            for start in range(0, len(data), PARSED_AT_ONCE):
                self.data_received(pieces[start : start + PARSED_AT_ONCE])  # type: ignore[arg-type]
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            rest = bytes(data[exc.args[0] :])
        except httptools.HttpParserError as exc:
            self._reject(exc)
            return
        else:
            if self.stage:
                self.partly_received(len(data))
                self.is_partial = True
            return
        self._upgrade(rest)  # not in the handler, where the context of exceptions is another one

    def partly_received(self, size: int) -> None:
        """Counts what has no bound yet. Called after each piece that does not end its request."""
        if self.stage == HEAD:
            # The first piece may begin with the end of another request, so only what was parsed is counted.
            self._head_size = self._head_size + size if self._head_size else self._parsed_head() + 1
            if self._head_size > MAX_HEAD:
                self.refuse("head-too-large", f"The head of a request must be at most {MAX_HEAD} bytes.")
            return
        self._without_content += size
        if self._without_content > MAX_HEAD:
            self.refuse("invalid-request", "The chunks or trailers of the body are too large for its content.")

    def _parsed_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def completed(self) -> None:
        """Called at the end of a request that came in several pieces."""
        self.is_partial = False

    def _reject(self, exc: httptools.HttpParserError) -> None:
        cause = exc.__context__
        if isinstance(cause, Refused):
            self.refuse(cause.slug, cause.detail)
        else:
            self.refuse("invalid-request", "This is not a valid HTTP/1.1 request.", str(exc))

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.stage = HEAD
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > MAX_URL:
            raise Refused("url-too-long", f"The URL must be at most {MAX_URL} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Adds a field. uvicorn also adds trailers, and so forged fields that a proxy sets (RFC 9110, 6.5.1)."""
        if self.stage == BODY:
            return
        if len(self.headers) == MAX_FIELDS:
            raise Refused("head-too-large", f"A request may have at most {MAX_FIELDS} header fields.")
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():  # the parser stops behind this head: see `_upgrade`
            self.scope["method"] = self.parser.get_method().decode("ascii")
            return
        if self._head_size and self._parsed_head() > MAX_HEAD:
            raise Refused("head-too-large", f"The head of a request must be at most {MAX_HEAD} bytes.")
        if len(self.pipeline) == MAX_PIPELINED:
            raise Refused("unavailable", f"At most {MAX_PIPELINED} requests may wait on a connection.")
        before = self.cycle
        super().on_headers_complete()
        if self.pipeline and self.running is None:
            self.running = before
        self.stage = BODY
        self._without_content = 0

    def on_body(self, body: bytes) -> None:
        self._without_content = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self.stage == HEAD:  # only if the head asks for an upgrade
            return
        self.stage = IDLE
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        if self.is_partial:
            self.completed()

    # Upgrades

    def _upgrade(self, rest: bytes) -> None:
        """Takes a WebSocket, and otherwise reads the request as if it asked for no upgrade (RFC 9110, 7.8).

        `rest` is what follows its head: a body, unless it is empty. uvicorn drops some of it and reads the remainder as
        new requests. A new parser, which does not see the field `Upgrade`, reads the body as such.
        """
        if self.scope["method"] == "CONNECT":
            self.refuse("invalid-request", "The method CONNECT is not supported.")
        elif self._opens_websocket():
            self.handle_websocket_upgrade()
            if rest:
                self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]
        else:
            line = f"{self.scope['method']} ".encode() + self.url + f" HTTP/{self.parser.get_http_version()}".encode()
            fields = [name + b": " + value for name, value in self.headers if name != b"upgrade"]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.data_received(b"\r\n".join([line, *fields, b"", rest]))

    def _opens_websocket(self) -> bool:
        """Tells if the head is that of a WebSocket's handshake, and no other request is in progress."""
        if self.scope["method"] != "GET" or self.parser.get_http_version() != "1.1" or not self._should_upgrade():
            return False
        return self.is_answered and not any(name in WITH_CONTENT for name, _ in self.headers)

    @property
    def is_answered(self) -> bool:
        """Tells if no request before the one that is being read is still to be answered."""
        return self.cycle is None or self.cycle.response_complete
