"""A proxy in front of Redis that delays each of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.redis.redis import RedisServer


class Slow:
    """A Redis at `url` whose answers come `seconds` later, none at first."""

    def __init__(self) -> None:
        self.url = ""
        self.seconds = 0.0


@asynccontextmanager
async def slow_redis(redis: RedisServer) -> AsyncIterator[Slow]:
    slow = Slow()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", redis.port)
        for task in (_copy(reader, back_writer, Slow()), _copy(back_reader, writer, slow)):
            tasks.add(asyncio.ensure_future(task))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        slow.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        yield slow
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slow: Slow) -> None:
    try:
        while piece := await reader.read(65536):
            await asyncio.sleep(slow.seconds)
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
