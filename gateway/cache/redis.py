"""Results kept in Redis, for all workers and replicas: one of them runs the tool, the others wait for its result."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from secrets import token_bytes
from typing import Any

from gateway.cache.entry import Entry, Kept, packed, unpacked
from gateway.redis import Away, Shared

_PREFIX = "multi-mcp:cache:1"
LEASE = 5.0
"""Seconds after which a leader that went without a word is taken to be dead."""
_FIRST_LOOK = 0.002
_LAST_LOOK = 0.05

# Braces: in a cluster both keys live on one node.
_CLAIM = """
if ARGV[3] == '1' then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) return 1 end
local value = redis.call('GET', KEYS[1])
if value then return {value, redis.call('PTTL', KEYS[1])} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return redis.call('GET', KEYS[2]) == ARGV[1] and 1 or 0
"""
_KEEP = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
"""
_RENEW = "return redis.call('GET', KEYS[2]) == ARGV[1] and redis.call('PEXPIRE', KEYS[2], ARGV[2]) or 0"
_RELEASE = "return redis.call('GET', KEYS[2]) == ARGV[1] and redis.call('DEL', KEYS[2]) or 0"


class RedisStore:
    """Only who holds the lock of a key may keep its result: a result that a refresh overtook is not kept."""

    def __init__(self, shared: Shared, lease: float = LEASE) -> None:
        self._shared = shared
        self.lease = lease
        script = shared.client.register_script
        self._claim, self._keep, self._renew, self._release = map(script, (_CLAIM, _KEEP, _RENEW, _RELEASE))
        self._releasing: set[asyncio.Task[None]] = set()
        self._renewing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """At its end the locks are free, and no task is left."""
        yield
        for task in self._renewing:
            task.cancel()
        if left := self._releasing | self._renewing:
            await asyncio.wait(left)

    def at_hand(self, key: bytes) -> Kept | None:
        """All of it is elsewhere."""
        return None

    async def claim(self, key: bytes) -> Kept | _Held | _Nothing:
        found = await self._found_or_held(key, overtakes=False)
        if isinstance(found, _Held | _Nothing):
            return found
        kept = unpacked(*found)
        return await self.overtake(key) if kept is None else kept  # what is damaged is brought anew

    async def overtake(self, key: bytes) -> _Held | _Nothing:
        found = await self._found_or_held(key, overtakes=True)
        assert isinstance(found, _Held | _Nothing)
        return found

    async def _found_or_held(self, key: bytes, *, overtakes: bool) -> tuple[bytes, float] | _Held | _Nothing:
        held = _Held(self, key, token_bytes(16))
        arguments = [held.token, _milliseconds(self.lease), int(overtakes)]
        delay = _FIRST_LOOK
        try:
            while isinstance(found := await self._ask(self._claim, key, arguments), int):
                if found:
                    held.renew_in_time()
                    return held
                await asyncio.sleep(delay)
                delay = min(delay * 1.5, _LAST_LOOK)
        except Away:
            return _Nothing()
        except asyncio.CancelledError:  # the lock may be ours without our having heard of it
            held.drop()
            raise
        return found[0], found[1] / 1000

    async def keep(self, key: bytes, token: bytes, entry: Entry, ttl: float) -> bool:
        return bool(await self._ask(self._keep, key, [token, packed(entry, ttl), _milliseconds(ttl)]))

    def renew(self, key: bytes, token: bytes) -> asyncio.Task[None]:
        """Hold the lock until the task is cancelled, or the lock is lost."""
        return _kept(self._renewed(key, token), self._renewing)

    def release(self, key: bytes, token: bytes) -> None:
        """Soon, by a task of its own: whose caller left can wait for nothing."""
        _kept(self._released(key, token), self._releasing)

    async def _renewed(self, key: bytes, token: bytes) -> None:
        held = True
        while held:
            with suppress(Away):  # it may come back with the lock
                held = bool(await self._ask(self._renew, key, [token, _milliseconds(self.lease)]))
            await asyncio.sleep(self.lease / 3)

    async def _released(self, key: bytes, token: bytes) -> None:
        with suppress(Away):  # then it ends by itself
            await self._ask(self._release, key, [token])

    async def _ask(self, script: Any, key: bytes, arguments: Sequence[Any]) -> Any:
        """What Redis answers. A cancellation is heard, which its client at times loses by `wait_for` of Python 3.11."""
        name = f"{_PREFIX}:{{{key.hex()}}}"
        task = asyncio.current_task()
        before = task.cancelling() if task is not None else 0
        try:
            return await self._shared.ask(lambda: script(keys=[name, f"{name}:lock"], args=arguments))
        finally:
            if task is not None and task.cancelling() > before:
                raise asyncio.CancelledError


class _Held:
    """A claim with the lock of its key, which is held for as long as the tool runs."""

    def __init__(self, store: RedisStore, key: bytes, token: bytes) -> None:
        self._store = store
        self._key = key
        self.token = token
        self._timer: asyncio.TimerHandle | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._over = False

    def renew_in_time(self) -> None:
        """A short call pays for a timer alone."""
        self._timer = asyncio.get_running_loop().call_later(self._store.lease / 3, self._start)

    async def keep(self, entry: Entry, ttl: float) -> bool:
        try:
            kept = await self._store.keep(self._key, self.token, entry, ttl)
        except Away:
            kept = False
        self._end()
        return kept

    def drop(self) -> None:
        if not self._over:
            self._end()
            self._store.release(self._key, self.token)

    def _end(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._renewal is not None:
            self._renewal.cancel()

    def _start(self) -> None:
        self._renewal = self._store.renew(self._key, self.token)


class _Nothing:
    """A claim while Redis is away: the tool runs, and nothing is kept."""

    async def keep(self, entry: Entry, ttl: float) -> bool:
        return False

    def drop(self) -> None:
        """There is nothing to let go of."""


def _kept(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    """A task that is in `tasks` until it is over."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
