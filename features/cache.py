"""The cache, on if a tool asks for it: `meta={"cache": {"ttl": 60}}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.middleware import Middleware

from features.feature import Feature
from features.local import Found
from gateway.sdk.internals import tools_of
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.cache.interceptor import Listener
    from gateway.redis import RedisClient


def cache(settings: Settings, found: Found, redis: RedisClient | None, listeners: Sequence[Listener]) -> Feature:
    """Stores results in Redis if there is one, else in this process. Raises LoadError for a tool with a wrong mark."""
    tools = [(name, tool.name, tool.meta) for name, mcp in found.local.items() for tool in tools_of(mcp)]
    if not any("cache" in (meta or {}) for _, _, meta in tools):
        return Feature()
    from gateway.cache.entry import Store
    from gateway.cache.interceptor import Cache
    from gateway.cache.memory import MemoryStore
    from gateway.cache.policy import check
    from routes.middleware.cache_headers import CacheHeaders

    check(tools)
    store: Store
    if redis is None:
        store = MemoryStore(settings.cache_max_bytes)
    else:
        from gateway.cache.redis import RedisStore

        store = RedisStore(redis)
    interceptor = Cache(store, settings.cache_max_bytes // 8)
    interceptor.listeners.extend(listeners)
    return Feature(interceptors=[interceptor], middleware=[Middleware(CacheHeaders)])
