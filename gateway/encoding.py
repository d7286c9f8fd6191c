"""JSON of long lists, made in pieces, so that other requests have their turn between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import anyio.lowlevel
from pydantic_core import to_json

ITEMS_AT_ONCE = 20


async def encode_array(items: Iterable[Mapping[str, Any]]) -> bytes:
    """Returns a JSON array."""
    pieces = []
    for number, item in enumerate(items):
        if number % ITEMS_AT_ONCE == 0:
            await anyio.lowlevel.checkpoint()
        pieces.append(_encode(item))
    return b"[%b]" % b",".join(pieces)


def _encode(item: Mapping[str, Any]) -> bytes:
    try:
        return to_json(item, inf_nan_mode="null")
    except ValueError:  # a lone surrogate, which only an escape can carry
        return json.dumps(item).encode()
