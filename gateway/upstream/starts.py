"""The starts of many servers: a few at a time, and no one waits for a slow one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

SLOT = 1.5
"""Seconds for which a start has its place to itself. A slow one goes on beside the others."""


class Starts:
    """The places of servers that are starting: of many, a few at a time."""

    def __init__(self, places: int = 4) -> None:
        self._places = asyncio.Semaphore(places)
        self._first: set[str] = set()
        self._all_tried = asyncio.Event()

    def expect(self, server: str) -> None:
        """Notes a server that will be started."""
        self._first.add(server)

    def tried(self, server: str) -> None:
        """Notes that a server is ready, or has failed."""
        self._first.discard(server)
        if not self._first:
            self._all_tried.set()

    @asynccontextmanager
    async def awaited(self) -> AsyncIterator[None]:
        """Waits a moment for the first start of each server, so that the first lists are complete if all are quick."""
        if self._first:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_tried.wait(), SLOT)
        yield

    async def take(self) -> Callable[[], None]:
        """Waits for a place. Returns the function that gives it back; it is given back by itself after a while."""
        await self._places.acquire()
        given_back = False

        def give_back() -> None:
            nonlocal given_back
            if not given_back:
                given_back = True
                timer.cancel()
                self._places.release()

        timer = asyncio.get_running_loop().call_later(SLOT, give_back)
        return give_back
