"""JSON of long lists, made in pieces, so that other requests have their turn between two of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, TypeVar

import anyio.lowlevel
from pydantic_core import to_json

T = TypeVar("T")
ITEMS_AT_ONCE = 20
BOM = b"\xef\xbb\xbf"
"""The byte order mark that some programs put in front of JSON."""


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """Yields the items. Other requests have their turn before the first, and again after every `ITEMS_AT_ONCE`."""
    for number, item in enumerate(items):
        if number % ITEMS_AT_ONCE == 0:
            await anyio.lowlevel.checkpoint()
        yield item


async def encode_array(items: Iterable[Mapping[str, Any]]) -> bytes:
    """Returns a JSON array."""
    return b"[%b]" % b",".join([encode_object(item) async for item in in_turns(items)])


def encode_object(item: Mapping[str, Any]) -> bytes:
    try:
        return to_json(item, inf_nan_mode="null")
    except ValueError:  # a lone surrogate, which only an escape can carry
        return json.dumps(item).encode()
