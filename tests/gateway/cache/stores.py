"""What every store of results promises, wherever it keeps them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from gateway.cache.entry import Claim, Entry, Kept, Store

ENTRY = Entry(b'{"result":1}', True, b'{"content":[]}')
OTHER = Entry(b'{"a":"\xc3\xa9"}', False, b"")
Promise = Callable[[Store], Coroutine[Any, Any, None]]


def found(answer: Kept | Claim) -> Entry:
    assert isinstance(answer, Kept), answer
    return answer.entry


def claimed(answer: Kept | Claim) -> Claim:
    assert not isinstance(answer, Kept), answer
    return answer


async def keeps_what_it_is_given(store: Store) -> None:
    for key, entry in ((b"one", ENTRY), (b"other", OTHER)):
        assert await claimed(await store.claim(key)).keep(entry, 60)
    for key, entry in ((b"one", ENTRY), (b"other", OTHER)):
        kept = await store.claim(key)
        assert found(kept) == entry
        assert isinstance(kept, Kept)
        assert (0 <= kept.age < 30, 30 < kept.ttl <= 60, kept.fresh) == (True, True, False)
    claimed(await store.claim(b"neither")).drop()


async def lets_the_next_one_try(store: Store) -> None:
    claimed(await store.claim(b"key")).drop()
    assert await claimed(await store.claim(b"key")).keep(ENTRY, 60)


async def brings_it_anew(store: Store) -> None:
    await claimed(await store.claim(b"key")).keep(ENTRY, 60)
    again = await store.overtake(b"key")
    assert found(await store.claim(b"key")) == ENTRY
    assert await again.keep(OTHER, 60)
    assert found(await store.claim(b"key")) == OTHER


async def keeps_nothing_that_was_overtaken(store: Store) -> None:
    slow = claimed(await store.claim(b"key"))
    quick = await store.overtake(b"key")
    assert await quick.keep(OTHER, 60)
    assert not await slow.keep(ENTRY, 60)
    slow.drop()
    assert found(await store.claim(b"key")) == OTHER


PROMISES: list[Promise] = [
    keeps_what_it_is_given,
    lets_the_next_one_try,
    brings_it_anew,
    keeps_nothing_that_was_overtaken,
]
