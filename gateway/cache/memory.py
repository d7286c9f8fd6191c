"""Results stored in this process. The least recently used are removed first when the store is full."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gateway.cache.entry import Entry, Stored

OVERHEAD = 512
"""Bytes that an entry takes besides its result: key, objects, place in the order. A test measures it."""


class MemoryStore:
    """Holds entries of at most `max_bytes` together. `OVERHEAD` counts for each, so their number is bounded too."""

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._slots: OrderedDict[bytes, _Slot] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._slots)

    def local(self, key: bytes) -> Stored | None:
        slot = self._slots.get(key)
        if slot is None:
            return None
        age = self._clock() - slot.since
        if age >= slot.ttl:
            self._remove(key)
            return None
        self._slots.move_to_end(key)
        return Stored(slot.entry, age, slot.ttl - age)

    async def get(self, key: bytes) -> Stored | None:
        return self.local(key)

    async def put(self, key: bytes, entry: Entry, ttl: float) -> bool:
        size = entry.size + OVERHEAD
        if size > self._max_bytes:
            return False
        if key in self._slots:
            self._remove(key)
        self._slots[key] = _Slot(entry, ttl, self._clock())
        self.bytes += size
        while self.bytes > self._max_bytes:
            self._remove(next(iter(self._slots)))
        return True

    def _remove(self, key: bytes) -> None:
        self.bytes -= self._slots.pop(key).entry.size + OVERHEAD


@dataclass(slots=True)
class _Slot:
    entry: Entry
    ttl: float
    since: float
