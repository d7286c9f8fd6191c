"""What is kept of a call, and what every place that keeps it is asked for."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Protocol

_HEAD = struct.Struct(">4sIdBI")  # mark, checksum of what follows it, ttl in seconds, wrapped, length of the body
_MARK = b"mmc1"


@dataclass(slots=True)
class Entry:
    """A result for every way in: `body` and `wrapped` for JSON, `wire` for native MCP, as in `ToolResult`."""

    body: bytes
    wrapped: bool
    wire: bytes

    @property
    def size(self) -> int:
        return len(self.body) + len(self.wire)


@dataclass(slots=True)
class Kept:
    """An entry as it was found: `age` and `ttl`, what is left of its time, are in seconds.

    `fresh` means that it was not found but waited for.
    """

    entry: Entry
    age: float
    ttl: float
    fresh: bool = False


class Claim(Protocol):
    """Leave to run the tool, where nothing was found. One of the two must be called."""

    async def keep(self, entry: Entry, ttl: float) -> bool:
        """Whether it is kept now."""
        ...

    def drop(self) -> None:
        """Let the next one try. Nothing happens after `keep`."""
        ...


class Store(Protocol):
    """Where results are kept. It never fails: what cannot be kept is not there."""

    def at_hand(self, key: bytes) -> Kept | None:
        """What is there without asking anybody else."""
        ...

    async def claim(self, key: bytes) -> Kept | Claim:
        """What is there; else leave to bring it, as soon as nobody else is about to."""
        ...

    async def overtake(self, key: bytes) -> Claim:
        """Leave to bring it anew, whatever is there. What was begun before is not kept any more."""
        ...


def packed(entry: Entry, ttl: float) -> bytes:
    """As it is kept outside of this process."""
    rest = _HEAD.pack(_MARK, 0, ttl, entry.wrapped, len(entry.body))[8:] + entry.body + entry.wire
    return _MARK + struct.pack(">I", zlib.crc32(rest)) + rest


def unpacked(value: bytes, left: float) -> Kept | None:
    """What was packed, with `left` seconds of its time; None where it is not as it was written."""
    if len(value) < _HEAD.size or not value.startswith(_MARK):
        return None
    _, checksum, ttl, wrapped, length = _HEAD.unpack_from(value)
    if zlib.crc32(value[8:]) != checksum:
        return None
    start = _HEAD.size
    entry = Entry(value[start : start + length], bool(wrapped), value[start + length :])
    return Kept(entry, max(0.0, ttl - left), max(0.0, left))
