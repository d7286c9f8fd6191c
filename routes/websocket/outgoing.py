"""Sends frames to the client of a WebSocket, and drops a client that does not read them in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from starlette.types import Message, Send

from gateway.first_step import resume

SEND_TIMEOUT = 10.0
"""Seconds in which the client must read enough for the next frame to be sent."""


class Outgoing:
    """Has no queue: a sender waits until the transport has its frame, which slows down a tool that reports a lot.

    `timed_out` is called once, when the client does not read in time.
    """

    def __init__(self, send: Send, timed_out: Callable[[], None], timeout: float = SEND_TIMEOUT) -> None:
        self._send = send
        self._timed_out = timed_out
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self.is_closed = False

    async def send(self, frame: bytes) -> None:
        """Sends a frame. Does nothing if the connection is closed."""
        async with self._lock:
            if self.is_closed:
                return
            try:
                await self._send_in_time({"type": "websocket.send", "text": frame.decode()})
            except TimeoutError:
                self.is_closed = True
                self._timed_out()
            except (OSError, RuntimeError):  # raised by uvicorn after the client has disconnected
                self.is_closed = True

    async def writable(self) -> None:
        """Waits while a frame is being sent, so that no call begins whose answer would only wait as well."""
        if self._lock.locked():
            async with self._lock:
                pass

    async def close(self, code: int, reason: str) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        with suppress(OSError, RuntimeError):
            await self._send_in_time({"type": "websocket.close", "code": code, "reason": reason})

    async def _send_in_time(self, message: Message) -> None:
        # Most messages are sent without waiting. They must not start a timer: the event loop stores a cancelled timer
        # until its time has come, which would be thousands of them.
        sending = self._as_coroutine(message)
        try:
            awaited = sending.send(None)
        except StopIteration:
            return
        async with asyncio.timeout(self._timeout):
            await resume(sending, awaited)

    async def _as_coroutine(self, message: Message) -> None:
        """Wraps `send`, which may return any awaitable: only a coroutine has a first step."""
        await self._send(message)
