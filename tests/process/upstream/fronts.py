"""A TCP front before a server, which cuts connections in the middle of answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

BLOCK = 65536
Cut = Callable[[], int | None]
"""Returns the bytes of answers after which a new connection is cut; None for one that is not."""


@dataclass
class CuttingFront:
    """`cut` may be replaced at any time. `open` has the client's side of each open connection."""

    url: str = ""
    cut: Cut = lambda: None
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def end_connections(self) -> None:
        """Cuts all connections, and waits until the client has seen it."""
        while self.open:
            for writer in self.open:
                writer.transport.abort()
            await asyncio.sleep(0.05)


@asynccontextmanager
async def cutting_front(url: str) -> AsyncIterator[CuttingFront]:
    """Serves the server at `url` at another port."""
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    front, serving = CuttingFront(), set[asyncio.Task[Any]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        front.open.append(writer)
        try:
            left = front.cut()
            there, back = await asyncio.open_connection(host, int(port))
            try:
                await _exchange(reader, writer, there, back, left)
            finally:
                back.transport.abort()
        finally:
            serving.discard(task)
            front.open.remove(writer)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    front.url = url.replace(port, str(server.sockets[0].getsockname()[1]))
    try:
        yield front
    finally:
        server.close()
        for task in [*serving]:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0.01)  # until the transports have closed their sockets


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there: asyncio.StreamReader,
    back: asyncio.StreamWriter,
    left: int | None,
) -> None:
    asking = asyncio.ensure_future(_copy(reader, back, None))
    try:
        await _copy(there, writer, left)
    finally:
        asking.cancel()
        await asyncio.wait([asking])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(BLOCK):
            writer.write(block if left is None else block[:left])
            await writer.drain()
            if left is not None and (left := left - len(block)) <= 0:
                return
