"""Outcomes kept in this process."""

from __future__ import annotations

import pytest

from gateway.errors import Conflict
from gateway.idempotency.memory import OVERHEAD, MemoryStore
from gateway.idempotency.store import DAY

pytestmark = pytest.mark.anyio


async def keep(store: MemoryStore, slot: str, record: bytes = b"record") -> None:
    assert await store.claim(slot, "digest", may_repeat=False) is None
    assert await store.keep(slot, record)


async def test_outcome_is_kept_for_a_day() -> None:
    now = 0.0
    store = MemoryStore(10_000, lambda: now)
    await keep(store, "a")
    now = DAY - 1.0
    assert await store.claim("a", "digest", may_repeat=False) == b"record"
    with pytest.raises(Conflict):
        await store.claim("a", "other", may_repeat=False)
    now = float(DAY)
    await keep(store, "a")
    assert (len(store), store.bytes) == (1, 6 + OVERHEAD)


async def test_oldest_outcomes_are_removed_when_the_store_is_full() -> None:
    store = MemoryStore(3 * OVERHEAD)
    for slot in "abcd":
        await keep(store, slot, b"x" * 100)
    assert (len(store), store.bytes) == (2, 2 * (OVERHEAD + 100))
    assert await store.claim("d", "digest", may_repeat=False) is not None
    assert await store.claim("b", "digest", may_repeat=False) is None


async def test_newest_outcome_is_kept_whatever_it_takes() -> None:
    store = MemoryStore(1)
    for slot in "ab":
        await keep(store, slot)
    assert (len(store), await store.claim("b", "digest", may_repeat=False)) == (1, b"record")


async def test_dropped_claim_leaves_nothing() -> None:
    store = MemoryStore(10_000)
    assert await store.claim("a", "digest", may_repeat=False) is None
    await store.drop("a")
    assert await store.claim("a", "other", may_repeat=False) is None
    assert (len(store), store.bytes) == (0, 0)
