"""Bounds the bytes of request bodies that arrive for one principal at the same time."""

from __future__ import annotations

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.caller import Caller, caller
from gateway.places import Places

KIND = "bytes of request bodies in arrival"


class Bodies:
    """Counts a body from its first part to its last. One in a single part, or under 10,000 bytes, is not counted.

    It stands inside of the authentication, since before that nobody knows whose body it is.
    """

    def __init__(self, app: ASGIApp, places: Places) -> None:
        self.app = app
        self._places = places

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "http" or scope["method"] == "GET":
            return self.app(scope, receive, send)
        for name, value in scope["headers"]:
            if name == b"content-length" and len(value) < 5:  # a wrapped request would cost more than it could hold
                return self.app(scope, receive, send)
        return self._counted(_Body(receive, self._places, caller.get()), scope, send)

    async def _counted(self, body: _Body, scope: Scope, send: Send) -> None:
        try:
            await self.app(scope, body.receive, send)
        finally:
            body.give_back()


class _Body:
    """The messages of one request, and the bytes that it holds while more are to come."""

    __slots__ = ("_held", "_places", "_receive", "_who")

    def __init__(self, receive: Receive, places: Places, who: Caller) -> None:
        self._receive = receive
        self._places = places
        self._who = who
        self._held = 0

    async def receive(self) -> Message:
        """Raises ShareExceeded or Unavailable if the next part would be too much."""
        message = await self._receive()
        if not message.get("more_body"):
            self.give_back()
        elif size := len(message.get("body", b"")):
            self._places.take(self._who, size)
            self._held += size
        return message

    def give_back(self) -> None:
        if self._held:
            self._places.give_back(self._who, self._held)
            self._held = 0
