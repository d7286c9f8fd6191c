"""Lets pages of allowed origins read the answers. The guard, which runs before, has refused every other origin."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Mapping[str, tuple[str, str]] = {
    "JSON": ("accept content-type", "Accept-Encoding Allow Location Retry-After"),
    "native MCP": ("last-event-id mcp-method mcp-name mcp-protocol-version mcp-session-id", "Mcp-Session-Id"),
    "lists": ("if-none-match", "ETag"),
    "authentication": ("authorization x-api-key", "WWW-Authenticate"),
    "rate limits": ("", "RateLimit RateLimit-Policy"),
    "idempotency": ("idempotency-key", "Idempotency-Replayed"),
    "cache": ("cache-control", "Age Cache-Status"),
    "log and traces": ("baggage traceparent tracestate x-request-id", "X-Request-ID"),
}
"""For each feature the headers that a page may send, and those of the answer that it may read."""

ALLOWED_IF_ASKED = ("tool-version",)
EXPOSED_IF_THERE = "Tool-Version, Deprecation, Sunset, Link"
"""The headers of tools with versions, which most applications have not."""

ALLOWED_HEADERS = tuple(name for sent, _ in HEADERS.values() for name in sent.split())
EXPOSED_HEADERS = ", ".join(name for _, read in HEADERS.values() for name in read.split())
METHODS = "GET, POST, DELETE, OPTIONS"


class CORS:
    """Answers preflights, and adds the CORS headers to the answers for pages.

    Starlette's own cannot allow `mcp-param-*`, the headers that tools define.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            for key, _ in scope["headers"]:
                if key == b"origin":
                    return self._allow(scope, receive, send)
        return self.app(scope, receive, send)

    async def _allow(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await preflight(headers)(scope, receive, send)
            return

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["Access-Control-Allow-Origin"] = headers["origin"]
                more = f", {EXPOSED_IF_THERE}" if "tool-version" in answer else ""
                answer["Access-Control-Expose-Headers"] = EXPOSED_HEADERS + more
                answer.add_vary_header("Origin")
            await send(message)

        await self.app(scope, receive, send_allowed)


def preflight(headers: Headers) -> Response:
    """Returns the answer to a preflight. Browsers send it without credentials, so it must not be authenticated."""
    requested = [name.strip().lower() for name in headers.get("access-control-request-headers", "").split(",")]
    known = (*ALLOWED_HEADERS, *ALLOWED_IF_ASKED)
    allowed = [name for name in requested if name in known or name.startswith("mcp-param-")]
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Origin": headers["origin"],
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": ", ".join(dict.fromkeys([*ALLOWED_HEADERS, *allowed])),
            "Access-Control-Max-Age": "600",
            "Vary": "Origin, Access-Control-Request-Headers",
        },
    )
