"""A hand-written server of the transport of 2024, with faults that no real server has on purpose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.gateway.upstream.http.peer import Answer, Asked
from tests.gateway.upstream.http.peer import serving as listening

TOOL = {"name": "tool", "inputSchema": {"type": "object"}}
ALL_CHANGES = {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "logging": {}}


class Stream:
    """The stream of one session. It ends each line with `line`."""

    def __init__(self, asked: Asked, line: bytes = b"\n") -> None:
        self.asked = asked
        self.introduced: dict[str, Any] = {}
        self._line = line

    def event(self, kind: str, data: str) -> None:
        self.asked.chunk(self._line.join([b"event: " + kind.encode(), b"data: " + data.encode(), b"", b""]))

    def say(self, **message: Any) -> None:
        self.event("message", json.dumps({"jsonrpc": "2.0", **message}))

    def result(self, request: Asked, text: str = "good") -> None:
        """Sends the result of a tool."""
        self.say(id=request.message["id"], result={"content": [{"type": "text", "text": text}]})


Call = Callable[[Asked, Stream], Awaitable[None]]
"""Answers one request, beside which the stream of its session is given."""


async def good(request: Asked, stream: Stream) -> None:
    request.answer(b"Accepted", 202, "text/plain")
    stream.result(request)


class SseServer:
    """`call` answers calls of tools, and `opens` each GET. `streams` has those that were opened, by session.

    `endpoint` is the URL that it names, in which `{}` is the session and `{origin}` its own origin. It answers each
    other POST with the status `refuses`.
    """

    def __init__(self, call: Call = good, endpoint: str = "/messages?session={}", line: bytes = b"\n") -> None:
        self.call = call
        self.endpoint = endpoint
        self.line = line
        self.refuses = 405
        self.opens: Callable[[Asked], bool] = lambda asked: True
        self.tools: list[dict[str, Any]] = [TOOL]
        self.streams: dict[str, Stream] = {}
        self.asked: list[Asked] = []
        self.origin = self.url = ""

    def named(self, method: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.rpc == method]

    async def has(self, method: str, number: int = 1) -> Asked:
        """Waits until it was asked this so often, and returns the last of them."""
        async with asyncio.timeout(10):
            while len(self.named(method)) < number:
                await asyncio.sleep(0.01)
        return self.named(method)[-1]

    def entry(self, **fields: Any) -> dict[str, Any]:
        return {"type": "sse", "url": self.url, **fields}

    async def answer(self, asked: Asked) -> None:
        self.asked.append(asked)
        if asked.method == "GET":
            if self.opens(asked):
                self.open(asked)
            return
        stream = self.streams.get(asked.target.rpartition("=")[2])
        if stream is None:
            asked.answer(b"", self.refuses)
            return
        if asked.rpc == "tools/call":
            await self.call(asked, stream)
            return
        asked.answer(b"Accepted", 202, "text/plain")
        if asked.rpc == "initialize":
            stream.introduced = asked.message["params"]
            info = {"name": "old", "version": "1"}
            result = {"protocolVersion": "2024-11-05", "capabilities": ALL_CHANGES, "serverInfo": info}
            stream.say(id=asked.message["id"], result=result)
        elif asked.rpc == "tools/list":
            stream.say(id=asked.message["id"], result={"tools": self.tools})
        elif asked.rpc.startswith(("resources/", "logging/")):
            stream.say(id=asked.message["id"], result={})

    def open(self, asked: Asked) -> None:
        """Begins a stream, and names its endpoint."""
        session = f"secret-{len(self.streams) + 1}"
        stream = self.streams[session] = Stream(asked, self.line)
        asked.stream()
        stream.say(id="early", method="ping")
        stream.event("endpoint", self.endpoint.format(session, origin=self.origin))
        stream.say(id="first", method="ping")


@asynccontextmanager
async def sse_server(
    call: Call = good,
    endpoint: str = "/messages?session={}",
    *,
    behind: Callable[[Answer], Answer] = lambda answer: answer,
    **more: Any,
) -> AsyncIterator[SseServer]:
    """Serves such a server; `behind` returns what answers the requests in front of it."""
    server = SseServer(call, endpoint, **more)
    async with listening(behind(server.answer)) as peer:
        server.origin = peer.url.removesuffix("/mcp")
        server.url = f"{server.origin}/sse"
        yield server
