"""The promises of a store, held against the one in memory; `tests/shared` holds them against Redis."""

from __future__ import annotations

import pytest

from gateway.cache_entry import Entry
from gateway.cache_memory import MemoryStore
from tests.gateway.stores import PROMISES, Promise

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_memory(promise: Promise) -> None:
    await promise(MemoryStore(100, 100_000))


def test_the_size_of_an_entry_is_that_of_both_its_forms() -> None:
    assert Entry(b"123", True, b"45").size == 5
