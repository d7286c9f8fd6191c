"""Logins that replicas share in Redis. Needs `redis`."""

from __future__ import annotations

import time
from typing import Any

from gateway.console.logins import LIFETIME, MAX_LOGINS
from gateway.console.publisher import together
from gateway.errors import Unavailable
from gateway.redis import RedisClient, RedisUnavailable

AWAY = "Logins of the console are kept in Redis, which is unavailable."


class RedisStore:
    """Raises Unavailable while Redis is away."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._key = f"{redis.prefix}console:login:"
        self._ages = f"{redis.prefix}console:logins"

    async def put(self, name: str, sealed: str) -> None:
        client, key = self._redis.client, self._key + name
        add = ("SET", key, sealed, "EX", LIFETIME), ("ZADD", self._ages, time.time(), name)
        try:
            await self._redis.ask("the console", lambda: together(client, *add, ("EXPIRE", self._ages, LIFETIME)))
            if (surplus := await self._redis.ask("the console", lambda: client.zcard(self._ages)) - MAX_LOGINS) > 0:
                oldest: Any = await self._redis.ask("the console", lambda: client.zpopmin(self._ages, surplus))
                names = [self._key + each.decode() for each, _ in oldest]
                await self._redis.ask("the console", lambda: client.delete(*names))
        except RedisUnavailable as exc:
            raise Unavailable(AWAY) from exc

    async def get(self, name: str) -> str | None:
        try:
            found: Any = await self._redis.ask("the console", lambda: self._redis.client.get(self._key + name))
        except RedisUnavailable as exc:
            raise Unavailable(AWAY) from exc
        return None if found is None else str(found.decode())

    async def drop(self, name: str) -> None:
        client, key = self._redis.client, self._key + name
        try:
            await self._redis.ask("the console", lambda: together(client, ("DEL", key), ("ZREM", self._ages, name)))
        except RedisUnavailable as exc:
            raise Unavailable(AWAY) from exc
