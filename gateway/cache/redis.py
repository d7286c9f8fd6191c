"""Results stored in Redis, for all workers and replicas."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import FiniteFloat, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from gateway.cache.entry import Entry, Stored
from gateway.redis import RedisClient, RedisUnavailable

FORMAT = 2
"""The number of the format of an entry, which is part of its key. Change both together."""


@dataclass(slots=True)
class _Record:
    """An entry as it is written, in JSON. `ttl` is in seconds, `stored_at` in seconds since 1970."""

    entry: Entry
    ttl: FiniteFloat
    stored_at: FiniteFloat


_RECORD = TypeAdapter(_Record)


class RedisStore:
    """Finds nothing and stores nothing while Redis is unavailable."""

    def __init__(self, shared: RedisClient, clock: Callable[[], float] = time.time) -> None:
        self._shared = shared
        self._prefix = f"{shared.prefix}cache:{FORMAT}:"
        self._clock = clock

    def local(self, key: bytes) -> Stored | None:
        return None  # all entries are in Redis

    async def get(self, key: bytes) -> Stored | None:
        try:
            value = await self._shared.ask("cache reads", lambda: self._shared.client.get(self._prefix + key.hex()))
            record = _RECORD.validate_json(value or b"")
        except (RedisUnavailable, ValidationError):  # a damaged entry is a miss, and the next result replaces it
            return None
        # The clock of the host that wrote the entry may differ from ours. Redis alone ends its lifetime.
        age = min(max(0.0, self._clock() - record.stored_at), record.ttl)
        return Stored(record.entry, age, record.ttl - age)

    async def put(self, key: bytes, entry: Entry, ttl: float) -> bool:
        value = _RECORD.dump_json(_Record(entry, ttl, self._clock()))
        name, lifetime = self._prefix + key.hex(), max(1, round(ttl * 1000))
        try:
            await self._shared.ask("cache writes", lambda: self._shared.client.set(name, value, px=lifetime))
        except RedisUnavailable:
            return False
        return True
