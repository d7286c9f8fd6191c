"""A TCP front before a server, which cuts connections in the middle of answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

BLOCK = 65536
Cut = Callable[[], int | None]
"""Returns the bytes of answers after which a new connection is cut; None for one that is not."""


@dataclass
class CuttingFront:
    """`cut` may be replaced at any time. `open` has the client's side of each open connection."""

    url: str = ""
    cut: Cut = lambda: None
    open: list[asyncio.StreamWriter] = field(default_factory=list)


@asynccontextmanager
async def cutting_front(url: str) -> AsyncIterator[CuttingFront]:
    """Serves the server at `url` at another port."""
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    front = CuttingFront()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = front.cut()
        there, back = await asyncio.open_connection(host, int(port))
        front.open.append(writer)
        asking = asyncio.ensure_future(_copy(reader, back, None))
        try:
            await _copy(there, writer, left)
        finally:
            asking.cancel()
            front.open.remove(writer)
            writer.transport.abort()
            back.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    front.url = url.replace(port, str(server.sockets[0].getsockname()[1]))
    try:
        yield front
    finally:
        server.close()
        while front.open:
            front.open[0].transport.abort()
            await asyncio.sleep(0.01)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(BLOCK):
            writer.write(block if left is None else block[:left])
            await writer.drain()
            if left is not None and (left := left - len(block)) <= 0:
                return
