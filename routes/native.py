"""A native MCP endpoint, given its header values as HTTP means them."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send


class Native:
    """White space around a value is no part of it (RFC 9110, 5.5); httptools leaves what stands behind one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        for _, value in scope["headers"]:
            if value.endswith((b" ", b"\t")):
                scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
                break
        return self.app(scope, receive, send)
