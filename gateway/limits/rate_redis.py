"""The calls of each caller, counted in Redis for all workers and replicas together. Needs `limits` and `redis`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from limits.aio.storage import RedisStorage

from gateway.errors import Unavailable
from gateway.limits.rate_rules import Window
from gateway.redis import RedisClient, RedisUnavailable

PREFIX = "multi-mcp:rate"
_NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
"""
_TAKE = """
local function acquire(KEYS, ARGV)
    %s
end
local amount = ARGV[#ARGV]
for i, key in ipairs(KEYS) do
    local nth = redis.call('LINDEX', key, ARGV[2 * i - 1] - amount)
    if nth and tonumber(nth) >= now - ARGV[2 * i] then return 0 end
end
for i, key in ipairs(KEYS) do
    acquire({key}, {now, ARGV[2 * i - 1], ARGV[2 * i], amount})
end
return 1
"""
_LOOK = """
local function look(KEYS, ARGV)
    %s
end
local found = look(KEYS, {now - ARGV[2], ARGV[1]})
return found and {tostring(now - found[1]), found[2]}
"""


class RedisWindows(RedisStorage):
    """That of `limits` and its scripts, but several windows as one, and by the clock of Redis: replicas need not agree
    on the time. Keys expire with their windows.

    While Redis is away, calls pass where `is_open`, and are Unavailable where not.
    """

    def __init__(self, shared: RedisClient, is_open: bool, clock: Callable[[], float] = time.monotonic) -> None:
        pool = shared.client.connection_pool
        super().__init__("redis://", implementation="redispy", key_prefix=PREFIX, connection_pool=pool)  # type: ignore[arg-type]
        self._shared = shared
        self._is_open = is_open
        self._clock = clock
        acquire, look = self.bridge.SCRIPT_ACQUIRE_MOVING_WINDOW, self.bridge.SCRIPT_MOVING_WINDOW
        self._take = shared.client.register_script(_NOW + _TAKE % acquire.decode())
        self._look = shared.client.register_script(_NOW + _LOOK % look.decode())

    async def take(self, windows: Sequence[Window], amount: int = 1) -> bool:
        keys = [self.bridge.prefixed_key(key) for key, _, _ in windows]
        bounds = [bound for _, calls, seconds in windows for bound in (calls, seconds)]
        try:
            return bool(await self._shared.ask(lambda: self._take(keys, [*bounds, amount])))
        except RedisUnavailable as exc:
            self._pass_or_refuse(exc)
            return True

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return amount <= limit and await self.take([Window(key, limit, expiry)], amount)

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        keys, bounds = [self.bridge.prefixed_key(key)], [limit, expiry]
        try:
            age, count = await self._shared.ask(lambda: self._look(keys, bounds)) or (0, 0)
        except RedisUnavailable as exc:
            self._pass_or_refuse(exc)
            age, count = 0, 0
        return self._clock() - float(age), int(count)

    def _pass_or_refuse(self, exc: RedisUnavailable) -> None:
        if not self._is_open:
            raise Unavailable("Calls are counted in Redis, which does not answer.") from exc
