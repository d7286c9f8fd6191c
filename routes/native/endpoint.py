"""A native MCP endpoint, given its header values as HTTP means them."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


def native(endpoint: ASGIApp, stateless: bool) -> list[Route]:
    """The endpoint at `/mcp` and `/mcp/`: clients write both, and some break on a redirect.

    Without sessions a GET would be a stream on which nothing ever comes; clients want 405, and go on without.
    """
    app = Native(endpoint, only_post=stateless)
    return [Route(path, app) for path in ("/mcp", "/mcp/")]


class Native:
    """White space around a value is no part of it (RFC 9110, 5.5); httptools leaves what stands behind one."""

    def __init__(self, app: ASGIApp, only_post: bool = False) -> None:
        self.app = app
        self._only_post = only_post

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if self._only_post and scope["method"] != "POST":  # said here: a route that does not match leaves it to others
            raise HTTPException(405, headers={"Allow": "POST"})
        for _, value in scope["headers"]:
            if value.endswith((b" ", b"\t")):
                scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
                break
        return self.app(scope, receive, send)
