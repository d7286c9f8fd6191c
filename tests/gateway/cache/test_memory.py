"""The bounds of what is kept in memory, and its time."""

from __future__ import annotations

import tracemalloc

import pytest

from gateway.cache.entry import Entry, Kept
from gateway.cache.memory import OVERHEAD, MemoryStore
from tests.gateway.cache.stores import claimed

pytestmark = pytest.mark.anyio


def entry(size: int) -> Entry:
    return Entry(b"x" * size, True, b"")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def put(store: MemoryStore, key: str, size: int = 10, ttl: float = 60) -> bool:
    return await claimed(await store.claim(key.encode())).keep(entry(size), ttl)


def keys(store: MemoryStore, names: str) -> str:
    return "".join(name for name in names if store.at_hand(name.encode()) is not None)


async def test_the_least_recently_used_goes_first_where_there_are_too_many() -> None:
    store = MemoryStore(3, 1_000_000)
    for key in "abc":
        await put(store, key)
    assert store.at_hand(b"a")
    await put(store, "d")
    assert (len(store), keys(store, "abcd")) == (3, "acd")


async def test_the_least_recently_used_go_first_where_they_are_too_large() -> None:
    store = MemoryStore(100, 10 * (OVERHEAD + 100))
    for key in "abcdefghij":
        await put(store, key, 100)
    assert (len(store), store.bytes) == (10, 10 * (OVERHEAD + 100))
    await put(store, "k", 101)
    assert keys(store, "abcdefghijk") == "cdefghijk"
    await put(store, "l", 3 * (OVERHEAD + 100))
    assert keys(store, "cdefghijkl") == "fghijkl"
    assert store.bytes <= 10 * (OVERHEAD + 100)


async def test_what_does_not_fit_at_all_is_not_kept_and_takes_nobody_elses_place() -> None:
    store = MemoryStore(10, 2000)
    await put(store, "a")
    assert not await put(store, "b", 2000)
    assert keys(store, "ab") == "a"


async def test_what_takes_the_place_of_another_is_counted_once() -> None:
    store = MemoryStore(10, 100_000)
    await put(store, "a", 10)
    assert await (await store.overtake(b"a")).keep(entry(30), 60)
    assert (len(store), store.bytes) == (1, OVERHEAD + 30)


async def test_a_result_has_its_time() -> None:
    clock = Clock()
    store = MemoryStore(10, 100_000, clock)
    await put(store, "a", ttl=10)
    clock.now = 9.5
    assert store.at_hand(b"a") == Kept(entry(10), age=9.5, ttl=0.5)
    clock.now = 10
    assert store.at_hand(b"a") is None
    assert (len(store), store.bytes) == (0, 0)
    claimed(await store.claim(b"a"))


async def test_what_is_out_of_its_time_does_not_keep_others_out() -> None:
    clock = Clock()
    store = MemoryStore(3, 100_000, clock)
    for key in "abc":
        await put(store, key, ttl=1)
    clock.now = 2
    for key in "def":
        await put(store, key)
    assert (len(store), keys(store, "def")) == (3, "def")


async def test_the_bytes_are_those_that_it_really_takes() -> None:
    store = MemoryStore(10_000, 100_000_000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(5000):
            claim = claimed(await store.claim(number.to_bytes(32)))
            await claim.keep(Entry(b"x" * (100 + number % 7), True, b"y" * (200 + number % 5)), 60)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.6 < (after - before) / store.bytes <= 1
