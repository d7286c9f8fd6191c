"""The bounds and the lifetimes of results stored in memory."""

from __future__ import annotations

import tracemalloc

import pytest

from gateway.cache.entry import Entry, Stored
from gateway.cache.memory import OVERHEAD, MemoryStore
from tests.gateway.cache.stores import PROMISES, Promise

pytestmark = pytest.mark.anyio


def entry(size: int) -> Entry:
    return Entry(b"x" * size, True, b"")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def put(store: MemoryStore, key: str, size: int = 10, ttl: float = 60) -> bool:
    return await store.put(key.encode(), entry(size), ttl)


def keys(store: MemoryStore, names: str) -> str:
    return "".join(name for name in names if store.local(name.encode()) is not None)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_memory_store_keeps_the_contract(promise: Promise) -> None:
    await promise(MemoryStore(100_000))


async def test_entry_in_memory_is_local() -> None:
    store = MemoryStore(100_000)
    await put(store, "a")
    assert store.local(b"a") is not None


async def test_least_recently_used_entry_is_removed_first() -> None:
    store = MemoryStore(3 * (OVERHEAD + 10))
    for key in "abc":
        await put(store, key)
    assert store.local(b"a")
    await put(store, "d")
    assert (len(store), keys(store, "abcd")) == (3, "acd")


async def test_as_many_entries_are_removed_as_a_new_one_needs() -> None:
    store = MemoryStore(10 * (OVERHEAD + 100))
    for key in "abcdefghij":
        await put(store, key, 100)
    assert (len(store), store.bytes) == (10, 10 * (OVERHEAD + 100))
    await put(store, "k", 101)
    assert keys(store, "abcdefghijk") == "cdefghijk"
    await put(store, "l", 3 * (OVERHEAD + 100))
    assert keys(store, "cdefghijkl") == "fghijkl"
    assert store.bytes <= 10 * (OVERHEAD + 100)


async def test_empty_results_are_bounded_in_number() -> None:
    store = MemoryStore(5 * OVERHEAD)
    for number in range(100):
        await put(store, str(number), 0)
    assert len(store) == 5


async def test_entry_larger_than_the_store_is_not_stored_and_removes_nothing() -> None:
    store = MemoryStore(2000)
    await put(store, "a")
    assert not await put(store, "b", 2000)
    assert keys(store, "ab") == "a"


async def test_replaced_entry_is_counted_once() -> None:
    store = MemoryStore(100_000)
    await put(store, "a", 10)
    await put(store, "a", 30)
    assert (len(store), store.bytes) == (1, OVERHEAD + 30)


async def test_entry_expires_after_its_ttl() -> None:
    clock = Clock()
    store = MemoryStore(100_000, clock)
    await put(store, "a", ttl=10)
    clock.now = 9.5
    assert store.local(b"a") == Stored(entry(10), age=9.5, ttl=0.5)
    clock.now = 10
    assert store.local(b"a") is None
    assert (len(store), store.bytes) == (0, 0)
    assert await store.get(b"a") is None


async def test_expired_entries_make_room_for_new_ones() -> None:
    clock = Clock()
    store = MemoryStore(3 * (OVERHEAD + 10), clock)
    for key in "abc":
        await put(store, key, ttl=1)
    clock.now = 2
    for key in "def":
        await put(store, key)
    assert (len(store), keys(store, "def")) == (3, "def")


@pytest.mark.slow
async def test_counted_bytes_cover_the_memory_in_use() -> None:
    store = MemoryStore(100_000_000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(5000):
            await store.put(number.to_bytes(32), Entry(b"x" * (100 + number % 7), True, b"y" * (200 + number % 5)), 60)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.6 < (after - before) / store.bytes <= 1
