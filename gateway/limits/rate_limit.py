"""Bounds how often each caller calls, by any way in. Needs `limits`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import ceil
from typing import Protocol

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.caller import caller
from gateway.errors import RateLimited
from gateway.limits.rate_rules import Rule, Rules, Window


class Windows(Protocol):
    """Where calls are counted: a storage of `limits` for its moving window, that takes several windows as one."""

    async def take(self, windows: Sequence[Window]) -> bool:
        """Count a call in each of `windows`, or in none where one of them is full."""
        ...

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest call in the window was, and how many are in it."""
        ...


class RateLimit:
    """Counts each call in the windows of its rule, or refuses it. `storage` tells times of the same `clock`."""

    def __init__(self, rules: Rules, storage: Windows, clock: Callable[[], float] = time.monotonic) -> None:
        self._rules = rules
        self._storage = storage
        self._clock = clock
        self._of_known = lru_cache(maxsize=1024)(self._of)

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        of = self._of if call.plan is None else self._of_known  # a name that a client made up is not kept
        rule, windows = of(call.server, call.tool, caller.get().key)
        if rule is not None and not await self._storage.take(windows):
            raise await self._refusal(rule, windows)
        return await call_next(call)

    def _of(self, server: str, tool: str, who: str) -> tuple[Rule | None, Sequence[Window]]:
        """The rule, and the caller's windows by a digest: of any name a short one, which says nothing of it."""
        rule = self._rules.find(server, tool)
        if rule is None:
            return None, ()
        digest = blake2b(who.encode(errors="surrogatepass"), digest_size=16).hexdigest()
        return rule, rule.windows(digest)

    async def _refusal(self, rule: Rule, windows: Sequence[Window]) -> RateLimited:
        """Names the window that is full for the longest time."""
        longest, full = 0.0, rule.quotas[0]
        for window, quota in zip(windows, rule.quotas, strict=True):
            first, count = await self._storage.get_moving_window(*window)
            wait = first + window.seconds - self._clock()
            if count >= window.calls and wait >= longest:
                longest, full = wait, quota
        return RateLimited(rule.quotas, full, max(1, ceil(longest)))
