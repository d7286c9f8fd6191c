"""The Redis store without Redis. `tests/redis` tests it with a real one."""

from __future__ import annotations

import pytest

from gateway.cache.redis import RedisStore
from gateway.redis import RedisClient
from tests.gateway.cache.stores import ENTRY

pytestmark = pytest.mark.anyio


async def test_store_without_redis_finds_and_stores_nothing() -> None:
    shared = RedisClient("redis://127.0.0.1:1/0", "test")
    store = RedisStore(shared)
    async with shared.opened():
        assert not await store.put(b"key", ENTRY, 60)
        assert await store.get(b"key") is None
        assert store.local(b"key") is None
