"""Bounds how often each caller calls, by any way in. Needs `limits`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from math import ceil

from limits.aio.storage import Storage
from limits.aio.strategies import MovingWindowRateLimiter

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.caller import caller
from gateway.errors import RateLimited
from gateway.rate_rules import Rule, Rules


class RateLimit:
    """Counts each call in all windows of its rule, or refuses it and counts it in none.

    `storage` gives times of the same `clock`. Where it is shared, a call that another process gets ahead of may be
    counted in the shorter windows though a longer one refuses it.
    """

    def __init__(self, rules: Rules, storage: Storage, clock: Callable[[], float] = time.monotonic) -> None:
        self._find = rules.find
        self._find_known = lru_cache(maxsize=1024)(rules.find)
        self._limiter = MovingWindowRateLimiter(storage)
        self._clock = clock

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        find = self._find if call.plan is None else self._find_known  # a name that a client made up is not kept
        rule = find(call.server, call.tool)
        if rule is not None:
            who = blake2b(caller.get().key.encode(errors="surrogatepass"), digest_size=16).hexdigest()
            if not await self._counted(rule, who):
                raise await self._refusal(rule, who)
        return await call_next(call)

    async def _counted(self, rule: Rule, who: str) -> bool:
        for window in rule.windows[1:]:
            if not await self._limiter.test(window, who):
                return False
        for window in rule.windows:
            if not await self._limiter.hit(window, who):
                return False
        return True

    async def _refusal(self, rule: Rule, who: str) -> RateLimited:
        """Names the window that is full for the longest time."""
        longest, full = 0.0, rule.quotas[0]
        for window, quota in zip(rule.windows, rule.quotas, strict=True):
            free_at, left = await self._limiter.get_window_stats(window, who)
            if left <= 0 and free_at - self._clock() >= longest:
                longest, full = free_at - self._clock(), quota
        return RateLimited(rule.quotas, full, max(1, ceil(longest)))
