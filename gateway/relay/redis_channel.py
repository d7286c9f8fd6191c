"""Messages between processes over Redis: publish and subscribe. Needs `redis`.

Only the text of a long message stays in Redis, for a minute: a subscriber who is behind by many bytes would be dropped.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from pydantic_core import from_json, to_json

from gateway.redis import RedisClient, RedisUnavailable
from gateway.redis_budget import Budget, budget
from gateway.relay.messages import Message
from gateway.relay.redis_subscription import RedisSubscription

LONG = 64 * 1024
"""Bytes of a message above which its text is stored apart."""

LIFETIME = 60
"""Seconds that such a text is kept."""

_ABILITY = (
    "other replicas can continue the calls that wait here again",
    "other replicas cannot continue the calls that wait here",
)


class RedisChannel:
    """The channel of `process`. `received` is called with each message, and with its sender."""

    def __init__(self, redis: RedisClient, process: str, received: Callable[[str, Message], None]) -> None:
        self._redis = redis
        self._process = process
        self._received = received
        self._prefix = f"{redis.prefix}relay:"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        async with RedisSubscription(self._redis, self._prefix + self._process, self._take, _ABILITY).opened():
            yield

    async def send(self, process: str, message: Message) -> bool:
        """Returns False if the process does not listen. Raises RedisUnavailable."""
        data = to_json({"from": self._process, **message}, inf_nan_mode="null", fallback=str)
        client = self._redis.client
        if len(data) > LONG:
            key = f"{self._prefix}text:{secrets.token_hex(16)}"
            await self._ask(lambda: client.set(key, data, ex=LIFETIME))
            data = to_json({"text": key})
        return bool(await self._ask(lambda: client.publish(self._prefix + process, data)))

    async def is_heard_by(self, process: str) -> bool:
        """Returns True if the process listens now. Raises RedisUnavailable."""
        [(_, listeners)] = await self._ask(lambda: self._redis.client.pubsub_numsub(self._prefix + process))
        return bool(listeners)

    async def _ask(self, request: Callable[[], Awaitable[Any]]) -> Any:
        budget.set(Budget())  # a call that is continued elsewhere may take long, and asks again and again
        return await self._redis.ask("waiting calls", request)

    async def _take(self, data: bytes) -> None:
        """Hands a message on. One that is damaged, or whose text has expired, is dropped."""
        with suppress(RedisUnavailable, ValueError, TypeError, KeyError, AttributeError):
            message: Message = from_json(data)
            if "text" in message:
                client, key = self._redis.client, message["text"]
                message = from_json(await self._ask(lambda: client.get(key)))
                await self._ask(lambda: client.delete(key))
            self._received(message.pop("from"), message)
