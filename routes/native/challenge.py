"""Refuses native tool calls outside the caller's scopes with HTTP 403, so that an OAuth client asks for the scope.

The authorization interceptor enforces the same rule, but its refusal is a JSON-RPC error inside an HTTP 200, and often
inside a stream that has already begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.auth.native_access import Admit
from gateway.errors import Forbidden
from gateway.sdk.native import CALL
from gateway.sdk.request_body import message_of, replaying
from routes.json_api.body import read_body
from routes.native.refusal import refusal


class Challenge:
    """Wraps a native endpoint. Messages other than calls go to it unchecked."""

    def __init__(self, app: ASGIApp, admit: Admit, max_body: int) -> None:
        self.app = app
        self._admit = admit
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        messages: list[Message] = [await _whole(receive, self._max_body)]
        call = _tool_call(messages[0]["body"])
        if call is not None:
            try:
                await self._admit(call["params"]["name"], call["params"].get("arguments") or {})
            except Forbidden as exc:
                await refusal(exc, call["id"], scope)(scope, receive, send)
                return
            del call  # it may be as large as the body, and neither is kept while the endpoint runs

        await self.app(scope, replaying(messages, receive), send)


async def _whole(receive: Receive, max_body: int) -> Message:
    return {"type": "http.request", "body": await read_body(receive, max_body), "more_body": False}


def _tool_call(body: bytes) -> Mapping[str, Any] | None:
    """Returns the JSON-RPC request if it is a `tools/call` with a name, else None."""
    message = message_of(body, CALL)
    if message is None:
        return None
    params, number = message.get("params"), message.get("id")
    # `type` and no `isinstance`: a bool is an int, but no valid id.
    if not isinstance(params, dict) or not isinstance(params.get("name"), str) or type(number) not in (int, str):
        return None
    return message if isinstance(params.get("arguments") or {}, dict) else None
