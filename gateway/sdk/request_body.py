"""The body of a native request, read once.

The SDK's own limit keeps a buffer and a copy of it for as long as the request runs.
"""

from __future__ import annotations

from collections import deque

from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BOM = b"\xef\xbb\xbf"
_TOO_LARGE = b"Request body too large"


class BoundedBody:
    """Hands the request on when its whole body has arrived, in one message. Larger bodies get 413, as the SDK's do.

    A byte order mark at its beginning is left out.
    """

    def __init__(self, app: ASGIApp, max_body: int) -> None:
        self._app = app
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        messages = deque(await self._messages(scope, receive))
        if not messages:
            await _refuse(send)
            return

        async def replay() -> Message:
            return messages.popleft() if messages else await receive()

        await self._app(scope, replay, send)

    async def _messages(self, scope: Scope, receive: Receive) -> list[Message]:
        """Returns the message with the body, or what came before its end. Empty if the body is too large."""
        lengths = [value for name, value in scope["headers"] if name == b"content-length" and value.isdigit()]
        if any(int(value) > self._max_body for value in lengths):
            return []
        first = await receive()
        if first["type"] != "http.request" or not first.get("more_body", False):
            if len(first.get("body", b"")) > self._max_body:
                return []
            return [_whole(first["body"])] if first.get("body", b"").startswith(_BOM) else [first]
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
    return {"type": "http.request", "body": body.removeprefix(_BOM), "more_body": False}


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(_TOO_LARGE))]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _TOO_LARGE})


async def reread(receive: Receive) -> tuple[bytes, Receive]:
    """Returns the body, which is one message by now, and a `receive` that returns it again."""
    messages = [await receive()]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return messages[0].get("body", b""), replay


def is_initialize(body: bytes) -> bool:
    """Returns True if a body is an `initialize` request."""
    if b"initialize" not in body:  # saves parsing every other request twice
        return False
    try:
        message = from_json(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("method") == "initialize"
