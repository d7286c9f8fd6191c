"""A proxy of the standard library that does `CONNECT` and absolute-form requests, and knows one name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class ConnectProxy:
    """`heads` are the requests that it was asked. It answers with `instead`, if that is set."""

    def __init__(self, instead: bytes = b"") -> None:
        self.heads: list[str] = []
        self.instead = instead
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head.decode())
                if self.instead:
                    writer.write(self.instead)
                    return
                method, target, _ = head.decode().split(" ", 2)
                parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
                there, back = await asyncio.open_connection("127.0.0.1", parts.port)
                if method == "CONNECT":
                    writer.write(b"HTTP/1.1 200 Connection established\r\nx-via: proxy\r\n\r\n")
                else:
                    back.write(head.replace(target.encode(), parts.path.encode(), 1))
                try:
                    await asyncio.gather(_copied(reader, back), _copied(there, writer))
                finally:
                    back.transport.abort()
        finally:
            writer.close()


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def proxying(instead: bytes = b"") -> AsyncIterator[ConnectProxy]:
    proxy = ConnectProxy(instead)
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        tasks.add(asyncio.get_running_loop().create_task(proxy.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)
