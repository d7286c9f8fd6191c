"""The body of a native request, read once.

The SDK's own limit keeps a buffer and a copy of it for as long as the request runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.encoding import BOM

_TOO_LARGE = b"Request body too large"


class BoundedBody:
    """Hands the request on when its whole body has arrived, in one message. Larger bodies get 413, as the SDK's do.

    A byte order mark at its beginning is left out.
    """

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        messages = await self._messages(scope, receive)
        if messages:
            await self._app(scope, replaying(messages, receive), send)
        else:
            await _refuse(send)

    async def _messages(self, scope: Scope, receive: Receive) -> list[Message]:
        """Returns the message with the body, or what came before its end. Empty if the body is too large."""
        lengths = [value for name, value in scope["headers"] if name == b"content-length" and value.isdigit()]
        if any(int(value) > self._max_body for value in lengths):
            return []
        first = await receive()
        if first["type"] != "http.request" or not first.get("more_body", False):
            if len(first.get("body", b"")) > self._max_body:
                return []
            return [_whole(first["body"])] if first.get("body", b"").startswith(BOM) else [first]
        body, more = bytearray(first["body"]), True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return [{"type": "http.request", "body": bytes(body), "more_body": True}, message]
            body += message.get("body", b"")
            if len(body) > self._max_body:
                return []
            more = message.get("more_body", False)
        return [_whole(bytes(body))]


def _whole(body: bytes) -> Message:
    return {"type": "http.request", "body": body.removeprefix(BOM), "more_body": False}


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_TOO_LARGE))]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _TOO_LARGE})


async def reread(receive: Receive) -> tuple[bytes, Receive]:
    """Returns the body, which is one message by now, and a `receive` that returns it again."""
    message = await receive()
    return message.get("body", b""), replaying([message], receive)


def replaying(messages: list[Message], receive: Receive) -> Receive:
    """Returns a `receive` that returns `messages` first, and keeps none that it has returned."""

    async def replay() -> Message:
        return messages.pop(0) if messages else await receive()

    return replay


def field_of(scope: Scope, header: bytes) -> str | None:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == header), None)


def is_initialize(body: bytes) -> bool:
    """Returns True if a body is an `initialize` request."""
    return message_of(body, "initialize") is not None


def message_of(body: bytes, method: str) -> Mapping[str, Any] | None:
    """Returns the JSON-RPC message in a body if it is of `method`, else None."""
    if method.encode() not in body:  # saves parsing every other request twice
        return None
    try:
        message = from_json(body.removeprefix(BOM))
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and message.get("method") == method else None
