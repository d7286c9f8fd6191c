"""A channel of Redis to which a process listens for as long as it runs. Needs `redis`."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from redis.exceptions import RedisError, ResponseError

from gateway.redis import RedisClient

logger = logging.getLogger(__name__)
SILENCE = 10.0
"""Seconds without a message after which the connection is tested."""

RETRY, MAX_RETRY = 0.5, 2.0
"""Seconds after which a lost subscription is tried again: at first, and at most."""


class RedisSubscription:
    """Subscribes again and again. What is published meanwhile is lost; `returned` is called when it is heard again.

    `take` is awaited with each message. `ability` says in the log what other replicas can do while it is heard.
    """

    def __init__(
        self,
        redis: RedisClient,
        channel: str,
        take: Callable[[bytes], Awaitable[None]],
        ability: tuple[str, str],
        returned: Callable[[], None] = lambda: None,
    ) -> None:
        self._redis = redis
        self._channel = channel
        self._take = take
        self._can, self._cannot = ability
        self._returned = returned
        self._is_lost = False
        self._pause = RETRY

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        listening = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait((listening,))

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.client.pubsub() as channel:
                    await channel.subscribe(self._channel)
                    await self._read(channel)
            except (RedisError, OSError) as exc:
                if not self._is_lost:  # the client of Redis tells that it is away
                    level = logging.WARNING if isinstance(exc, ResponseError) else logging.INFO
                    logger.log(level, "%s: %s", self._cannot, exc)
                self._is_lost = True
            await asyncio.sleep(self._pause * random.uniform(0.8, 1.0))  # noqa: S311  # not all replicas at once
            self._pause = min(self._pause * 2, MAX_RETRY)

    async def _read(self, channel: Any) -> None:
        is_tested = False
        while True:
            message = await channel.get_message(timeout=SILENCE)
            if message is None:
                if is_tested:
                    raise OSError("no answer")
                await channel.ping()
            elif message["type"] == "message":
                await self._take(message["data"])
            elif message["type"] == "subscribe":
                self._subscribed()
            is_tested = message is None

    def _subscribed(self) -> None:
        self._pause = RETRY
        if self._is_lost:
            self._is_lost = False
            logger.info("%s", self._can)
            self._returned()
