"""Messages between workers over a Unix socket: the length of each stands before it."""

from __future__ import annotations

import asyncio
import logging
import os
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

logger = logging.getLogger(__name__)
BACKLOG = 1024
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


@asynccontextmanager
async def listening(
    path: Path, serve: Callable[[StreamReader, StreamWriter], Awaitable[None]], loss: str
) -> AsyncIterator[None]:
    """Lets `serve` have each connection to `path`, in a task that ends with this.

    Errors of `serve` that mean that the other worker is gone end its connection alone. If nothing can listen at the
    path, that is logged with `loss`, which says what other workers cannot do.
    """
    tasks: set[asyncio.Task[None] | None] = set()

    async def accept(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (OSError, EOFError):  # TimeoutError is an OSError
            pass
        finally:
            tasks.discard(task)
            writer.close()

    try:
        server = await asyncio.start_unix_server(accept, path, backlog=BACKLOG)
    except OSError as exc:  # the folder was deleted, or the path of temporary files is too long for a socket
        logger.warning("%s: %s", loss, exc.strerror or exc)
        yield
        return
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()
        with suppress(OSError):
            os.unlink(path)
