"""The contract of a store for Redis, and the lifetime and the format of its entries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.cache.entry import Stored
from gateway.cache.redis import RedisStore
from gateway.redis import RedisClient
from tests.gateway.cache.stores import ENTRY, OTHER, PROMISES, Promise, entry_of
from tests.redis.redis import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.redis]
NAME = f"multi-mcp:test:cache:2:{b'key'.hex()}"
RECORD: dict[str, Any] = {
    "entry": {"body": '{"a":"é"}', "wrapped": False, "wire": ""},
    "ttl": 60.0,
    "stored_at": 1000.0,
}


@pytest.fixture
async def shared(redis: RedisServer) -> AsyncIterator[RedisClient]:
    shared = RedisClient(redis.url, "test")
    async with shared.opened():
        yield shared


@pytest.fixture
def store(shared: RedisClient) -> RedisStore:
    return RedisStore(shared)


def store_at(shared: RedisClient, now: float) -> RedisStore:
    return RedisStore(shared, clock=lambda: now)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_redis_store_keeps_the_contract(store: RedisStore, promise: Promise) -> None:
    await promise(store)


async def test_entry_is_found_by_another_process(store: RedisStore, shared: RedisClient) -> None:
    await store.put(b"key", ENTRY, 60)
    assert await entry_of(RedisStore(shared)) == ENTRY
    assert store.local(b"key") is None


async def test_entry_is_stored_as_json(shared: RedisClient) -> None:
    await store_at(shared, 1000).put(b"key", OTHER, 60)
    assert json.loads(await shared.client.get(NAME) or b"") == RECORD


@pytest.mark.parametrize(("now", "age"), [(1012.5, 12.5), (990.0, 0.0), (9000.0, 60.0)])
async def test_age_is_within_the_ttl_for_any_clock(shared: RedisClient, now: float, age: float) -> None:
    await store_at(shared, 1000).put(b"key", OTHER, 60)
    assert await store_at(shared, now).get(b"key") == Stored(OTHER, age, 60 - age)


async def test_redis_ends_the_lifetime_of_an_entry(store: RedisStore, shared: RedisClient) -> None:
    await store.put(b"key", ENTRY, 60)
    assert 59_000 < await shared.client.pttl(NAME) <= 60_000
    await store.put(b"key", ENTRY, 0.0001)
    while await shared.client.exists(NAME):
        await asyncio.sleep(0)
    assert await store.get(b"key") is None


@pytest.mark.parametrize(
    "damage",
    [
        *(b"", b"x", b"\xff", b"null", b"{}", b"[]", b"\x80\x04.", json.dumps(RECORD).encode()[:-1]),
        *(
            json.dumps(RECORD | change).encode()
            for change in ({"ttl": float("nan")}, {"stored_at": None}, {"entry": 1})
        ),
    ],
)
async def test_damaged_entry_is_a_miss_and_is_replaced(store: RedisStore, shared: RedisClient, damage: bytes) -> None:
    await shared.client.set(NAME, damage)
    assert await store.get(b"key") is None
    assert await store.put(b"key", ENTRY, 60)
    assert await entry_of(store) == ENTRY


async def test_nothing_is_found_or_stored_after_redis_stops() -> None:
    with RedisServer() as server:
        shared = RedisClient(server.url, "test")
        async with shared.opened():
            store = RedisStore(shared)
            assert await store.put(b"key", ENTRY, 60)
            server.stop()
            assert await store.get(b"key") is None
            assert not await store.put(b"key", ENTRY, 60)
