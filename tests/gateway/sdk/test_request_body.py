"""The body of a native request reaches the SDK in one message, whatever pieces it came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.sdk.request_body import BoundedBody

pytestmark = pytest.mark.anyio

LEFT: Message = {"type": "http.disconnect"}


def part(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def handed_on(messages: Sequence[Message], *headers: tuple[bytes, bytes]) -> tuple[list[Message], list[Message]]:
    """Returns what the application receives of `messages`, and what is answered."""
    coming, seen, answer = iter(messages), list[Message](), list[Message]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not seen or seen[-1]["type"] == "http.request":
            seen.append(await receive())

    async def receive() -> Message:
        return next(coming, LEFT)

    async def send(message: Message) -> None:
        answer.append(message)

    scope: dict[str, Any] = {"type": "http", "headers": [*headers]}
    await BoundedBody(app, 10)(scope, receive, send)
    return seen, answer


@pytest.mark.parametrize("messages", [[part(b"0123456789", False)], [part(b"012"), part(b"3456789"), part(b"", False)]])
async def test_body_comes_in_one_message(messages: list[Message]) -> None:
    assert await handed_on(messages) == ([part(b"0123456789", False), LEFT], [])


@pytest.mark.parametrize(
    ("messages", "headers"),
    [
        ([part(b"0123456789a", False)], []),
        ([part(b"012345"), part(b"6789a")], []),
        ([part(b"")], [(b"content-length", b"11")]),
    ],
)
async def test_too_large_body_gets_413(messages: list[Message], headers: list[tuple[bytes, bytes]]) -> None:
    seen, answer = await handed_on(messages, *headers)
    assert (seen, answer[0]["status"], answer[1]["body"]) == ([], 413, b"Request body too large")


async def test_application_learns_that_the_client_left_before_the_end() -> None:
    assert await handed_on([part(b"012"), part(b"3"), LEFT]) == ([part(b"0123"), LEFT], [])
    assert await handed_on([LEFT]) == ([LEFT], [])
