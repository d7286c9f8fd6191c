"""A call in plain JSON whose answer is an event stream: the tool's reports, then its result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic_core import to_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send

from gateway.call import ToolCall, ToolResult
from gateway.cancellation import was_requested
from gateway.errors import GatewayError
from gateway.server import Callee
from routes.errors import document, of_refusal
from routes.json_api.disconnect import while_connected

logger = logging.getLogger(__name__)
KEEP_ALIVE = 15.0
"""Seconds between comments on a silent stream; proxies close a connection on which nothing comes for a minute."""

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


async def stream(
    server: Callee,
    call: ToolCall,
    receive: Receive,
    send: Send,
    *,
    encode: Callable[[ToolResult], bytes] = ToolResult.in_result,
    keep_alive: float = KEEP_ALIVE,
) -> None:
    """Sends `progress` and `log` events as the tool reports, then `result`, `input-required`, `task` or `error`."""
    events = Events(send)
    call = replace(call, report=events.report)
    await events.begin()
    beat = asyncio.create_task(events.keep_alive(keep_alive))
    try:
        name, data = _last(await while_connected(receive, server.call(call)), call, encode)
    except ClientDisconnect:
        return
    except GatewayError as exc:
        name, data = "error", to_json(of_refusal(exc, call))
    except GeneratorExit:
        raise
    except BaseException as exc:  # the answer has begun, so nothing further out can tell the client
        if isinstance(exc, asyncio.CancelledError) and was_requested(exc):  # the process ends
            name, data = "error", _problem("unavailable", "The router is shutting down.", call, retryAfter=1)
        else:  # our own fault
            logger.exception("A streamed call failed")
            name, data = "error", _problem("internal-error", "The log has the reason under the request id.", call)
    finally:
        beat.cancel()
    await events.end(name, data)


class Events:
    """Writes one event after the other. Each waits until the client has taken it, and so does its tool."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._turn = asyncio.Lock()
        self._over = False

    async def begin(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})

    async def report(self, name: str, fields: Mapping[str, Any]) -> None:
        """Is the `Report` of the call."""
        await self.send(name, to_json(fields, inf_nan_mode="null", fallback=str))

    async def send(self, name: str, data: bytes) -> None:
        await self._write(event(name, data))

    async def keep_alive(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._write(b": keep-alive\n\n")

    async def end(self, name: str, data: bytes) -> None:
        async with self._turn:
            self._over = True  # a task that the tool started may still report
            await self._send({"type": "http.response.body", "body": event(name, data)})

    async def _write(self, body: bytes) -> None:
        async with self._turn:
            if not self._over:
                await self._send({"type": "http.response.body", "body": body, "more_body": True})


def event(name: str, data: bytes) -> bytes:
    """Returns an event as the HTML standard defines it: one `data` line for each line of the data."""
    return b"event: %b\n%b\n\n" % (name.encode(), b"\n".join(b"data: " + line for line in data.splitlines() or [b""]))


def _last(result: ToolResult, call: ToolCall, encode: Callable[[ToolResult], bytes]) -> tuple[str, bytes]:
    if result.is_error:
        return "error", _problem("tool-error", result.message, call)
    if result.asks is not None:
        return result.outcome, to_json(result.asks)
    return "result", encode(result)


def _problem(slug: str, detail: str, call: ToolCall, **fields: Any) -> bytes:
    return to_json(document(slug, detail, server=call.server, tool=call.tool, **fields))
