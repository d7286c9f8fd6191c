"""The messages about one call that another process sends, until they are read."""

from __future__ import annotations

import asyncio
from collections import deque

from gateway.relay.messages import Message

MAX_REPORTS = 256
"""Reports that wait for a slow client. Further ones are dropped; the outcome never is."""


class Inbox:
    """Holds at most `MAX_REPORTS` messages besides the last one.

    `is_alive` is True when the other process has accepted the call, `is_over` when its last message has come.
    """

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._came = asyncio.Event()
        self.is_alive = False
        self.is_over = False

    def put(self, message: Message) -> None:
        self.is_alive = True
        self.is_over |= "result" in message or "error" in message
        if self.is_over or len(self._messages) < MAX_REPORTS:
            self._messages.append(message)
            self._came.set()

    async def next(self, seconds: float) -> Message | None:
        """Returns None if nothing has come for so long."""
        if not self._messages:
            self._came.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._came.wait()
            except TimeoutError:
                return None
        return self._messages.popleft()
