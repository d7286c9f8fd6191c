"""The size of an entry."""

from __future__ import annotations

from gateway.cache.entry import Entry


def test_size_is_that_of_both_forms() -> None:
    assert Entry(b"123", True, b"45").size == 5
