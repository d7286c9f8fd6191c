"""The requests to a child that wait for their answers, and the clients that they come from."""

from __future__ import annotations

import asyncio

from gateway.upstream.calls.waiting import Waiting
from gateway.upstream.link import NOBODY

MAX_LEFT = 1000
LATE = 600.0
"""Seconds for which a request that was cancelled may still ask something."""


class Requests(dict[int, Waiting]):
    """Requests by id. Knows also those that were cancelled and may still be running: they may ask, too."""

    def __init__(self) -> None:
        super().__init__()
        self._left: dict[int, tuple[str, float]] = {}
        self._unsure_until = 0.0
        self._now = asyncio.get_running_loop().time

    def leave(self, number: int) -> None:
        """Notes that a request was cancelled, which the child may not heed."""
        until = self._now() + LATE
        if len(self._left) >= MAX_LEFT:
            self._unsure_until = until
            self._left.clear()
        self._left[number] = (self[number].session, until)

    def answered(self, number: int) -> None:
        """Notes an answer."""
        self._left.pop(number, None)

    @property
    def has_clients(self) -> bool:
        """True if one of them is not the router's own."""
        return any(waiting.origin is not NOBODY for waiting in self.values())

    def owner(self) -> Waiting | None:
        """Returns a request of the one client that the child can mean; None if nobody can say which that is."""
        now = self._now()
        asking = [waiting for waiting in self.values() if waiting.origin is not NOBODY]
        if not asking or now < self._unsure_until:
            return None
        if len(asking) > 1 and any(not own.origin.has_session or own.session != asking[0].session for own in asking):
            return None
        for number, (_, until) in tuple(self._left.items()):
            if until < now:
                del self._left[number]
        return asking[-1] if all(session == asking[0].session for session, _ in self._left.values()) else None
