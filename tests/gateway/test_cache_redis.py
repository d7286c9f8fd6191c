"""What stands in Redis, and what is read of it; and a Redis that never was. With a real one in `tests/shared`."""

from __future__ import annotations

import pytest

from gateway.cache_entry import Kept
from gateway.cache_redis import RedisStore, _decoded, _encoded
from gateway.shared import Shared
from tests.gateway.stores import ENTRY, OTHER, claimed

pytestmark = pytest.mark.anyio


def test_what_is_written_is_read() -> None:
    assert _decoded(_encoded(ENTRY, 60), 40.5) == Kept(ENTRY, 19.5, 40.5)
    assert _decoded(_encoded(OTHER, 60), 60.001) == Kept(OTHER, 0, 60.001)


def test_what_was_changed_by_anything_is_not_read() -> None:
    value = _encoded(ENTRY, 60)
    for place in range(len(value)):
        assert _decoded(value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :], 1) is None
        assert _decoded(value[:place], 1) is None
    assert _decoded(value + b"x", 1) is None
    assert _decoded(b"", 1) is None


async def test_without_redis_every_call_is_let_through() -> None:
    shared = Shared("redis://127.0.0.1:1/0")
    store = RedisStore(shared)
    async with shared.opened(), store.opened():
        for claim in (claimed(await store.claim(b"key")), await store.overtake(b"key")):
            assert not await claim.keep(ENTRY, 60)
            claim.drop()
        assert store.at_hand(b"key") is None
        claimed(await store.claim(b"key"))
