"""Gives each request an id, which its log lines and its answer name."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from itertools import count
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.call import request_id

_ID = re.compile(rb"[!#-\[\]-~]{1,128}")  # what is safe in a log line: no blanks, quotes, backslashes
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_WITH_HEADERS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class RequestId:
    """Takes the id from a valid `X-Request-ID`, else from `traceparent` (W3C), else creates one.

    The answer has the id and a valid `traceparent` in its headers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._prefix = token_hex(6)
        self._count = count(1)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return self.app(scope, receive, send)
        given = traced = None
        echoed = []
        for key, value in scope["headers"]:
            if key == b"x-request-id" and _ID.fullmatch(value):
                given = value
            elif key == b"traceparent" and (match := _TRACEPARENT.fullmatch(value)):
                traced = match[1]
                echoed = [(key, value)]
        new = given or traced or f"{self._prefix}-{next(self._count):x}".encode()
        request_id.set(new.decode())  # never reset: each request has its own task, and so its own context
        echoed.append((b"x-request-id", new))

        def send_with_id(message: Message) -> Awaitable[None]:
            if message["type"] in _WITH_HEADERS:
                message["headers"] = [*message.get("headers", ()), *echoed]
            return send(message)

        return self.app(scope, receive, send_with_id)
