"""The answer to a call in plain JSON: its result, its stream, or what its tool asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from gateway.call import ToolCall, ToolResult
from gateway.clock import Deadlines
from gateway.server import Callee
from routes.errors import tool_error
from routes.json_api.disconnect import while_connected
from routes.json_api.stream import stream
from routes.json_api.task_url import task_headers
from routes.scope import CALL, STREAM

_JSON = (b"content-type", b"application/json")
_REPLAYED = (b"idempotency-replayed", b"true")
Encode = Callable[[ToolResult], bytes]
"""Returns the JSON of a result."""


async def respond(
    server: Callee,
    call: ToolCall,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    watches: Deadlines,
    encode: Encode = ToolResult.in_result,
) -> None:
    scope[CALL.name] = call
    if STREAM.name in scope:
        await stream(server, call, receive, send, encode=encode)
        return
    result = await while_connected(receive, server.call(call), watches)
    if result.is_error:
        await tool_error(result.message, server.name, call)(scope, receive, send)
        return
    status, body = (200, encode(result)) if result.asks is None else (202, _asks(result.asks))
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    if result.asks is not None:
        headers += task_headers(result.asks, server.name, call.tool, scope)
    if call.answered == "repeated":
        headers.append(_REPLAYED)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _asks(asks: Mapping[str, Any]) -> bytes:
    return to_json({"resultType": "input_required", **asks})
