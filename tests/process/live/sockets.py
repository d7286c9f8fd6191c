"""WebSockets to a real process, with the client of the `websockets` package."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.process.live.note import Note
from tests.process.live.router import Router

ADD = {"server": "math", "tool": "add", "arguments": {"a": 1, "b": 2}}


def connected(router: Router, path: str = "/ws", **options: Any) -> ClientConnection:
    client: ClientConnection = connect(
        f"ws://localhost:{router.port}{path}", compression=None, max_size=None, **options
    )
    return client


def send(client: ClientConnection, **frame: Any) -> None:
    client.send(json.dumps(frame))


def receive(client: ClientConnection) -> Any:
    return json.loads(client.recv(timeout=20))


def ask(client: ClientConnection, **frame: Any) -> Any:
    send(client, **frame)
    return receive(client)


def waiting(client: ClientConnection, id_: int, note: Note, seconds: float = 60, tool: str = "wait") -> None:
    """Starts a call that takes `seconds`, and returns when its tool has begun."""
    arguments = {"seconds": seconds, "note": str(note.path)}
    send(client, id=id_, server="slow", tool=tool, arguments=arguments)
    note.await_lines("began")


def slug(frame: Any) -> str:
    kind: str = frame["error"]["type"].removeprefix("urn:multi-mcp:error:")
    return kind


def closing(client: ClientConnection) -> tuple[int | None, str | None]:
    """Returns the code and the reason with which the router closes, and discards the frames before it."""
    with suppress(ConnectionClosed):
        while True:
            client.recv(timeout=20)
    return client.close_code, client.close_reason
