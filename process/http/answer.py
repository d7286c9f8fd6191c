"""The answers of the HTTP protocol itself, and the outlet for those of the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from routes.errors import document

RETRY_AFTER = b"1"
"""Seconds, in an answer with status 503."""

JOINED = 64 * 1024
"""Bytes of a body up to which its head is sent together with it. A larger one would cost more to copy."""

_CONTINUE = b"HTTP/1.1 100 "
_LENGTH = b"\r\ncontent-length: "

JOINED = 64 * 1024
"""Bytes of a body up to which its head is sent together with it. A larger one would cost more to copy."""

_CONTINUE = b"HTTP/1.1 100 "
_LENGTH = b"\r\ncontent-length: "


class Outlet:
    """The transport as the answers of the application see it: `close` waits until the client can have the answer.

    The head of an answer that says its length is sent together with the first piece of the body, if that is small.
    """

    __slots__ = ("_head", "_is_begun", "_write", "finish", "is_closing")

    def __init__(self, transport: asyncio.Transport, finish: Callable[[], None]) -> None:
        self.is_closing = transport.is_closing
        self.finish = finish
        self._write = transport.write
        self._is_begun = False
        self._head = b""

    def begin(self, method: str) -> None:
        """Begins the answer to a request. One with HEAD gets no body that its head could wait for."""
        self._is_begun = method == "HEAD"
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
            head, self._head = self._head, b""
            if len(data) <= JOINED:
                data = head + data
            else:
                self._write(head)
        elif not self._is_begun and not data.startswith(_CONTINUE):
            self._is_begun = True
            if _LENGTH in data:
                self._head = data
                return
        self._write(data)

    def close(self) -> None:
        if self._head:
            self.write(b"")
        self.finish()


def problem_answer(slug: str, detail: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Returns the whole answer with the problem document of `slug`, after which the connection ends."""
    problem = document(slug, detail)
    body = to_json(problem)
    fields = [
        *headers,
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    if problem["status"] == 503:
        fields.append((b"retry-after", RETRY_AFTER))
    return b"".join([STATUS_LINE[problem["status"]], *(b"%s: %s\r\n" % field for field in fields), b"\r\n", body])
