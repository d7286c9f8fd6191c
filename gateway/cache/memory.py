"""Results kept in this process: the least recently used go first where there are too many, or too large ones."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from gateway.cache.entry import Entry, Kept

OVERHEAD = 512
"""Bytes that a result takes besides its own: keys, objects, its place in the order (a test measures it)."""


class MemoryStore:
    """At most `entries` results of together at most `max_bytes`."""

    def __init__(self, entries: int, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._slots: OrderedDict[bytes, _Slot] = OrderedDict()
        self._number = count()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._slots)

    def at_hand(self, key: bytes) -> Kept | None:
        slot = self._slots.get(key)
        if slot is None:
            return None
        age = self._clock() - slot.since
        if age >= slot.ttl:
            self._remove(key)
            return None
        self._slots.move_to_end(key)
        return Kept(slot.entry, age, slot.ttl - age)

    async def claim(self, key: bytes) -> Kept | _Claim:
        return self.at_hand(key) or await self.overtake(key)

    async def overtake(self, key: bytes) -> _Claim:
        return _Claim(self, key, next(self._number))

    def put(self, key: bytes, entry: Entry, ttl: float, number: int) -> bool:
        """Whether it is kept: not in the place of what was begun later, and not where it does not fit."""
        there = self._slots.get(key)
        size = entry.size + OVERHEAD
        if size > self._max_bytes or (there is not None and there.number > number):
            return False
        if there is not None:
            self._remove(key)
        self._slots[key] = _Slot(entry, ttl, self._clock(), number)
        self.bytes += size
        while len(self._slots) > self._most or self.bytes > self._max_bytes:
            self._remove(next(iter(self._slots)))
        return True

    def _remove(self, key: bytes) -> None:
        self.bytes -= self._slots.pop(key).entry.size + OVERHEAD


@dataclass(slots=True)
class _Slot:
    entry: Entry
    ttl: float
    since: float
    number: int


@dataclass(slots=True)
class _Claim:
    store: MemoryStore
    key: bytes
    number: int

    async def keep(self, entry: Entry, ttl: float) -> bool:
        return self.store.put(self.key, entry, ttl, self.number)

    def drop(self) -> None:
        """There is nothing to let go of."""
