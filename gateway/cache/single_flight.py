"""Single flight: one of several equal callers fetches a value, and the others wait for it."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Enum
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_FAILURES = 3


class Role(Enum):
    """LEAD: run the tool for everyone waiting. ALONE: run it for this caller only."""

    LEAD = "lead"
    ALONE = "alone"


class SingleFlight(Generic[T]):
    """Allows one leader at a time for each key. If it brings no value, the next waiting caller leads.

    After `MAX_FAILURES` leaders that failed one after another, all waiting callers run alone instead of queueing up
    behind more failures.
    """

    def __init__(self) -> None:
        self._flights: dict[bytes, _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def join(self, key: bytes) -> T | Role:
        """Returns the leader's value, or the caller's own role. A caller told to lead must `finish`."""
        flight = self._flights.get(key)
        if flight is None:
            self._flights[key] = _Flight()
            return Role.LEAD
        waiter: asyncio.Future[T | Role] = asyncio.get_running_loop().create_future()
        flight.waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            # Cancelled after it was told to lead and before it woke up.
            if waiter.done() and not waiter.cancelled() and waiter.result() is Role.LEAD:
                self.finish(key)
            raise
        finally:
            waiter.cancel()

    def finish(self, key: bytes, value: T | None = None, *, failed: bool = False) -> None:
        """Ends the lead. All waiting callers get the value; without one, the next of them leads."""
        flight = self._flights[key]
        flight.failures += failed
        if value is not None:
            flight.wake_all(value)
        elif flight.failures >= MAX_FAILURES:
            flight.wake_all(Role.ALONE)
        if not flight.wake_next(Role.LEAD):
            del self._flights[key]


class _Flight(Generic[T]):
    __slots__ = ("failures", "waiters")

    def __init__(self) -> None:
        self.failures = 0
        self.waiters: deque[asyncio.Future[T | Role]] = deque()

    def wake_all(self, value: T | Role) -> None:
        while self.wake_next(value):
            pass

    def wake_next(self, value: T | Role) -> bool:
        """Returns false if nobody is waiting any more."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(value)
                return True
        return False
