"""The requests in flight at one server."""

from __future__ import annotations

from types import TracebackType

import anyio


class InFlight:
    """A context manager around each request; `drained` waits until there is none."""

    __slots__ = ("_count", "_empty")

    def __init__(self) -> None:
        self._count = 0
        self._empty: anyio.Event | None = None

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._count -= 1
        if self._empty is not None and not self._count:
            self._empty.set()

    async def drained(self) -> None:
        while self._count:
            self._empty = anyio.Event()
            await self._empty.wait()
