"""The answers of the HTTP protocol itself, and the outlet for those of the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from pydantic_core import to_json
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from routes.errors import document

RETRY_AFTER = b"1"
"""Seconds, in an answer with status 503."""


class Outlet:
    """The transport as the answers of the application see it: `close` waits until the client can have the answer."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


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
