"""The contract of a store, for the tests of each of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from gateway.cache.entry import Entry, Store

ENTRY = Entry(b'{"result":1}', True, b'{"content":[]}')
OTHER = Entry(b'{"a":"\xc3\xa9"}', False, b"")
Promise = Callable[[Store], Coroutine[Any, Any, None]]


async def entry_of(store: Store, key: bytes = b"key") -> Entry | None:
    stored = await store.get(key)
    return None if stored is None else stored.entry


async def returns_what_was_put(store: Store) -> None:
    for key, entry in ((b"one", ENTRY), (b"other", OTHER)):
        assert await store.put(key, entry, 60)
    for key, entry in ((b"one", ENTRY), (b"other", OTHER)):
        stored = await store.get(key)
        assert stored is not None
        assert stored.entry == entry
        assert (0 <= stored.age < 30, 30 < stored.ttl <= 60, stored.collapsed) == (True, True, False)


async def finds_nothing_by_an_unknown_key(store: Store) -> None:
    await store.put(b"key", ENTRY, 60)
    assert await store.get(b"other") is None
    assert store.local(b"other") is None


async def replaces_the_entry_of_the_same_key(store: Store) -> None:
    for entry in (ENTRY, OTHER):
        assert await store.put(b"key", entry, 60)
    assert await entry_of(store) == OTHER


PROMISES: list[Promise] = [
    returns_what_was_put,
    finds_nothing_by_an_unknown_key,
    replaces_the_entry_of_the_same_key,
]
