"""An in-process transport with one task per request, as in a server, and with streaming answers.

`httpx2.ASGITransport` returns an answer only when it is complete, but the streams of MCP stay open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import anyio
import httpx2
from anyio.abc import TaskGroup
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message

BASE = "http://localhost"


class AppTransport(httpx2.AsyncBaseTransport):
    """Sends requests to the application. Its exceptions are collected in `raised`, and raised on exit."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._tasks: TaskGroup
        self.raised: list[Exception] = []

    async def __aenter__(self) -> Self:
        self._tasks = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(exc_type, exc_value, traceback)
        if self.raised and exc_value is None:
            raise ExceptionGroup("the application raised", self.raised)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        exchange = _Exchange(request, await request.aread())
        self._tasks.start_soon(self._serve, exchange)
        try:
            await exchange.started.wait()
        except BaseException:
            exchange.left.set()
            raise
        return httpx2.Response(exchange.status, headers=exchange.headers, stream=exchange)

    async def _serve(self, exchange: _Exchange) -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception as exc:  # the server's boundary
            self.raised.append(exc)
        finally:
            exchange.end()


class _Exchange(httpx2.AsyncByteStream):
    """One request and its answer. Closing the answer before its end is a disconnect."""

    def __init__(self, request: httpx2.Request, body: bytes) -> None:
        self.scope: MutableMapping[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(key.lower(), value) for key, value in request.headers.raw],
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "server": (request.url.host, request.url.port),
            "client": ("127.0.0.1", 123),
            "root_path": "",
            "state": {},
        }
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.started = asyncio.Event()
        self.left = asyncio.Event()
        self._body: bytes | None = body
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def receive(self) -> MutableMapping[str, Any]:
        if self._body is None:
            await self.left.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
            self.started.set()
        else:
            self._chunks.put_nowait(message.get("body", b""))
            if not message.get("more_body"):
                self.end()

    def end(self) -> None:
        """Ends the answer. It is a 500 if the application has not started one."""
        self.started.set()
        self.left.set()
        self._chunks.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk

    async def aclose(self) -> None:
        self.left.set()


async def run_lifespan(app: ASGIApp, sent: list[Message]) -> None:
    """Starts the application and ends it at once, as a server does. Its messages are appended to `sent`."""
    messages = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> Message:
        return {"type": next(messages)}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)


@asynccontextmanager
async def opened(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    """Runs the lifespan of the application in the current task, and yields a client.

    An exception of the block is raised itself, not inside the exception groups of the surrounding tasks.
    """
    failure: Exception | None = None
    try:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=AppTransport(app), base_url=BASE, timeout=10) as client,
        ):
            try:
                yield client
            except Exception as exc:
                failure = exc
    finally:
        if failure is not None:
            raise failure
