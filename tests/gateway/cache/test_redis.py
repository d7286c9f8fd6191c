"""A Redis that never was. With a real one in `tests/redis`."""

from __future__ import annotations

import pytest

from gateway.cache.redis import RedisStore
from gateway.redis import Shared
from tests.gateway.cache.stores import ENTRY, claimed

pytestmark = pytest.mark.anyio


async def test_without_redis_every_call_is_let_through() -> None:
    shared = Shared("redis://127.0.0.1:1/0")
    store = RedisStore(shared)
    async with shared.opened(), store.opened():
        for claim in (claimed(await store.claim(b"key")), await store.overtake(b"key")):
            assert not await claim.keep(ENTRY, 60)
            claim.drop()
        assert store.at_hand(b"key") is None
        claimed(await store.claim(b"key"))
