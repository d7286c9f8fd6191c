"""uvicorn in this process, with the router's WebSocket protocol and an application that measures what it receives."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Opcode

from process.websocket_protocol import WebSocketProtocol

MAX_SIZE = 100_000
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class App:
    """Answers each message with its length. It reads only while `reads` is set; `received` has the messages."""

    def __init__(self) -> None:
        self.scope: Scope = {}
        self.reads = asyncio.Event()
        self.reads.set()
        self.received: list[Any] = []
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await self.reads.wait()
                message = await receive()
                self.received.append(message.get("text", message.get("bytes")))
                if message["type"] == "websocket.disconnect":
                    self.received[-1] = message["code"]
                    return
                await send({"type": "websocket.send", "text": str(len(self.received[-1]))})
        finally:
            self.ended.set()


class Server:
    """A running server. `protocol` is that of its only connection."""

    def __init__(self, app: App, port: int, state: Any) -> None:
        self.app = app
        self.port = port
        self._state = state

    @property
    def protocol(self) -> WebSocketProtocol:
        (found,) = self._state.connections
        assert isinstance(found, WebSocketProtocol)
        return found

    def connect(self) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}", compression=None, max_size=None, ping_interval=None)


class Prompt(uvicorn.Server):
    """Ends when it is told to, not at its next tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    async def main_loop(self) -> None:
        ticks = asyncio.create_task(super().main_loop())
        await self.ending.wait()
        ticks.cancel()


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Server]:
    app, listener = App(), socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, ws=WebSocketProtocol, log_config=None, lifespan="off", **{"ws_max_size": MAX_SIZE, **options}
    )
    server = Prompt(config)
    task = asyncio.create_task(server._serve([listener]))
    try:
        with anyio.fail_after(20):
            yield Server(app, listener.getsockname()[1], server.server_state)
    finally:
        server.should_exit = server.force_exit = True
        server.ending.set()
        await task


async def close_code(client: ClientConnection) -> int | None:
    """Returns the code with which the server closes, and discards the messages before it."""
    async for _ in client:
        pass
    return client.close_code


async def failure_code(client: ClientConnection) -> int | None:
    """Returns the close code, which must be that of a failure."""
    with pytest.raises(ConnectionClosedError):
        await close_code(client)
    return client.close_code


def frame(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    """A client's frame, masked with zeros."""
    size = len(data)
    if size < 126:
        length = bytes([128 + size])
    else:
        length = struct.pack("!BH", 254, size) if size < 65536 else struct.pack("!BQ", 255, size)
    return bytes([(128 if fin else 0) + opcode]) + length + b"\0\0\0\0" + data


def write(client: ClientConnection, *frames: bytes) -> None:
    """Writes the frames unchanged and at once."""
    client.transport.write(b"".join(frames))
