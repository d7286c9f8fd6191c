"""The key that seals `requestState`, in a Redis: the first replica puts it there. Needs `redis`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gateway.redis import RedisClient, RedisUnavailable

logger = logging.getLogger(__name__)
INTERVAL = 2.0
"""Seconds between two looks at the key. An emptied Redis gets it back."""

LIFETIME = 24 * 60 * 60
"""Seconds that the key is kept after the last look."""

MAX_KEYS = 4
"""Keys that a process remembers: those that it has sealed with before another replica's came."""

_SHORTEST = 32


class RedisKey:
    """Calls `use` with a new ring whenever the key in Redis is another one. Until then `own` seals."""

    def __init__(self, redis: RedisClient, own: str, use: Callable[[Sequence[str]], None]) -> None:
        self._redis = redis
        self._name = f"{redis.prefix}state-key"
        self._ring = [own]
        self._use = use
        self._is_shared = False
        self._is_told = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        await self._look()
        looking = asyncio.create_task(self._look_again())
        try:
            yield
        finally:
            looking.cancel()

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await self._look()

    async def _look(self) -> None:
        """Takes over the key in Redis, or puts the own one there."""
        try:
            key = await self._redis.ask("the state key", self._agreed)
        except RedisUnavailable:
            self._tell_of_trouble("it is unavailable")
            return
        if key is None or len(key) < _SHORTEST:
            self._tell_of_trouble("it has something else in its place")
            return
        if key != self._ring[0]:
            self._ring = [key, *(each for each in self._ring if each != key)][:MAX_KEYS]
            self._use(self._ring)
        if self._is_told:
            logger.warning("all replicas seal requestState with the key in Redis now")
        self._is_shared, self._is_told = True, False

    async def _agreed(self) -> str | None:
        """Returns the key that all replicas have now; None if it is not text."""
        client = self._redis.client
        await client.set(self._name, self._ring[0], nx=True, ex=LIFETIME)
        await client.expire(self._name, LIFETIME)
        key: Any = await client.get(self._name)
        return key.decode() if key is not None and key.isascii() else None

    def _tell_of_trouble(self, reason: str) -> None:
        """Logs once that this replica has a key of its own. One that has had the shared key goes on with that."""
        if not (self._is_told or self._is_shared):
            self._is_told = True
            logger.warning(
                "this replica seals requestState with a key that others lack, until Redis has theirs: %s", reason
            )
