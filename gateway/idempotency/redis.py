"""Outcomes kept in Redis, for all workers and replicas.

The value of a slot is `run`, the digest of the call and the token of its run, or `end`, the digest and the outcome. It
lives a day from its last writing, and the process of a run writes its value again every few seconds. So the lifetime
that is left tells how long ago that was, by the clock of Redis alone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context

from gateway.errors import Unavailable
from gateway.idempotency.record import interrupted
from gateway.idempotency.store import DAY, conflict
from gateway.redis import RedisClient, RedisUnavailable
from gateway.redis_budget import Budget, budget

FORMAT = 1
"""The number of the format of a value, which is part of its key. Change both together."""

RENEW_INTERVAL = 3.0
LEASE = 10.0
"""Seconds without a renewal after which the process of a run is dead."""

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.25
"""Seconds between two looks at the run of another process."""

_TRIES = 10
_CLAIM = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}
"""
# A value that Redis has lost counts as one that did not change: it is written again.
_REPLACE = """
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""


class RedisStore:
    """Refuses calls while Redis is unavailable: it cannot make sure then that they run once."""

    def __init__(self, shared: RedisClient) -> None:
        self._shared = shared
        self._prefix = f"{shared.prefix}idempotency:{FORMAT}:"
        self._claim = shared.client.register_script(_CLAIM)
        self._replace = shared.client.register_script(_REPLACE)
        self._markers: dict[str, bytes] = {}
        self._renewals: dict[str, asyncio.Task[None]] = {}
        self._forgetting: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            for task in (*self._renewals.values(), *self._forgetting):
                task.cancel()

    async def claim(self, slot: str, digest: str, may_repeat: bool) -> bytes | None:
        marker = b"run %b %b" % (digest.encode(), secrets.token_hex(8).encode())
        pause = FIRST_PAUSE
        while (found := await self._look(slot, marker)) is not None:
            state, _, rest = found[0].partition(b" ")
            theirs, _, record = rest.partition(b" ")
            if theirs != digest.encode():
                raise conflict()
            if state == b"end":
                return record
            if found[1] < (DAY - LEASE) * 1000:
                if not may_repeat:
                    raise interrupted()
                if await self._ask_to_replace(slot, found[0], marker):
                    break
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        self._markers[slot] = marker
        self._renewals[slot] = asyncio.create_task(self._renew(slot, marker), context=Context())
        return None

    async def keep(self, slot: str, record: bytes) -> bool:
        marker = self._markers[slot]
        ended = b"end %b %b" % (marker.split(b" ")[1], record)
        try:
            await self._write(slot, marker, ended)
        except RedisUnavailable:
            return False
        self.leave(slot)
        return True

    async def drop(self, slot: str) -> None:
        marker = self._markers[slot]
        self.leave(slot)
        try:
            await self._write(slot, marker, b"")
        except RedisUnavailable:
            self._forget(slot, marker)

    def leave(self, slot: str) -> None:
        if self._markers.pop(slot, None) is not None:
            self._renewals.pop(slot).cancel()

    async def _look(self, slot: str, marker: bytes) -> tuple[bytes, int] | None:
        """Returns the value of a slot and the milliseconds that it has left; None if it is `marker` now."""
        budget.set(Budget())  # to wait for another's answer is not to wait for Redis
        try:
            found = await self._shared.ask(
                "calls with a key", lambda: self._claim([self._prefix + slot], [marker, DAY * 1000])
            )
        except RedisUnavailable as exc:
            self._forget(slot, marker)  # it may have been written all the same
            raise _unavailable() from exc
        return None if found is None else (found[0], found[1])

    async def _ask_to_replace(self, slot: str, old: bytes, new: bytes) -> bool:
        try:
            return await self._write(slot, old, new)
        except RedisUnavailable as exc:
            raise _unavailable() from exc

    async def _write(self, slot: str, old: bytes, new: bytes) -> bool:
        """Replaces a value that is `old`, or removes it if `new` is empty. Returns False if it is another one."""
        budget.set(Budget())
        arguments: list[bytes | int] = [old, new, DAY * 1000]
        written = await self._shared.ask("calls with a key", lambda: self._replace([self._prefix + slot], arguments))
        return bool(written)

    async def _renew(self, slot: str, marker: bytes) -> None:
        while True:
            await asyncio.sleep(RENEW_INTERVAL)
            try:
                await self._write(slot, marker, marker)
            except RedisUnavailable:
                continue

    def _forget(self, slot: str, marker: bytes) -> None:
        """Removes the marker of a run that did not begin, as soon as Redis is there again."""

        async def remove() -> None:
            for _ in range(_TRIES):
                await asyncio.sleep(1)
                try:
                    await self._write(slot, marker, b"")
                except RedisUnavailable:
                    continue
                return

        task = asyncio.create_task(remove(), context=Context())
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)


def _unavailable() -> Unavailable:
    return Unavailable("Redis is unavailable, so nobody can make sure that this call runs once.")
