"""`POST /{server}/mcp/call`, `POST /call` and `POST /{server}/mcp/tools/{tool}`: a tool call in plain JSON.

The hot path: ASGI callables, one pass over the headers, no request object but for what reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic_core import to_json
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send

from gateway.call import ToolCall, ToolResult, request_id
from gateway.errors import InvalidRequest
from gateway.server import Callee, Server
from gateway.servers.names import Names
from routes.errors import tool_error
from routes.json_api.body import read_object
from routes.json_api.disconnect import while_connected
from routes.json_api.stream import stream
from routes.scope import CALL, STREAM

_JSON = (b"content-type", b"application/json")


class Call:
    """`{"tool": …, "arguments": {…}}` → `{"result": …}`."""

    def __init__(self, server: Server, max_body: int) -> None:
        self._server = server
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_object(scope, receive, self._max_body)
        call = tool_call(body, self._server.name, text(body, "tool"), "call", scope)
        await _respond(self._server, call, scope, receive, send)


class CallAny:
    """The same over all servers: with `"server"`, or with the tool's aggregate name."""

    def __init__(self, names: Names, max_body: int) -> None:
        self._names = names
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_object(scope, receive, self._max_body)
        server, tool = named(body, self._names)
        call = tool_call(body, server.name, tool, "call", scope)
        await _respond(server, call, scope, receive, send)


class CallTool:
    """The body is the arguments; the answer is the structured output as the tool's schema says."""

    def __init__(self, server: Server, max_body: int) -> None:
        self._server = server
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arguments = await read_object(scope, receive, self._max_body)
        tool: str = scope["path_params"]["tool"]
        call = ToolCall(
            self._server.name, tool, arguments, "tool-url", request_id.get(), request=partial(_request, scope)
        )
        await _respond(self._server, call, scope, receive, send)


def named(body: Mapping[str, Any], names: Names) -> tuple[Callee, str]:
    """Whom and what a body calls: a server and its tool, or a tool's aggregate name alone. Raises InvalidRequest."""
    server, tool = body.get("server"), text(body, "tool")
    if server is not None and not isinstance(server, str):
        raise InvalidRequest("`server` must be a string.")
    return names.callee(tool, server)


def tool_call(body: Mapping[str, Any], server: str, tool: str, via: str, scope: Scope) -> ToolCall:
    """The call that a body asks for. Raises InvalidRequest."""
    arguments = body.get("arguments")
    if arguments is None:
        arguments = {}
    elif type(arguments) is not dict:
        raise InvalidRequest("`arguments` must be an object.")
    call = ToolCall(server, tool, arguments, via, request_id.get(), request=partial(_request, scope))
    if "requestState" in body or "inputResponses" in body:
        call.state = None if body.get("requestState") is None else text(body, "requestState")
        call.answers = body.get("inputResponses")
        if call.answers is not None and not isinstance(call.answers, dict):
            raise InvalidRequest("`inputResponses` must be an object.")
    return call


def _request(scope: Scope) -> HTTPConnection:
    return Request(scope) if scope["type"] == "http" else HTTPConnection(scope)


def text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if type(value) is not str:
        raise InvalidRequest(f"`{key}` must be a string." if key in body else f"`{key}` is missing.")
    return value


async def _respond(server: Callee, call: ToolCall, scope: Scope, receive: Receive, send: Send) -> None:
    CALL.set(scope, call)  # for the problem document, whatever raises it
    if STREAM.get(scope):
        await stream(server, call, receive, send)
        return
    result = await while_connected(receive, server.call(call))
    if result.is_error:
        await tool_error(result.message, server.name, call.tool)(scope, receive, send)
        return
    status, body = (200, _body(result, call.via)) if result.asks is None else (202, _asks(result.asks))
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _body(result: ToolResult, via: str) -> bytes:
    return result.body if via == "tool-url" else result.in_result()


def _asks(asks: Mapping[str, Any]) -> bytes:
    return to_json({"resultType": "input_required", **asks})
