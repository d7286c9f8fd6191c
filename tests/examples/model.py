"""A chat-completions endpoint with scripted answers."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.examples.serving import Serve

Message = dict[str, Any]


class Model:
    """Answers each request with the next message of its script, and records the requests."""

    def __init__(self, serve: Serve) -> None:
        self.script: list[Message] = []
        self.requests: list[dict[str, Any]] = []
        self.url = serve(Starlette(routes=[Route("/v1/chat/completions", self.complete, methods=["POST"])])) + "/v1"

    def follow(self, *script: Message) -> None:
        self.script, self.requests = list(script), []

    async def complete(self, request: Request) -> JSONResponse:
        self.requests.append(await request.json())
        message = {"role": "assistant", "content": None, **self.script.pop(0)}
        reason = "tool_calls" if "tool_calls" in message else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        completion = {"id": "1", "object": "chat.completion", "created": 0, "model": "scripted", "choices": [choice]}
        return JSONResponse(completion)

    def was_told(self) -> dict[str, str]:
        """Returns the tool messages of the last request by call id."""
        tool_messages = [message for message in self.requests[-1]["messages"] if message["role"] == "tool"]
        return {message["tool_call_id"]: message["content"] for message in tool_messages}


def calls(*calls: tuple[str, str]) -> Message:
    """Returns a message in which the model calls tools. The ids of the calls count from 1."""
    return {
        "tool_calls": [
            {"id": str(number), "type": "function", "function": {"name": name, "arguments": arguments}}
            for number, (name, arguments) in enumerate(calls, 1)
        ]
    }


def says(text: str) -> Message:
    return {"content": text}
