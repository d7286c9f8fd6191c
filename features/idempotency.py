"""Calls with a key, of which one runs: `Idempotency-Key`, `MCP_IDEMPOTENCY_MAX_BYTES`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.feature import Feature, Lifetime
from gateway.places import Places, part
from settings.values import Settings

if TYPE_CHECKING:
    from gateway.idempotency.store import Store
    from gateway.redis import RedisClient


def idempotency(settings: Settings, redis: RedisClient | None) -> Feature:
    """Keeps outcomes in Redis if there is one, else in this process, which must then be the only worker."""
    max_bytes = settings.idempotency_max_bytes
    if not max_bytes or (redis is None and settings.workers > 1):
        from gateway.idempotency.refusal import NoIdempotency

        reason = "several workers need REDIS_URL for them" if max_bytes else "MCP_IDEMPOTENCY_MAX_BYTES is 0"
        return Feature(interceptors=[NoIdempotency(reason)])
    from gateway.idempotency.interceptor import Idempotency

    store: Store
    lifetimes: list[Lifetime] = []
    if redis is None:
        from gateway.idempotency.memory import MemoryStore

        store = MemoryStore(max_bytes)
    else:
        from gateway.idempotency.redis import RedisStore

        shared = RedisStore(redis)
        store = shared
        lifetimes.append(shared.opened)
    places = Places(settings.max_calls, part(settings.max_calls, settings.max_share), "calls with an idempotency key")
    interceptor = Idempotency(store, places, max_bytes // 8)
    return Feature(interceptors=[interceptor], lifetimes=[*lifetimes, interceptor.opened])
