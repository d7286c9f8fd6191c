"""HTTP headers of the cache: `Cache-Control` of a request; `Cache-Status` (RFC 9211) and `Age` of its response."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.cache.request import CacheInfo, cache_info


class CacheHeaders:
    """Reads and writes the cache headers. A stream has none: its response starts before its call is over."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        info = CacheInfo()
        for key, value in scope["headers"]:
            if key == b"cache-control":
                _read(value, info)
        cache_info.set(info)

        def send_with_headers(message: Message) -> Awaitable[None]:
            if info.status is not None and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_headers(info.status, info.age)]
            return send(message)

        return self.app(scope, receive, send_with_headers)


def _read(value: bytes, info: CacheInfo) -> None:
    """Adds the directives of one header; a request may have several."""
    directives = [directive.strip(b" \t") for directive in value.lower().split(b",")]
    info.refresh |= b"no-cache" in directives
    info.no_store |= b"no-store" in directives


def _headers(status: str, age: float | None) -> list[tuple[bytes, bytes]]:
    headers = [(b"cache-status", b"multi-mcp; " + status.encode())]
    return headers if age is None else [*headers, (b"age", b"%d" % age)]
