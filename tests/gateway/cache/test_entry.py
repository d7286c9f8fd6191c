"""The promises of a store, held against the one in memory; `tests/redis` holds them against Redis."""

from __future__ import annotations

import pytest

from gateway.cache.entry import Entry, Kept, packed, unpacked
from gateway.cache.memory import MemoryStore
from tests.gateway.cache.stores import ENTRY, OTHER, PROMISES, Promise

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_memory(promise: Promise) -> None:
    await promise(MemoryStore(100, 100_000))


def test_the_size_of_an_entry_is_that_of_both_its_forms() -> None:
    assert Entry(b"123", True, b"45").size == 5


def test_what_is_written_is_read() -> None:
    assert unpacked(packed(ENTRY, 60), 40.5) == Kept(ENTRY, 19.5, 40.5)
    assert unpacked(packed(OTHER, 60), 60.001) == Kept(OTHER, 0, 60.001)


def test_what_was_changed_by_anything_is_not_read() -> None:
    value = packed(ENTRY, 60)
    for place in range(len(value)):
        assert unpacked(value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :], 1) is None
        assert unpacked(value[:place], 1) is None
    assert unpacked(value + b"x", 1) is None
    assert unpacked(b"", 1) is None
