"""The calls and the state of this process, as it tells them to those that share a Redis. Needs `redis`."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from gateway.console.feed import Feed
from gateway.console.ring import Call, Ended
from gateway.redis import RedisClient, RedisUnavailable

MAX_ITEMS = 1000
"""Batches that the stream keeps."""

MAX_BATCH, MAX_BATCH_BYTES = 100, 64 * 1024
MAX_WAITING = 5000
"""Calls that wait while Redis is away. Then the oldest are dropped, and counted."""

TICK = 0.25
STATE_TICKS, FIGURES_TICKS = 4, 20
LIFETIME = 4
"""Seconds after which a process that says nothing is gone."""

FIGURES_LIFETIME = 600
CONNECTIONS_LIFETIME = 12

Ask = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Sends a request to Redis. Raises RedisUnavailable."""


class Publisher:
    """Adds each batch of calls to the stream, tells the state once a second, and cancels what others want cancelled."""

    def __init__(self, redis: RedisClient, feed: Feed, key: str, ask: Ask) -> None:
        self._client = redis.client
        self._feed = feed
        self._key = key
        self._ask = ask
        self._waiting: deque[Call] = deque()
        self._dropped = 0
        self._news = asyncio.Event()
        self._told: dict[str, str] = {}
        feed.listeners.append(self._take)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(each()) for each in (self._add, self._tell)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            with suppress(RedisUnavailable):
                self._feed.flush()
                await self._add_waiting()
                await self._ask(
                    lambda: self._client.delete(
                        *(f"{self._key}{kind}:{self._feed.process}" for kind in ("state", "connections"))
                    )
                )

    def _take(self, calls: Sequence[Call]) -> None:
        self._waiting.extend(calls)
        self._bound()
        self._news.set()

    def _bound(self) -> None:
        while len(self._waiting) > MAX_WAITING:
            self._waiting.popleft()
            self._dropped += 1

    async def _add(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._add_waiting()
            except RedisUnavailable:
                await asyncio.sleep(1)
                self._news.set()

    async def _add_waiting(self) -> None:
        """Adds what waits to the stream. Raises RedisUnavailable; what was not added waits on."""
        while self._waiting:
            batch: list[Call] = []
            texts: list[str] = []
            size = 0
            while self._waiting and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
                batch.append(self._waiting.popleft())
                texts.append(json.dumps(Ended._make(batch[-1]).shown(self._feed.process)))
                size += len(texts[-1])
            dropped, self._dropped = self._dropped, 0
            try:
                await self._ask(lambda: self._item(texts, dropped))  # noqa: B023
            except BaseException:  # also if the process ends
                self._waiting.extendleft(reversed(batch))
                self._dropped += dropped
                self._bound()
                raise

    def _item(self, texts: list[str], dropped: int) -> Awaitable[Any]:
        fields: Any = {"calls": f"[{','.join(texts)}]", "missed": dropped}
        return self._client.xadd(f"{self._key}calls", fields, maxlen=MAX_ITEMS, approximate=True)

    async def _tell(self) -> None:
        tick = 0
        while True:
            with suppress(RedisUnavailable):
                await self._cancel()
                if tick % STATE_TICKS == 0:
                    await self._put("state:", self._feed.state(), LIFETIME)
                if tick % FIGURES_TICKS == 0:
                    await self._put("figures:", self._feed.figures(), FIGURES_LIFETIME)
                    await self._put("refusals:", [*self._feed.refusals], FIGURES_LIFETIME)
                    await self._put("connections:", self._feed.connections(), CONNECTIONS_LIFETIME)
            tick += 1
            await asyncio.sleep(TICK)

    async def _cancel(self) -> None:
        key = f"{self._key}cancel:{self._feed.process}"
        for number in await self._ask(lambda: self._client.lpop(key, 100)) or ():
            self._feed.cancel(int(number))

    async def _put(self, kind: str, value: Any, seconds: int) -> None:
        own, client = self._feed.process, self._client
        text, key, names = json.dumps(value), f"{self._key}{kind}{own}", f"{self._key}{kind}names"
        if text == self._told.get(kind):
            await self._ask(lambda: client.expire(key, seconds))
            return
        await self._ask(lambda: together(client, ("SET", key, text, "EX", seconds), ("SADD", names, own)))
        self._told[kind] = text


async def together(client: Any, *commands: tuple[Any, ...]) -> None:
    """Sends several commands as one transaction."""
    pipeline = client.pipeline()
    for command in commands:
        pipeline.execute_command(*command)
    await pipeline.execute()
