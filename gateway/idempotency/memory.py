"""Outcomes kept in this process. The oldest are removed first when the store is full."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gateway.idempotency.store import DAY, conflict

OVERHEAD = 512
"""Bytes that an outcome takes besides its record: key, objects, place in the order."""


class MemoryStore:
    """Keeps at most `max_bytes`, or the newest outcome alone. `OVERHEAD` counts for each, and bounds their number."""

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._claimed: dict[str, str] = {}
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def claim(self, slot: str, digest: str, may_repeat: bool) -> bytes | None:
        self._remove_old()
        kept = self._kept.get(slot)
        if kept is None:
            self._claimed[slot] = digest
            return None
        if kept.digest != digest:
            raise conflict()
        return kept.record

    async def keep(self, slot: str, record: bytes) -> bool:
        self._kept[slot] = _Kept(self._claimed.pop(slot), record, self._clock() + DAY)
        self.bytes += len(record) + OVERHEAD
        while self.bytes > self._max_bytes and len(self._kept) > 1:
            self._remove()
        return True

    async def drop(self, slot: str) -> None:
        self.leave(slot)

    def leave(self, slot: str) -> None:
        self._claimed.pop(slot, None)

    def _remove_old(self) -> None:
        now = self._clock()
        while self._kept and next(iter(self._kept.values())).until <= now:
            self._remove()

    def _remove(self) -> None:
        _, kept = self._kept.popitem(last=False)
        self.bytes -= len(kept.record) + OVERHEAD


@dataclass(slots=True)
class _Kept:
    digest: str
    record: bytes
    until: float
