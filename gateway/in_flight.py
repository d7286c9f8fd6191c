"""The requests in flight at one server."""

from __future__ import annotations

import anyio


class InFlight:
    """Counts requests between `count += 1` and `leave()`, or inside of a block; `drained` waits until there is none."""

    __slots__ = ("_empty", "count")

    def __init__(self) -> None:
        self.count = 0
        self._empty: anyio.Event | None = None

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        self.count -= 1
        if self._empty is not None and not self.count:
            self._empty.set()

    async def drained(self) -> None:
        while self.count:
            self._empty = anyio.Event()
            await self._empty.wait()
