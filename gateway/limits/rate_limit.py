"""Limits how often each caller calls, on every transport."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from math import ceil
from typing import NamedTuple, Protocol

from gateway.call import CallNext, ToolCall, ToolResult
from gateway.caller import Caller
from gateway.errors import RateLimited
from gateway.limits.rate_rules import Rule, Rules, Window

OPENING = "initialize"
"""The name by which rules find the limit of openings."""


class Full(NamedTuple):
    """The window that is full for the longest time: its `position` among those given, and the seconds to wait."""

    position: int
    wait: float


class Windows(Protocol):
    """Counts calls in moving windows."""

    async def take(self, windows: Sequence[Window]) -> Full | None:
        """Counts a call in each of `windows` and returns None. If any is full, counts it in none of them."""
        ...


class RateLimit:
    """Counts each call in the windows of its rule, or refuses it. A refused call does not count."""

    def __init__(self, rules: Rules, storage: Windows) -> None:
        self._rules = rules
        self._storage = storage
        self._cached_windows = lru_cache(maxsize=1024)(self._windows)

    async def __call__(self, call: ToolCall, call_next: CallNext) -> ToolResult:
        # The name of an unknown tool comes from the client: cached, it could fill the cache and be of any size.
        find = self._windows if call.entry is None else self._cached_windows
        version = "" if call.entry is None else call.entry.version
        rule, windows = find(call.server, call.tool, call.caller.key, version)
        if rule is not None:
            await self._take(rule, windows)
        return await call_next(call)

    async def count_opening(self, server: str, who: Caller) -> None:
        """Counts a session or a stream that the caller opens, under the server's rule but apart from its calls.

        Raises:
            RateLimited: there were as many openings in a window as there may be calls.
        """
        rule, windows = self._cached_windows(server, OPENING, f"{OPENING} by {who.key}")
        if rule is not None:
            await self._take(rule, windows)

    async def _take(self, rule: Rule, windows: Sequence[Window]) -> None:
        if (full := await self._storage.take(windows)) is not None:
            raise RateLimited(rule.quotas, rule.quotas[full.position], max(1, ceil(full.wait)))

    def _windows(self, server: str, tool: str, who: str, version: str = "") -> tuple[Rule | None, Sequence[Window]]:
        """Returns the rule for a tool and the caller's windows under it."""
        rule = self._rules.find(server, tool, version)
        if rule is None:
            return None, ()
        # A digest bounds the length of the key, and keeps names and addresses out of Redis.
        digest = blake2b(who.encode(errors="surrogatepass"), digest_size=16).hexdigest()
        return rule, rule.windows(digest)
