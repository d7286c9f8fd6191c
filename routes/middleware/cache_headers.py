"""Caching in the words of HTTP: `Cache-Control` on a request; `Cache-Status` (RFC 9211) and `Age` on its answer."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.cache.request import Note, note


class CacheHeaders:
    """An answer that began before its call was over, as a stream does, has none of them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        asked = Note()
        for key, value in scope["headers"]:
            if key == b"cache-control":
                _read(value, asked)
        note.set(asked)

        def send_noted(message: Message) -> Awaitable[None]:
            if asked.status is not None and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_headers(asked.status, asked.age)]
            return send(message)

        return self.app(scope, receive, send_noted)


def _read(value: bytes, asked: Note) -> None:
    """One header of maybe several: it adds to what is asked already."""
    directives = [directive.strip(b" \t") for directive in value.lower().split(b",")]
    asked.refresh |= b"no-cache" in directives
    asked.off |= b"no-store" in directives


def _headers(status: str, age: float | None) -> list[tuple[bytes, bytes]]:
    headers = [(b"cache-status", b"multi-mcp; " + status.encode())]
    return headers if age is None else [*headers, (b"age", b"%d" % age)]
