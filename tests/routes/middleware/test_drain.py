"""What a request gets that the end of the process cuts off."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from routes.middleware.drain import Drain
from tests.routes.raw import ask
from tests.sockets import Refused, connected

pytestmark = pytest.mark.anyio


async def cut_off(scope: Scope, receive: Receive, send: Send) -> None:
    """As uvicorn does at the end of the grace: with a cancellation that nobody in the application asked for."""
    raise asyncio.CancelledError


async def test_a_request_without_an_answer_yet_gets_503_and_may_come_back() -> None:
    answer = await ask(Drain(cut_off), "GET", "/")
    assert (answer.status, answer.document["type"]) == (503, "urn:multi-mcp:error:unavailable")
    assert answer.document["detail"] == "The router is shutting down."
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    sent: list[Message] = []

    async def begun(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise asyncio.CancelledError

    async def send(message: Message) -> None:
        """Refuses what does not follow, as uvicorn does."""
        if sent and message["type"] == "http.response.start":
            raise RuntimeError("Expected ASGI message 'http.response.body'")
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    await Drain(begun)({"type": "http", "method": "GET", "path": "/"}, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]


async def test_a_websocket_that_is_not_open_yet_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        async with connected(Drain(cut_off), "/ws"):
            pass
    assert (refused.value.status, refused.value.headers["retry-after"]) == (503, "1")


async def test_what_is_no_request_is_cancelled_as_ever() -> None:
    with pytest.raises(asyncio.CancelledError):
        await Drain(cut_off)({"type": "lifespan"}, anyio.sleep_forever, anyio.sleep_forever)  # type: ignore[arg-type]


async def test_an_answer_goes_through_untouched() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    assert (await ask(Drain(app), "GET", "/")).status == 204
