"""What goes out on a WebSocket: frame by frame, to a client that takes them in time or loses its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from starlette.types import Message, Send

from gateway.first_step import resume

PATIENCE = 10.0
"""Seconds that one frame may wait for its client to read those before it."""


class Outgoing:
    """Nothing is kept here: who sends waits until the frame is with the transport, and so holds up what made it."""

    def __init__(self, send: Send, stuck: Callable[[], None], patience: float = PATIENCE) -> None:
        self._send = send
        self._stuck = stuck
        self._patience = patience
        self._turn = asyncio.Lock()
        self.is_closed = False

    async def send(self, frame: bytes) -> None:
        """Does nothing where the connection is closed. Calls `stuck` where the client reads nothing."""
        async with self._turn:
            if self.is_closed:
                return
            try:
                await self._in_time({"type": "websocket.send", "text": frame.decode()})
            except TimeoutError:
                self.is_closed = True
                self._stuck()
            except (OSError, RuntimeError):  # the server's words for a client that is gone
                self.is_closed = True

    async def ready(self) -> None:
        """Wait while a frame waits for the client to read: it is to begin nothing whose answer would wait too."""
        if self._turn.locked():
            async with self._turn:
                pass

    async def close(self, code: int, reason: str) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        with suppress(OSError, RuntimeError):
            await self._in_time({"type": "websocket.close", "code": code, "reason": reason})

    async def _in_time(self, message: Message) -> None:
        """A message that goes out at once sets no timer: cancelled ones are kept by the loop, thousands of them."""
        sending = self._sent(message)
        try:
            awaited = sending.send(None)
        except StopIteration:
            return
        async with asyncio.timeout(self._patience):
            await resume(sending, awaited)

    async def _sent(self, message: Message) -> None:
        await self._send(message)
