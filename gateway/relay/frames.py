"""Messages in a stream of bytes between workers: the length of each stands before it."""

from __future__ import annotations

from asyncio import StreamReader

_LENGTH = 4
"""Bytes of the length."""


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH) + data


async def read_frame(reader: StreamReader, max_bytes: int) -> bytes:
    """Raises EOFError if there is no whole message, or one that is too long."""
    length = int.from_bytes(await reader.readexactly(_LENGTH))
    if length > max_bytes:
        raise EOFError
    return await reader.readexactly(length)
