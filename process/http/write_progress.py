"""Tells how long the client of a connection has taken nothing of what waits to be sent."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

_BYTES_ACKED = 120
"""The offset of `tcpi_bytes_acked` in Linux's `struct tcp_info`."""


class WriteProgress:
    """Compares the transport's buffer, and what the other side has acknowledged, with the last time.

    The buffer alone tells too little: a stream may add to it as fast as its client reads.
    """

    __slots__ = ("_acked", "_moved_at", "_transport", "_unsent")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._unsent = 0
        self._acked = 0
        self._moved_at = 0.0

    def stalled_for(self, now: float) -> float:
        """Returns seconds, 0 if nothing waits."""
        before, self._unsent = self._unsent, self._transport.get_write_buffer_size()
        if not self._unsent:
            return 0.0
        acked = _acknowledged(self._transport.get_extra_info("socket"))
        if not before or self._unsent < before or acked != self._acked:
            self._moved_at = now
            self._acked = acked
        return now - self._moved_at


def _acknowledged(connection: Any) -> int:
    """Returns the bytes that the other side has acknowledged, or 0 if this is not known, as of a Unix socket."""
    try:
        info: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED + 8)
        found: int = struct.unpack_from("Q", info, _BYTES_ACKED)[0]
    except (AttributeError, OSError, struct.error):
        return 0
    return found
