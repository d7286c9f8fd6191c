"""The way of change events to all processes that share a Redis: one channel. Needs `redis`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.redis import RedisClient, RedisUnavailable
from gateway.relay.events.exchange import Unsent
from gateway.relay.redis_subscription import RedisSubscription

_ABILITY = (
    "changes at servers are told to the other replicas again",
    "changes at servers are not told to the other replicas, and theirs not here",
)


class RedisEvents:
    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._channel = f"{redis.prefix}events"

    @asynccontextmanager
    async def opened(self, received: Callable[[bytes], None], missed: Callable[[], None]) -> AsyncIterator[None]:
        async def take(data: bytes) -> None:
            received(data)

        async with RedisSubscription(self._redis, self._channel, take, _ABILITY, missed).opened():
            yield

    async def send(self, data: bytes) -> None:
        try:
            await self._redis.ask("change events", lambda: self._redis.client.publish(self._channel, data))
        except RedisUnavailable as exc:
            raise Unsent from exc
