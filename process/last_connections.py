"""The end of listening: no connection is reset that a client has already opened."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence

HANDSHAKE = 0.02
"""Seconds that a handshake which has begun gets to complete."""

SO_ATTACH_FILTER = 26
_NO_NEW_HANDSHAKE = (
    (0x30, 0, 0, 13),  # load the byte of the TCP flags
    (0x45, 0, 1, 0x02),  # unless SYN is set, skip one
    (0x06, 0, 0, 0),  # drop the packet
    (0x06, 0, 0, 0xFFFFFFFF),  # pass it
)
"""A filter for the packets of a socket: instructions of the classic BPF, each with code, two jumps and an operand."""


async def refuse_handshakes(listeners: Sequence[socket.socket]) -> None:
    """Lets no new handshake begin, and waits for those that have begun. Linux alone can do this.

    Closing a listening socket resets the connections in its queue, and new ones come until the very last moment. A
    client whose first packet is dropped sends it again after a second, and finds that nobody listens.
    """
    if sys.platform != "linux":
        return
    program = array("B", b"".join(struct.pack("HBBI", *each) for each in _NO_NEW_HANDSHAKE))
    pointer = struct.pack("HP", len(_NO_NEW_HANDSHAKE), program.buffer_info()[0])
    for listener in listeners:
        if listener.family in (socket.AF_INET, socket.AF_INET6):
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
    await asyncio.sleep(HANDSHAKE)


def waiting_connections(listeners: Sequence[socket.socket]) -> Iterator[socket.socket]:
    """Accepts and yields what is in the queues of listening sockets that do not block."""
    for listener in listeners:
        try:
            while True:
                connection, _ = listener.accept()
                connection.setblocking(False)
                yield connection
        except OSError:  # none is left
            continue
