"""JSON of long lists, made in pieces, so that other requests have their turn; and JSON by which values are compared."""

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

# A client's JSON cannot be circular, so that check is off: it takes a tenth of the time.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)


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


def canonical(value: Any) -> bytes | None:
    """Returns `value` as JSON with sorted keys, or None if it cannot be encoded.

    Equal values in any order of keys give equal text; 1, 1.0, true and "1" give different text.
    """
    try:
        # The encoder escapes all but ASCII, so a lone surrogate is no error.
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError):  # no JSON type, an integer of too many digits, nested too deeply
        return None
