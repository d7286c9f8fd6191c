"""Rate limits: `MCP_RATE_LIMIT`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.feature import Feature
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.redis import RedisClient


def rate_limits(settings: Settings, redis: RedisClient | None) -> Feature:
    """Counts in Redis if there is one, else in this process. Raises LoadError if the rules cannot be read."""
    if not settings.rate_limit:
        return Feature()
    from gateway.limits.rate_limit import RateLimit, Windows
    from gateway.limits.rate_memory import MAX_CALLERS, MemoryWindows
    from gateway.limits.rate_rules import Rules

    rules = Rules(settings.rate_limit)
    windows: Windows
    if redis is None:
        windows = MemoryWindows(MAX_CALLERS * rules.window_count)
    else:
        from gateway.limits.rate_redis import RedisWindows

        windows = RedisWindows(redis, settings.rate_limit_without_redis == "open")
    return Feature(interceptors=[RateLimit(rules, windows)])
