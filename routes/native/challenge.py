"""Answers a native call that its caller's scopes do not cover with HTTP 403, by which an OAuth client asks for more.

In the chain, which enforces the same, the refusal is an answer within an HTTP answer, often one that has begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json, to_json
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import Forbidden
from gateway.local.native_calls import Admit, protocol_error
from routes.errors import insufficient


class Challenge:
    """Stands before a native endpoint. What is no call, or is larger than `max_body`, is left to the endpoint."""

    def __init__(self, app: ASGIApp, admit: Admit, max_body: int) -> None:
        self.app = app
        self._admit = admit
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        taken = _Taken(receive)
        call = _tool_call(await taken.body(self._max_body))
        if call is not None:
            try:
                await self._admit(call["params"]["name"], call["params"].get("arguments") or {})
            except Forbidden as exc:
                await _refusal(exc, call["id"], scope)(scope, receive, send)
                return
        await self.app(scope, taken.again, send)


class _Taken:
    """What was received of a request to look at it, and then what comes after."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    async def body(self, most: int) -> bytes:
        """The whole body; none where it is larger than `most`, or the client left before its end."""
        body = bytearray()
        more = True
        while more and len(body) <= most:
            message = await self._receive()
            self._messages.append(message)
            body += message.get("body", b"")
            more = message.get("more_body", False)
        is_whole = message["type"] == "http.request" and len(body) <= most
        return bytes(body) if is_whole else b""

    async def again(self) -> Message:
        return self._messages.pop(0) if self._messages else await self._receive()


def _tool_call(body: bytes) -> Mapping[str, Any] | None:
    """The JSON-RPC request if it is a `tools/call` with a name."""
    if b"tools/call" not in body:
        return None
    try:
        message = from_json(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    params, number = message.get("params"), message.get("id")
    if not isinstance(params, dict) or not isinstance(params.get("name"), str) or type(number) not in (int, str):
        return None
    return message if isinstance(params.get("arguments") or {}, dict) else None


def _refusal(exc: Forbidden, number: int | str, scope: Scope) -> Response:
    error = protocol_error(exc).error.model_dump(mode="json", exclude_none=True)
    body = to_json({"jsonrpc": "2.0", "id": number, "error": error})
    return Response(body, 403, insufficient(exc, scope), "application/json")
