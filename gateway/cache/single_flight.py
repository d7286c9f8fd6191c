"""Single flight: of all who want the same, one fetches it, and the others wait for what it brings."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")
TRIES = 3


class Turn(Enum):
    """What else can come of waiting: to fetch it for all, or for oneself alone."""

    LEAD = "lead"
    ALONE = "alone"


class Flights(Generic[T]):
    """One leader at a time for each key. A leader that brings nothing leaves its place to the next who waits.

    After `TRIES` that failed one after another, all who still wait fetch it alone: nobody waits for many failures.
    """

    def __init__(self) -> None:
        self._flights: dict[bytes, _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def join(self, key: bytes) -> T | Turn:
        """What the leader brings. Who is told to lead must `land` or `leave`, whatever happens."""
        flight = self._flights.get(key)
        if flight is None:
            self._flights[key] = _Flight()
            return Turn.LEAD
        place: asyncio.Future[T | Turn] = asyncio.get_running_loop().create_future()
        flight.waiting.append(place)
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result() is Turn.LEAD:
                self.leave(key, failed=False)  # it was told to lead in the moment in which its caller left
            raise
        finally:
            place.cancel()

    def land(self, key: bytes, brought: T) -> None:
        """Hand it to all who wait."""
        self._flights.pop(key).tell_all(brought)

    def leave(self, key: bytes, *, failed: bool) -> None:
        """Bring nothing: the next leads."""
        flight = self._flights[key]
        flight.failures += failed
        if flight.failures >= TRIES:
            flight.tell_all(Turn.ALONE)
        if not flight.tell_next(Turn.LEAD):
            del self._flights[key]


class _Flight(Generic[T]):
    __slots__ = ("failures", "waiting")

    def __init__(self) -> None:
        self.failures = 0
        self.waiting: deque[asyncio.Future[T | Turn]] = deque()

    def tell_all(self, word: T | Turn) -> None:
        while self.tell_next(word):
            pass

    def tell_next(self, word: T | Turn) -> bool:
        """Whether there was one who still waits."""
        while self.waiting:
            place = self.waiting.popleft()
            if not place.done():
                place.set_result(word)
                return True
        return False
