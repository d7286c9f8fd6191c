"""A hand-written HTTP server that answers as a test says, with faults that no real server has on purpose."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from gateway.upstream.config import Upstream
from gateway.upstream.http.entry import Clients
from gateway.upstream.http.opening import HttpOpening
from gateway.upstream.link import LEGACY, MODERN, Heard, Link

CAPABILITIES: dict[str, Any] = {"tools": {}}


class Asked:
    """One request, and the ways to answer it."""

    def __init__(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.body = body
        self.message: dict[str, Any] = json.loads(body) if body else {}
        self.writer = writer

    @property
    def rpc(self) -> str:
        """The method of the message; that of the request for one without a message."""
        method: str = self.message.get("method", self.method)
        return method

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def answer(
        self, body: bytes, status: int = 200, kind: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{lines}content-length: {len(body)}\r\n\r\n"
        self.raw(head.encode("latin-1") + body)

    def result(self, result: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self.answer(self.encoded(result=result), headers=headers)

    def error(self, code: int, message: str, status: int = 200) -> None:
        self.answer(self.encoded(error={"code": code, "message": message}), status)

    def encoded(self, **answer: Any) -> bytes:
        return json.dumps({"jsonrpc": "2.0", "id": self.message.get("id"), **answer}).encode()

    def stream(self) -> None:
        """Begins an answer of events, which ends with the connection or with `end`."""
        self.raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")

    def event(self, data: bytes, number: str = "") -> None:
        self.chunk((f"id: {number}\n".encode() if number else b"") + b"data: " + data + b"\n\n")

    def chunk(self, data: bytes) -> None:
        self.raw(b"%x\r\n%b\r\n" % (len(data), data))

    def notify(self, method: str, **params: Any) -> None:
        self.event(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode())

    def end(self) -> None:
        self.raw(b"0\r\n\r\n")

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.transport.abort()


Answer = Callable[[Asked], Awaitable[None]]


class Peer:
    """`asked` has all requests, `calls` those of tools by the number that is their argument `n`."""

    def __init__(self, answer: Answer) -> None:
        self.url = ""
        self.asked: list[Asked] = []
        self.connections = 0
        self._answer = answer

    def named(self, rpc: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.rpc == rpc]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                    asked = Asked(head, await reader.readexactly(length), writer)
                    self.asked.append(asked)
                    await self._answer(asked)
                    await writer.drain()
        finally:
            writer.close()
            self.connections -= 1


@asynccontextmanager
async def serving(
    answer: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Peer]:
    peer = Peer(answer)
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(peer.serve(reader, writer)))
        writers.append(writer)

    server = await asyncio.start_server(connected, host, port, ssl=tls, limit=2**24)
    port = server.sockets[0].getsockname()[1]
    peer.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/mcp"
    try:
        yield peer
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)  # the transports close in the next turn of the loop


def modern(call: Answer) -> Answer:
    """Answers as a server of the stateless era; `call` answers all but `server/discover`."""

    async def answer(asked: Asked) -> None:
        if asked.rpc == "server/discover":
            asked.result({"supportedVersions": [MODERN], "capabilities": CAPABILITIES})
        else:
            await call(asked)

    return answer


def legacy(call: Answer) -> Answer:
    """Answers as a server of the era of sessions; `call` answers all but the handshake and the end of a session."""
    count = 0

    async def answer(asked: Asked) -> None:
        nonlocal count
        if asked.rpc == "initialize":
            count += 1
            result = {"protocolVersion": LEGACY, "capabilities": CAPABILITIES, "serverInfo": {"name": "old"}}
            asked.result(result, {"Mcp-Session-Id": f"session-{count}"})
        elif asked.rpc == "server/discover":
            asked.error(-32601, "Method not found", 400)
        elif asked.rpc == "notifications/initialized":
            asked.answer(b"", 202)
        elif asked.rpc in ("DELETE", "GET"):
            asked.answer(b"", 405)
        else:
            await call(asked)

    return answer


def ignored(method: str, params: Mapping[str, Any]) -> None:
    """Takes what nobody wants to hear."""


@asynccontextmanager
async def linked(url: str, heard: Heard = ignored, **entry: Any) -> AsyncIterator[Link]:
    """Opens a link to `url`, with these fields of an entry as they are in the file."""
    link = await HttpOpening(Clients(Upstream.model_validate({"type": "http", "url": url, **entry}), {}))(heard)
    try:
        yield link
    finally:
        await link.close()


async def call(link: Link, tool: str = "tool", **arguments: Any) -> Any:
    """Calls a tool, and returns its result."""
    async with asyncio.timeout(20):
        return await link.request("tools/call", {"name": tool, "arguments": arguments})
