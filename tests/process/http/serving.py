"""uvicorn in this process, with the router's HTTP protocol and an application that tells what it received."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import uvicorn
from starlette.types import Receive, Scope, Send

from process.http.front import Front
from process.http.limits import FrontLimits
from process.websocket_protocol import WebSocketProtocol
from tests.process.echoing import Prompt
from tests.routes.raw import Answer

MIB = 1024 * 1024
CHUNKED = b"Transfer-Encoding: chunked"
WEBSOCKET = (
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)


class App:
    """Answers with the request that it received. A path says what it does instead:

    `/early` answers without reading the body, `/wait` waits for `released`, `/stream` sends a line, waits for
    `released` and sends another, `/large` sends 16 MiB.
    """

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.waiting = asyncio.Event()
        self.disconnected = asyncio.Event()
        self.seen: list[tuple[str, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(receive, send)
            return
        path, body = scope["path"], b""
        if path != "/early":
            body = await self._body(receive)
        self.seen.append((path, body))
        if path == "/wait":
            await self._wait()
        if path == "/stream":
            await self._stream(send)
            return
        content = b"x" * 16 * MIB if path == "/large" else told(scope, body)
        fields = [(b"content-length", b"%d" % len(content)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 401 if path == "/early" else 200, "headers": fields})
        await send({"type": "http.response.body", "body": content})

    async def _body(self, receive: Receive) -> bytes:
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.disconnected.set()
                return bytes(body)
            body += message["body"]
            more = message["more_body"]
        return bytes(body)

    async def _wait(self) -> None:
        self.waiting.set()
        await self.released.wait()

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one\n", "more_body": True})
        await self._wait()
        await send({"type": "http.response.body", "body": b"two\n"})

    async def _websocket(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})


def told(scope: Scope, body: bytes) -> bytes:
    fields = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    return json.dumps({"method": scope["method"], "path": scope["path"], "headers": fields, "size": len(body)}).encode()


class Client:
    """One connection that sends bytes unchanged."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        """Returns the next answer with a Content-Length. Raises IncompleteReadError if the connection ends before."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(head[0].split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Waits for the end of the connection. Returns False if something else comes."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True


@dataclass(frozen=True, slots=True)
class Serving:
    app: App
    port: int
    state: Any

    async def closed(self, left: int = 0) -> None:
        """Waits until the server has closed all connections but `left`."""
        while len(self.state.connections) > left:
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def client(self, host: str = "127.0.0.1", source: str | None = None) -> AsyncIterator[Client]:
        origin = (source, 0) if source is not None else None
        reader, writer = await asyncio.open_connection(host, self.port, local_addr=origin)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()

    async def ask(self, data: bytes) -> Answer:
        """Sends the bytes on a new connection, and returns the first answer."""
        async with self.client() as client:
            await client.send(data)
            return await client.answer()


@asynccontextmanager
async def serving(within: float = 20, **limits: Any) -> AsyncIterator[Serving]:
    """Serves with the default limits, except those given."""
    app, listener = App(), socket.create_server(("127.0.0.1", 0))
    front: Any = Front(FrontLimits(**limits))
    config = uvicorn.Config(app, http=front, ws=WebSocketProtocol, log_config=None, access_log=False, lifespan="off")
    server = Prompt(config)
    task = asyncio.create_task(server._serve([listener]))
    try:
        with anyio.fail_after(within):
            yield Serving(app, listener.getsockname()[1], server.server_state)
    finally:
        app.released.set()
        server.should_exit = server.force_exit = True
        server.ending.set()
        await task


def request(path: str = "/", *fields: bytes, method: str = "POST", body: bytes | None = None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", *fields]
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body or b""])


def chunked(*parts: bytes, trailers: bytes = b"") -> bytes:
    """Returns a chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailers + b"\r\n"


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


async def opened(stack: AsyncExitStack, server: Serving, count: int, source: str | None = None) -> list[Client]:
    """Opens connections, each of which is accepted before the next one."""
    found = []
    for number in range(count):
        found.append(await stack.enter_async_context(server.client(source=source)))
        while len(server.state.connections) <= number and source is None:
            await asyncio.sleep(0)
    return found
