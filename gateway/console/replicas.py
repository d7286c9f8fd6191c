"""The calls of all processes that share a Redis. Needs `redis`.

While somebody looks, each process adds its calls to one stream, in batches; and it tells its state once a second. A
page reads from whichever process it reached. The cursor is an id of the stream, so the order is that of Redis' clock
alone.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from typing import Any

from gateway.console.feed import WATCHED as WATCHED_SECONDS
from gateway.console.feed import Feed
from gateway.console.publisher import LEFT, LIFETIME, MAX_ITEMS, TICK, WATCHED, Publisher, milliseconds, together
from gateway.console.source import MAX_SENT, Chunk, Figures, OwnProcess, Shown, ended
from gateway.redis import RedisClient, RedisUnavailable

FIRST_ITEMS = 20
"""Items that are read first for the last calls. Most have several."""

_LAST = 2**64 - 1
_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")
MISSED_SECONDS = 60
MISSING = "{} of the other processes no longer answer: their last calls may not be shown."
AWAY = "Redis is away: only this process is seen, and calls of now are added when it is back."


class Replicas:
    """Satisfies `Source`. While Redis is away, calls go on as ever, and the page is told."""

    reach = "replicas"

    def __init__(self, redis: RedisClient, feed: Feed) -> None:
        self._redis = redis
        self._is_away = False
        self._missing = 0
        self._seen: dict[str, float] = {}
        self._feed = feed
        self._own = OwnProcess(feed)
        self._watched = -1.0
        self._key = f"{redis.prefix}console:"
        self.opened = Publisher(redis, feed, self._key, self._ask).opened

    async def watch(self) -> None:
        """Tells all processes that somebody looks, at most once a second."""
        self._feed.watch()
        now = self._feed.clock()
        if now >= self._watched + 1:
            self._watched = now
            with suppress(RedisUnavailable):
                key, seconds = self._key + WATCHED, int(WATCHED_SECONDS)
                await self._ask(lambda: self._redis.client.set(key, 1, ex=seconds))

    async def after(self, cursor: str) -> Chunk:
        stream, client = self._key + "calls", self._redis.client
        await self.watch()
        try:
            if _ID.fullmatch(cursor) and await self._has_all_after(cursor):
                items = await self._ask(lambda: client.xrange(stream, f"({cursor}", "+", MAX_SENT))
                return _chunk(items, cursor, is_start=False)
            return await self._start()
        except RedisUnavailable:
            return Chunk([], cursor or "0-1")

    @property
    def trouble(self) -> str:
        return AWAY if self._is_away else MISSING.format(self._missing) if self._missing else ""

    async def states(self) -> Sequence[Shown]:
        others = await self._of_others("state:")
        if not self._is_away:
            self._seen |= dict.fromkeys((state["process"] for state in others), self._feed.clock())
            with suppress(RedisUnavailable):
                await self._look_for_missing({state["process"] for state in others})
        return [self._feed.state(), *others]

    async def of_request(self, request_id: str) -> Sequence[Shown]:
        """Waits up to a second for others to add their calls, if nobody has looked before."""
        await self.watch()
        found = list[Shown]()
        for _ in range(int(1 / TICK)):
            with suppress(RedisUnavailable):
                items = await self._ask(lambda: self._redis.client.xrevrange(self._key + "calls", "+", "-", MAX_ITEMS))
                found = [call for call in _calls(items) if call["request_id"] == request_id]
            if found := found or [*await self._own.of_request(request_id)]:
                break
            await asyncio.sleep(TICK)
        return found

    async def figures(self) -> Sequence[Figures]:
        return [self._feed.figures(), *await self._of_others("figures:")]

    async def refusals(self) -> Sequence[Shown]:
        return [*self._feed.refusals, *(each for own in await self._of_others("refusals:") for each in own)]

    async def connections(self) -> Sequence[Shown]:
        others = await self._of_others("connections:")
        return [*self._feed.connections(), *(each for own in others for each in own)]

    async def cancel(self, process: str, number: int) -> bool:
        if process == self._feed.process:
            return self._feed.cancel(number)
        states = {state["process"]: state["running"] for state in await self.states()}
        if number not in [call["number"] for call in states.get(process, ())]:
            return False
        key, client = f"{self._key}cancel:{process}", self._redis.client
        try:
            await self._ask(lambda: together(client, ("RPUSH", key, number), ("EXPIRE", key, LIFETIME)))
        except RedisUnavailable:
            return False
        return True

    async def _look_for_missing(self, there: Set[str]) -> None:
        """Counts those that have said nothing of late, and have not said that they end."""
        silent = [name for name in self._seen if name not in there]
        left = [f"{self._key}{LEFT}{name}" for name in silent]
        goodbyes = await self._ask(lambda: self._redis.client.mget(left)) if left else []
        for name, has_ended in zip(silent, goodbyes, strict=True):
            if has_ended or self._seen[name] < self._feed.clock() - MISSED_SECONDS:
                del self._seen[name]
        self._missing = sum(name not in there for name in self._seen)

    async def _start(self) -> Chunk:
        stream, client = self._key + "calls", self._redis.client
        # What comes from now on has a later id, or the same millisecond.
        now = f"{await self._ask(lambda: milliseconds(client)) - 1}-{_LAST}"
        if not (items := await self._last(now)):  # an empty stream could have lost what came before its first item
            fields: Any = {"calls": "[]", "missed": 0}
            now = (await self._ask(lambda: client.xadd(stream, fields))).decode()
        return _chunk(items, now, is_start=True)

    async def _last(self, until: str) -> Any:
        """Returns the items of the last calls, the last item last."""
        items: Any = []
        for count in (FIRST_ITEMS, MAX_SENT):
            items = await self._ask(lambda: self._redis.client.xrevrange(f"{self._key}calls", until, "-", count))  # noqa: B023
            if len(items) < count or sum(fields[b"calls"].count(b'"number"') for _, fields in items) >= MAX_SENT:
                break
        return items[::-1]

    async def _of_others(self, kind: str) -> list[Any]:
        """Returns what the other processes have told last."""
        client, names = self._redis.client, f"{self._key}{kind}names"
        try:
            known = [name.decode() for name in await self._ask(lambda: client.smembers(names))]
            others = sorted(name for name in known if name != self._feed.process)
            told = await self._ask(lambda: client.mget([self._key + kind + name for name in others])) if others else []
            if gone := [name for name, text in zip(others, told, strict=True) if text is None]:
                await self._ask(lambda: client.srem(names, *gone))
        except RedisUnavailable:
            return []
        return [json.loads(text) for text in told if text is not None]

    async def _has_all_after(self, cursor: str) -> bool:
        """Returns False if the stream may have lost items after a cursor, because it is bounded or was emptied."""
        first = await self._ask(lambda: self._redis.client.xrange(self._key + "calls", "-", "+", 1))
        return cursor == "0-1" or not first or _order(cursor) >= _order(first[0][0].decode())

    async def _ask(self, request: Callable[[], Awaitable[Any]]) -> Any:
        try:
            found = await self._redis.ask("the console", request)
        except RedisUnavailable:
            self._is_away = True
            raise
        self._is_away = False
        return found


def _chunk(items: Any, cursor: str, is_start: bool) -> Chunk:
    """Returns the calls of items, in the order of their ends; of many only the last ones.

    Those of the time before somebody began to look are not missed by a page that was opened then.
    """
    calls, count, missed = list[Shown](), 0, 0
    for _, fields in items:
        found = json.loads(fields[b"calls"])
        calls += found
        if b"earlier" not in fields or _order(cursor) <= (int(fields[b"earlier"]), _LAST):
            count += len(found)
            missed += int(fields[b"missed"])
    kept = sorted(calls, key=ended)[-MAX_SENT:]
    last = items[-1][0].decode() if items and not is_start else cursor
    return Chunk(kept, last, 0 if is_start else missed + max(0, count - MAX_SENT), is_start)


def _calls(items: Any) -> list[Shown]:
    return [call for _, fields in items for call in json.loads(fields[b"calls"])]


def _order(cursor: str) -> tuple[int, int]:
    at, _, number = cursor.partition("-")
    return int(at), int(number)
