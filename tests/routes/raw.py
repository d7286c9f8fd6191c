"""ASGI requests with exact headers and body chunks, for input that no well-behaved client sends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message

Pairs = Sequence[tuple[bytes, bytes]]
HOST = (b"host", b"localhost:8000")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


async def ask(app: ASGIApp, method: str, path: str, headers: Pairs = (HOST,), *chunks: bytes | None) -> Answer:
    """Returns the answer to a request. Its body arrives in `chunks`; None is a disconnect."""
    return await ask_behind("", app, method, path, headers, *chunks)


async def ask_behind(
    prefix: str, app: ASGIApp, method: str, path: str, headers: Pairs = (HOST,), *chunks: bytes | None
) -> Answer:
    """Like `ask`, with the application behind `prefix`, as uvicorn's `--root-path` sets it."""
    left = list(chunks) or [b""]
    sent: list[Message] = []

    async def receive() -> Message:
        chunk = left.pop(0) if left else None
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": prefix + path,
        "raw_path": (prefix + path).encode(),
        "query_string": b"",
        "root_path": prefix,
        "headers": list(headers),
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    await app(scope, receive, send)
    if not sent:
        return Answer(0, {}, b"")
    names = {key.decode().lower(): value.decode() for key, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], names, b"".join(message.get("body", b"") for message in sent[1:]))
