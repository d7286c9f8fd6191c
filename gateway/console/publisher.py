"""The calls and the state of this process, as it tells them to those that share a Redis. Needs `redis`.

While nobody looks at the console of any process, calls cost Redis nothing: each process keeps its last ones, and adds
them to the stream when somebody begins to look.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from gateway.console.feed import Feed
from gateway.redis import RedisClient, RedisUnavailable

MAX_ITEMS = 1000
"""Batches that the stream keeps."""

MAX_BATCH, MAX_BATCH_BYTES = 100, 64 * 1024
BATCH_DELAY = 0.05
LEFT = "left:"
"""The beginning of the key of a process that has ended in good order."""

WATCHED = "watched"
"""The key that is there while somebody looks at the console of any process."""

TICK = 0.25
STATE_TICKS, FIGURES_TICKS = 4, 20
LIFETIME = 4
"""Seconds after which a process that says nothing is gone."""

FIGURES_LIFETIME = 600
CONNECTIONS_LIFETIME = 12

Ask = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Sends a request to Redis. Raises RedisUnavailable."""


class Publisher:
    """Adds calls to the stream while somebody looks, tells the state once a second, and cancels what others want
    cancelled.

    The ring of the feed is what waits. An item has its calls, and in `missed` how many before them the ring has lost.
    `earlier` is the time, by Redis' clock in milliseconds, until which somebody had looked last, if its calls are of
    the time after it: a page that was opened later has not missed them.
    """

    def __init__(self, redis: RedisClient, feed: Feed, key: str, ask: Ask) -> None:
        self._client = redis.client
        self._feed = feed
        self._key = key
        self._ask = ask
        self._added = 0
        self._paused_at: int | None = 0
        self._told: dict[str, str] = {}

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
                await self._add_new()
                await self._ask(self._end)

    async def _end(self) -> None:
        own, key = self._feed.process, self._key
        gone = (f"{key}{kind}:{own}" for kind in ("state", "connections"))
        await together(self._client, ("SET", f"{key}{LEFT}{own}", 1, "EX", FIGURES_LIFETIME), ("DEL", *gone))

    async def _add(self) -> None:
        with suppress(RedisUnavailable):
            self._paused_at = await self._now()
        while True:
            try:
                if self._feed.is_watched:
                    await self._add_new()
                elif self._paused_at is None:
                    self._paused_at = await self._now()
                await asyncio.sleep(BATCH_DELAY if self._feed.is_watched else TICK)
            except RedisUnavailable:
                await asyncio.sleep(1)

    async def _add_new(self) -> None:
        """Adds the calls that are not in the stream yet. Raises RedisUnavailable; what was not added waits on."""
        self._feed.flush()
        ring, last = self._feed.ring, self._feed.ring.last
        while self._added < last:
            calls, missed = ring.following(self._added, min(MAX_BATCH, last - self._added))
            texts: list[str] = []
            for call in calls:
                if sum(map(len, texts)) >= MAX_BATCH_BYTES:
                    break
                texts.append(json.dumps(self._feed.shown(call)))
            await self._ask(lambda: self._item(texts, missed))  # noqa: B023
            self._added += missed + len(texts)
        self._paused_at = None

    def _item(self, texts: list[str], missed: int) -> Awaitable[Any]:
        fields: Any = {"calls": f"[{','.join(texts)}]", "missed": missed}
        if self._paused_at is not None:
            fields["earlier"] = self._paused_at
        return self._client.xadd(f"{self._key}calls", fields, maxlen=MAX_ITEMS, approximate=True)

    async def _now(self) -> int:
        return await self._ask(lambda: milliseconds(self._client))  # type: ignore[no-any-return]

    async def _tell(self) -> None:
        tick = 0
        while True:
            with suppress(RedisUnavailable):
                await self._cancel()
                if await self._ask(lambda: self._client.exists(self._key + WATCHED)):
                    self._feed.watch()
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


async def milliseconds(client: Any) -> int:
    """Returns the time by Redis' clock, since 1970."""
    seconds, micros = await client.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def together(client: Any, *commands: tuple[Any, ...]) -> None:
    """Sends several commands as one transaction."""
    pipeline = client.pipeline()
    for command in commands:
        pipeline.execute_command(*command)
    await pipeline.execute()
