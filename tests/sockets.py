"""A WebSocket client in process that speaks ASGI with the application, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from routes.scope import FRAME_LIMIT

Pairs = Sequence[tuple[bytes, bytes]]
HOST = (b"host", b"localhost:8000")


class Refused(Exception):
    """The application answered the handshake with an HTTP response."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(f"{status} {body.decode()}")
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Socket:
    """One connection.

    `accepted` is the application's answer to the handshake, `closed` the code and reason with which it closed, and
    `limit` the frame limit that it set. The client reads only while `reads` is set.
    """

    def __init__(self) -> None:
        self.accepted: Message = {}
        self.closed: tuple[int, str] | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        self.limit: int | None = None
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._to_app.put_nowait({"type": "websocket.connect"})

    def send(self, frame: Any) -> None:
        """Sends bytes as a binary frame, a string as a text frame, and any other value as its JSON."""
        kind = "bytes" if isinstance(frame, bytes) else "text"
        data = frame if isinstance(frame, bytes | str) else json.dumps(frame)
        self._to_app.put_nowait({"type": "websocket.receive", kind: data})

    def disconnect(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def receive(self) -> Any:
        """Returns the next frame, parsed. Raises ConnectionError if the application has closed the connection."""
        message = await asyncio.wait_for(self._from_app.get(), 10)
        if message["type"] == "websocket.close":
            raise ConnectionError(message["code"], message.get("reason", ""))
        return json.loads(message["text"])

    async def ask(self, frame: Any) -> Any:
        self.send(frame)
        return await self.receive()

    async def close_code(self) -> int:
        """Returns the code with which the application closes. It must send no frame before."""
        try:
            frame = await self.receive()
        except ConnectionError as exc:
            code: int = exc.args[0]
            return code
        raise AssertionError(frame)

    async def receive_of_server(self) -> Message:
        return await self._to_app.get()

    async def send_to_server(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            await self.reads.wait()
        if message["type"] == "websocket.close":
            self.closed = message["code"], message.get("reason", "")
            self.disconnect()
        self._from_app.put_nowait(message)

    async def complete_handshake(self) -> None:
        """Raises Refused."""
        message = await self._from_app.get()
        if message["type"] == "websocket.accept":
            self.accepted = message
            return
        if message["type"] == "websocket.close":
            raise Refused(403, {}, b"")
        assert message["type"] == "websocket.http.response.start", message
        body = await self._from_app.get()
        headers = {key.decode().lower(): value.decode() for key, value in message["headers"]}
        raise Refused(message["status"], headers, body["body"])


@asynccontextmanager
async def connected(
    app: ASGIApp, path: str, headers: Pairs = (), subprotocols: Sequence[str] = (), prefix: str = ""
) -> AsyncIterator[Socket]:
    """Opens a connection, and raises what the application raises. Raises Refused."""
    socket = Socket()

    def set_limit(size: int) -> None:
        socket.limit = size

    scope: Scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": prefix + path,
        "raw_path": (prefix + path).encode(),
        "query_string": b"",
        "root_path": prefix,
        "headers": [*headers] if any(key == b"host" for key, _ in headers) else [HOST, *headers],
        "subprotocols": list(subprotocols),
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 1),
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
    FRAME_LIMIT.set(scope, set_limit)
    task = asyncio.ensure_future(app(scope, socket.receive_of_server, socket.send_to_server))
    handshake = asyncio.create_task(socket.complete_handshake())
    await asyncio.wait([task, handshake], return_when=asyncio.FIRST_COMPLETED)
    if not handshake.done():
        handshake.cancel()
        task.result()
    try:
        await handshake
        yield socket
    finally:
        socket.disconnect()
        await asyncio.wait_for(task, 10)
