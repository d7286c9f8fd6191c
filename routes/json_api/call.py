"""`POST /{server}/mcp/call`, `POST /call` and `POST /{server}/mcp/tools/{tool}`: a tool call in plain JSON.

This is the hot path: ASGI callables, one pass over the headers, and no request object unless a tool asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic_core import to_json
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send

from gateway.argument_names import original_names
from gateway.call import ToolCall, ToolResult, WayIn, request_id
from gateway.caller import caller
from gateway.errors import InvalidRequest
from gateway.sendable import check_finite
from gateway.server import Callee
from gateway.servers.names import Names
from routes.errors import tool_error
from routes.json_api.body import json_object, read_object, refuse_empty
from routes.json_api.disconnect import while_connected
from routes.json_api.stream import stream
from routes.json_api.task_url import task_headers
from routes.json_api.version import chosen
from routes.scope import CALL, IDEMPOTENCY, SERVER, STREAM, VERSION

_JSON = (b"content-type", b"application/json")
_REPLAYED = (b"idempotency-replayed", b"true")
_NO_ARGUMENTS = ("", "null")
Encode = Callable[[ToolResult], bytes]
"""Returns the JSON of a result."""


class Call:
    """`{"tool": …, "arguments": {…}}` → `{"result": …}` for one server."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_object(scope, receive, self._max_body)
        server: Callee = scope[SERVER.name]
        call = tool_call(body, server, text(body, "tool"), "call", scope)
        await respond(server, call, scope, receive, send)


class CallAny:
    """The same over all servers: with `"server"`, or with the tool's name over all servers."""

    def __init__(self, names: Names, max_body: int) -> None:
        self._names = names
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_object(scope, receive, self._max_body)
        server, tool = named(body, self._names)
        call = tool_call(body, server, tool, "call", scope)
        await respond(server, call, scope, receive, send)


class CallTool:
    """The body is the arguments; the answer is the structured output as the tool's schema says.

    An empty body is enough for a tool that requires no arguments.
    """

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server, tool = SERVER.of(scope), scope["path_params"]["tool"]
        arguments = await read_object(scope, receive, self._max_body, partial(_no_arguments, server, tool, scope))
        call = tool_call({"arguments": arguments}, server, tool, "tool-url", scope)
        await respond(server, call, scope, receive, send, encode=_structured)


def _no_arguments(server: Callee, tool: str, scope: Scope) -> dict[str, Any]:
    """Returns the arguments that an empty body stands for. Raises InvalidRequest if the tool requires some.

    A caller who may not call the tool does not learn that it exists: the chain refuses the call.
    """
    entry = chosen({}, scope, server, tool).entry
    if entry is None or not entry.info["inputSchema"].get("required"):
        return {}
    return refuse_empty() if caller.get().refusal(server.name, entry.info, tool) is None else {}


def named(body: Mapping[str, Any], names: Names) -> tuple[Callee, str]:
    """Returns the callee and the tool that a body names: `server` and `tool`, or a name over all servers.

    Raises:
        InvalidRequest
    """
    server, tool = body.get("server"), text(body, "tool")
    if server is not None and not isinstance(server, str):
        raise InvalidRequest("`server` must be a string.")
    return names.callee(tool, server)


def tool_call(body: Mapping[str, Any], server: Callee, tool: str, via: WayIn, scope: Scope) -> ToolCall:
    """Returns the call that a body asks for.

    Raises:
        InvalidRequest
    """
    arguments = body.get("arguments")
    if type(arguments) is not dict:
        arguments = _loose_arguments(arguments)
    check_finite(arguments.values(), "arguments")
    state = answers = None
    if "requestState" in body or "inputResponses" in body:
        state, answers = _continued(body)
    entry, refusal = server.find(tool), None
    if entry is None or entry.versions is not None or "version" in body or VERSION.name in scope:
        entry, tool, state, refusal = chosen(body, scope, server, tool, state)
    name = tool
    if entry is not None:
        name = entry.name
        if entry.has_unsafe_names:
            arguments = original_names(arguments, entry.info["inputSchema"])
    request = partial(_request, scope)
    # By position: this is the hot path.
    call = ToolCall(
        server.name, name, arguments, via, caller.get(), entry, tool, request_id.get(), request, None, state, answers
    )
    if IDEMPOTENCY.name in scope:
        call.idempotency_key = scope[IDEMPOTENCY.name]
    if refusal is not None:
        call.refusal = refusal
    return call


def _loose_arguments(value: Any) -> dict[str, Any]:
    """Returns arguments that are no object: none, or JSON in a string, as the answers of OpenAI's models have them."""
    if type(value) is str:
        value = json_object(value, "text in `arguments`") if value.strip() not in _NO_ARGUMENTS else {}
    if value is None:
        return {}
    if type(value) is not dict:
        raise InvalidRequest("`arguments` must be an object.")
    return value


def _continued(body: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any] | None]:
    """Returns the state and the answers of a call that continues an earlier one."""
    state = None if body.get("requestState") is None else text(body, "requestState")
    answers = body.get("inputResponses")
    if answers is not None and not isinstance(answers, dict):
        raise InvalidRequest("`inputResponses` must be an object.")
    check_finite((answers or {}).values(), "inputResponses")
    return state, answers


def text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if type(value) is not str:
        raise InvalidRequest(f"`{key}` must be a string." if key in body else f"`{key}` is missing.")
    return value


def _request(scope: Scope) -> HTTPConnection:
    return Request(scope) if scope["type"] == "http" else HTTPConnection(scope)


async def respond(
    server: Callee, call: ToolCall, scope: Scope, receive: Receive, send: Send, *, encode: Encode = ToolResult.in_result
) -> None:
    scope[CALL.name] = call
    if STREAM.name in scope:
        await stream(server, call, receive, send, encode=encode)
        return
    result = await while_connected(receive, server.call(call))
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


def _structured(result: ToolResult) -> bytes:
    return result.body


def _asks(asks: Mapping[str, Any]) -> bytes:
    return to_json({"resultType": "input_required", **asks})
