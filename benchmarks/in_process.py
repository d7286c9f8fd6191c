"""Calls an ASGI application in this process, without a server and a socket."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp, Message

from benchmarks.load import WrongAnswerError

CLIENT = (("host", "127.0.0.1:8000"), ("user-agent", "bench"), ("accept", "*/*"))


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    method: str = "POST"
    holds: bytes = b"42"


async def send(app: ASGIApp, request: Request) -> bytes:
    """Returns the body of the answer. Raises WrongAnswerError."""
    headers = dict(CLIENT) | dict(request.headers or {}) | {"content-length": str(len(request.body))}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "extensions": {},
        "state": {},
    }
    messages = iter([{"type": "http.request", "body": request.body, "more_body": False}])
    answer: list[Message] = []

    async def receive() -> Message:
        message = next(messages, None)
        if message is None:
            await asyncio.Event().wait()
        return message or {}

    async def collect(message: Message) -> None:
        answer.append(message)

    await app(scope, receive, collect)
    body = b"".join(message.get("body", b"") for message in answer)
    if answer[0]["status"] != 200 or request.holds not in body:
        raise WrongAnswerError(f"{request.path}: {answer[0]['status']} {body[:200]!r}")
    return body


async def microseconds(app: ASGIApp, request: Request, count: int) -> float:
    """Returns the CPU time of one request, over `count` of them."""
    began = time.process_time()
    for _ in range(count):
        await send(app, request)
    return (time.process_time() - began) / count * 1e6


async def longest_hold(app: ASGIApp, request: Request) -> float:
    """Returns the longest time, in milliseconds, for which the request blocked the event loop."""
    longest, last, is_over = 0.0, time.perf_counter(), False

    async def beat() -> None:
        nonlocal longest, last
        while not is_over:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)
    await send(app, request)
    await asyncio.sleep(0)
    is_over = True
    await beating
    return longest * 1000
