"""The streams that clients of sessions hold open with a GET: each one at most once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from starlette.types import Message, Send

Key = tuple[str, str]
"""The id of a session and the name of its stream."""

_LAST_WORD = 1.0
"""Seconds in which the client of an ended stream must take its end. A stalled one never does."""


@dataclass(slots=True)
class _Open:
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)


class GetStreams:
    """Ends the earlier stream of a key before the next one begins.

    A client whose network has changed connects again before anyone notices that its old connection is dead.
    """

    def __init__(self) -> None:
        self._open: dict[Key, _Open] = {}

    async def end(self, key: Key) -> None:
        """Ends the stream of this key, if there is one, and returns when its place is free."""
        while (earlier := self._open.get(key)) is not None:
            earlier.scope.cancel()
            await earlier.ended.wait()

    async def run(self, key: Key, stream: Callable[[Send], Awaitable[None]], send: Send) -> None:
        """Runs `stream` until it ends, or until it is ended for the next one. None of this key may be open."""
        this, is_sending = _Open(), False

        async def watched(message: Message) -> None:
            nonlocal is_sending
            is_sending = message["type"] == "http.response.start" or bool(message.get("more_body"))
            await send(message)

        self._open[key] = this
        try:
            with this.scope:
                await stream(watched)
        finally:
            del self._open[key]
            this.ended.set()
        if this.scope.cancelled_caught and is_sending:
            with anyio.move_on_after(_LAST_WORD):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
