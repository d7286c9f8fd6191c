"""Native MCP endpoints: of one server, and of all."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import GatewayError
from gateway.sdk.native import reworded
from gateway.sdk.raw_json import RawJSON, raw_json
from gateway.sdk.sessions.sessions import json_alone
from routes.json_api.body import refuse_encoded
from routes.native.fields import JSON, USUAL, normalised
from routes.native.refusal import refusal
from routes.scope import SERVER


def native(app: ASGIApp, stateless: bool) -> list[Route]:
    """Returns the routes of an endpoint: `/mcp` and `/mcp/`. Clients write both, and some fail on a redirect."""
    endpoint = NativeEndpoint(app, only_post=stateless)
    return [Route(path, endpoint) for path in ("/mcp", "/mcp/")]


def native_of_server(stateless: bool) -> list[Route]:
    """Returns the same routes for the server that the path names."""
    return native(_to_server, stateless)


class NativeEndpoint:
    """Hands requests to the SDK.

    Without sessions (`only_post`) a GET would open a stream on which nothing ever comes. Clients expect 405 and go on
    without it.
    """

    def __init__(self, app: ASGIApp, only_post: bool = False) -> None:
        self.app = app
        self._only_post = only_post

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if self._only_post and scope["method"] != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        is_odd = lists_tools = is_modern = takes_json_alone = False
        accept = None
        for name, value in scope["headers"]:
            is_odd = is_odd or value.endswith((b" ", b"\t"))
            if name == b"mcp-method":
                is_modern, lists_tools = True, value == b"tools/list"
            elif name == b"accept":
                is_odd = is_odd or accept is not None
                accept = value if accept is None else b"%b,%b" % (accept, value)
            elif name == b"content-type":
                is_odd = is_odd or value != JSON
            elif name == b"content-encoding":
                refuse_encoded(value)
        if is_odd or accept not in USUAL:
            scope["headers"], takes_json_alone = normalised(scope["headers"], accept)
        json_alone.set(takes_json_alone)
        replying = _Inserting(send) if lists_tools else _Rewording(send)
        return (self.app if is_modern else self._legacy)(scope, receive, replying)

    async def _legacy(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request that may open a session or a stream, and so may be refused."""
        try:
            await self.app(scope, receive, send)
        except GatewayError as exc:
            await refusal(exc, None, scope)(scope, receive, send)


class _Rewording:
    """Replaces the text of an exception, with which the SDK refuses a body that is no JSON-RPC message."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message.get("status") == 400:
            self._head = message
            return
        if self._head is not None:
            head, self._head = self._head, None
            body = reworded(message.get("body", b""))
            MutableHeaders(scope=head)["content-length"] = str(len(body))
            await self._send(head)
            message = {**message, "body": body}
        await self._send(message)


class _Inserting:
    """Puts the encoded tools into the SDK's answer. The head waits for the body, whose length it tells."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self._raw = RawJSON()
        raw_json.set(self._raw)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        body = self._raw.insert(message.get("body", b""))
        if self._head is not None:
            headers = MutableHeaders(scope=self._head)
            if "content-length" in headers:
                headers["content-length"] = str(len(body))
            await self._send(self._head)
            self._head = None
        await self._send({**message, "body": body})


def _to_server(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
    return SERVER.of(scope).app(scope, receive, send)
