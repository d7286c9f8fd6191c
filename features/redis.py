"""The Redis that rate limits and the cache share with other workers and replicas: `REDIS_URL`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.feature import optional_packages
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.redis import RedisClient


def redis(settings: Settings) -> RedisClient | None:
    """Returns one client for all features; None if it is off.

    Raises:
        LoadError: the package is missing, or the URL is not one of Redis.
    """
    if not settings.redis_url:
        return None
    with optional_packages("REDIS_URL"):
        from gateway.redis import RedisClient

        return RedisClient(settings.redis_url)
