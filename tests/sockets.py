"""A WebSocket client in process: what a server hands to the application, and takes from it."""

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
    """The handshake was answered with this, and there is no connection."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(f"{status} {body.decode()}")
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Socket:
    """`accepted` is the application's answer to the handshake; `closed` its code and reason, where it closed."""

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
        """An object as its JSON, text as it is, bytes as a binary frame."""
        kind = "bytes" if isinstance(frame, bytes) else "text"
        data = frame if isinstance(frame, bytes | str) else json.dumps(frame)
        self._to_app.put_nowait({"type": "websocket.receive", kind: data})

    def leave(self) -> None:
        self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def receive(self) -> Any:
        """The next frame. Raises ConnectionError where the application has closed."""
        message = await asyncio.wait_for(self._from_app.get(), 10)
        if message["type"] == "websocket.close":
            raise ConnectionError(message["code"], message.get("reason", ""))
        return json.loads(message["text"])

    async def ask(self, frame: Any) -> Any:
        self.send(frame)
        return await self.receive()

    async def close_code(self) -> int:
        """What the application closes with; it must send nothing before."""
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
            self.leave()
        self._from_app.put_nowait(message)

    async def shake_hands(self) -> None:
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
    """An open connection, left at the end; whatever the application raises is raised here. Raises Refused."""
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
    shaking = asyncio.create_task(socket.shake_hands())
    await asyncio.wait([task, shaking], return_when=asyncio.FIRST_COMPLETED)
    if not shaking.done():
        shaking.cancel()
        task.result()
    try:
        await shaking
        yield socket
    finally:
        socket.leave()
        await asyncio.wait_for(task, 10)
