"""Requests that are cancelled at the end of the process, and requests that end in another way without an answer."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.servers.registry import Registry
from routes.middleware.drain import Drain
from routes.middleware.probes import Readiness
from tests.routes.raw import ask
from tests.sockets import Refused, connected

pytestmark = pytest.mark.anyio


def serving() -> Readiness:
    readiness = Readiness(Registry())
    readiness.state = "ready"
    return readiness


async def cancelled(scope: Scope, receive: Receive, send: Send) -> None:
    """Is cancelled from outside the application, as by uvicorn after the shutdown grace period."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def test_request_without_an_answer_gets_503_with_retry_after() -> None:
    answer = await ask(Drain(cancelled, serving()), "GET", "/")
    assert (answer.status, answer.document["type"]) == (503, "urn:multi-mcp:error:unavailable")
    assert answer.document["detail"] == "The router is shutting down."
    assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")


@pytest.mark.parametrize(
    "exc", [asyncio.CancelledError(), SystemExit(1), BaseExceptionGroup("", [KeyboardInterrupt()])]
)
async def test_exception_that_nobody_asked_for_is_an_internal_error(exc: BaseException) -> None:
    async def raises(scope: Scope, receive: Receive, send: Send) -> None:
        raise exc

    answer = await ask(Drain(raises, serving()), "GET", "/")
    assert (answer.status, answer.document["type"]) == (500, "urn:multi-mcp:error:internal-error")


async def test_started_answer_is_not_started_again() -> None:
    sent: list[Message] = []

    async def begun(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await cancelled(scope, receive, send)

    async def send(message: Message) -> None:
        """Refuses a second start, as uvicorn does."""
        if sent and message["type"] == "http.response.start":
            raise RuntimeError("Expected ASGI message 'http.response.body'")
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    await Drain(begun, serving())({"type": "http", "method": "GET", "path": "/"}, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]


async def test_websocket_without_a_handshake_yet_is_refused_with_503() -> None:
    with pytest.raises(Refused) as refused:
        async with connected(Drain(cancelled, serving()), "/ws"):
            pass
    assert (refused.value.status, refused.value.headers["retry-after"]) == (503, "1")


async def test_cancellation_of_the_lifespan_passes_through() -> None:
    with pytest.raises(asyncio.CancelledError):
        await Drain(cancelled, serving())({"type": "lifespan"}, anyio.sleep_forever, anyio.sleep_forever)  # type: ignore[arg-type]


async def no_content(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_other_answers_pass_through_unchanged() -> None:
    answer = await ask(Drain(no_content, serving()), "GET", "/")
    assert (answer.status, answer.headers) == (204, {})


async def test_answers_of_a_draining_process_close_their_connection() -> None:
    readiness = serving()
    app = Drain(no_content, readiness)
    readiness.state = "draining"
    assert (await ask(app, "GET", "/")).headers == {"connection": "close"}
