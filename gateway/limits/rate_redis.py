"""Moving windows in Redis, shared by all workers and replicas. Needs `redis`."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import Unavailable
from gateway.limits.rate_limit import Full
from gateway.limits.rate_rules import Window
from gateway.redis import RedisClient, RedisUnavailable

_MICROSECONDS = 1_000_000

# Each key is a list of call times in microseconds, newest first, at most as long as its limit: a window is full if the
# last element that fits is still inside. One script sees and changes all windows at one instant of one clock, so
# workers agree on the count even if their own clocks differ. %.0f, because Lua's tostring() keeps only 14 digits.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full, longest = 0, 0
for i, key in ipairs(KEYS) do
    local oldest = redis.call('LINDEX', key, ARGV[2 * i - 1] - 1)
    local wait = oldest and oldest + ARGV[2 * i] * 1000000 - now or 0
    if wait > 0 and wait >= longest then full, longest = i, wait end
end
if full > 0 then return {full - 1, longest} end
for i, key in ipairs(KEYS) do
    redis.call('LPUSH', key, string.format('%.0f', now))
    redis.call('LTRIM', key, 0, ARGV[2 * i - 1] - 1)
    redis.call('EXPIRE', key, ARGV[2 * i])
end
return false
"""


class RedisWindows:
    """Moving windows by the clock of Redis. Keys expire with their windows.

    While Redis is unavailable, calls pass if `is_open`; otherwise `take` raises Unavailable.
    """

    def __init__(self, redis: RedisClient, is_open: bool) -> None:
        self._redis = redis
        self._prefix = f"{redis.prefix}rate:"
        self._is_open = is_open
        self._take = redis.client.register_script(_TAKE)

    async def take(self, windows: Sequence[Window]) -> Full | None:
        keys = [f"{self._prefix}{key}" for key, _, _ in windows]
        bounds = [bound for _, calls, seconds in windows for bound in (calls, seconds)]
        try:
            full = await self._redis.ask("rate limits", lambda: self._take(keys, bounds))
        except RedisUnavailable as exc:
            if self._is_open:
                return None
            raise Unavailable("Rate limits cannot be checked: Redis is unavailable.") from exc
        return Full(full[0], full[1] / _MICROSECONDS) if full else None
