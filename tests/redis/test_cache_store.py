"""The promises of a store held against a real Redis, and what is its alone: the lock and its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.cache.redis import RedisStore
from gateway.redis import Shared
from tests.gateway.cache.stores import ENTRY, OTHER, PROMISES, Promise, claimed, found
from tests.redis.redis import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.redis]
LEASE = 1.0
NAME = f"multi-mcp:cache:1:{{{b'key'.hex()}}}"


@pytest.fixture
async def shared(redis: RedisServer) -> AsyncIterator[Shared]:
    shared = Shared(redis.url)
    async with shared.opened():
        yield shared


@pytest.fixture
async def store(shared: Shared) -> AsyncIterator[RedisStore]:
    store = RedisStore(shared, LEASE)
    async with store.opened():
        yield store


@pytest.fixture
def other(shared: Shared) -> RedisStore:
    """That of another process."""
    return RedisStore(shared, LEASE)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_redis(store: RedisStore, promise: Promise) -> None:
    await promise(store)


async def test_one_waits_for_what_another_brings(store: RedisStore, other: RedisStore) -> None:
    leader = claimed(await store.claim(b"key"))
    waiting = asyncio.create_task(other.claim(b"key"))
    await asyncio.sleep(2 * LEASE)  # the lock is renewed meanwhile
    assert not waiting.done()
    assert await leader.keep(ENTRY, 60)
    assert found(await waiting) == ENTRY


async def test_one_takes_over_from_another_that_gives_up(store: RedisStore, other: RedisStore) -> None:
    leader = claimed(await store.claim(b"key"))
    waiting = asyncio.create_task(other.claim(b"key"))
    leader.drop()
    assert await claimed(await waiting).keep(OTHER, 60)
    assert not await leader.keep(ENTRY, 60)


async def test_one_takes_over_from_another_that_died(store: RedisStore, shared: Shared) -> None:
    await shared.client.set(f"{NAME}:lock", b"of a dead process", px=int(LEASE * 1000))
    claimed(await store.claim(b"key")).drop()


async def test_one_that_leaves_while_it_waits_leaves_nothing(store: RedisStore, other: RedisStore) -> None:
    leader = claimed(await store.claim(b"key"))
    for number in range(200):  # at every moment of a look
        waiting = asyncio.create_task(other.claim(b"key"))
        for _ in range(number):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await leader.keep(ENTRY, 60)


async def test_at_the_end_no_lock_and_no_task_is_left(shared: Shared) -> None:
    store = RedisStore(shared, LEASE)
    before = asyncio.all_tasks()
    async with store.opened():
        claims = [claimed(await store.claim(bytes([number]))) for number in range(20)]
        await asyncio.sleep(LEASE / 2)
        for claim in claims:
            claim.drop()
    assert asyncio.all_tasks() == before
    assert await shared.client.keys("*") == []


async def test_a_lock_that_is_lost_is_not_renewed_and_keeps_nothing(store: RedisStore, shared: Shared) -> None:
    leader = claimed(await store.claim(b"key"))
    await shared.client.set(f"{NAME}:lock", b"of another")
    await asyncio.sleep(LEASE)
    assert not await leader.keep(ENTRY, 60)
    leader.drop()
    assert await shared.client.get(f"{NAME}:lock") == b"of another"
    assert await shared.client.pttl(f"{NAME}:lock") == -1


@pytest.mark.parametrize("damage", [b"", b"x", b"mmc1" + b"\0" * 30, b"\x80\x04."])
async def test_what_is_damaged_is_brought_anew(store: RedisStore, shared: Shared, damage: bytes) -> None:
    await shared.client.set(NAME, damage)
    assert await claimed(await store.claim(b"key")).keep(ENTRY, 60)
    assert found(await store.claim(b"key")) == ENTRY


async def test_what_is_kept_has_its_time(store: RedisStore, shared: Shared) -> None:
    await claimed(await store.claim(b"key")).keep(ENTRY, 60)
    assert 59_000 < await shared.client.pttl(NAME) <= 60_000
    await shared.client.pexpire(NAME, 1)
    while await shared.client.exists(NAME):
        await asyncio.sleep(0)
    claimed(await store.claim(b"key")).drop()


async def test_a_redis_that_forgot_its_scripts_learns_them_again(store: RedisStore, shared: Shared) -> None:
    leader = claimed(await store.claim(b"key"))
    await shared.client.script_flush()
    assert await leader.keep(ENTRY, 60)


async def test_a_redis_that_goes_away_in_mid_wait_lets_all_through(store: RedisStore) -> None:
    with RedisServer() as mortal:
        shared = Shared(mortal.url)
        async with shared.opened():
            one, another = RedisStore(shared), RedisStore(shared)
            leader = claimed(await one.claim(b"key"))
            waiting = asyncio.create_task(another.claim(b"key"))
            await asyncio.sleep(0.02)
            mortal.stop()
            assert not await claimed(await waiting).keep(ENTRY, 60)
            assert not await leader.keep(ENTRY, 60)
