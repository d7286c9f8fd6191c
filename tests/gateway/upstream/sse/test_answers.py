"""Answers of a server of the transport of 2024: on the stream, in the answer to the POST, wrong, late or too long."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.clients import connected, post
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.peer import Asked
from tests.gateway.upstream.sse.peer import SseServer, Stream, good, sse_server

pytestmark = pytest.mark.anyio
GOOD = {"result": "good"}
RESULT = {"content": [{"type": "text", "text": "good"}]}


async def in_the_body(request: Asked, stream: Stream) -> None:
    request.result(RESULT)


async def in_events(request: Asked, stream: Stream) -> None:
    request.stream()
    request.notify("notifications/message", level="info", data="soon")
    request.event(request.encoded(result=RESULT))
    request.end()


async def in_both(request: Asked, stream: Stream) -> None:
    request.result(RESULT)
    stream.result(request, "late")


async def on_the_stream_first(request: Asked, stream: Stream) -> None:
    stream.result(request)
    await asyncio.sleep(0.05)
    request.answer(b"", 204)


async def on_the_stream_alone(request: Asked, stream: Stream) -> None:
    stream.result(request)


async def after_text(request: Asked, stream: Stream) -> None:
    request.answer(b"Accepted", 200, "text/plain")
    stream.result(request)


@pytest.mark.parametrize(
    "call", [in_the_body, in_events, in_both, on_the_stream_first, on_the_stream_alone, after_text]
)
async def test_result_may_come_on_the_stream_or_in_the_answer_to_the_post(serving: Serving, call: Any) -> None:
    async with sse_server(call) as server, serving(one=server.entry()) as http:
        for _ in range(3):
            assert (await post(http, "tool")).json() == GOOD


@pytest.mark.slow
async def test_post_that_is_never_answered_keeps_no_place_from_others(serving: Serving) -> None:
    """More calls than there are connections for requests at once."""
    async with sse_server(on_the_stream_alone) as server, serving(one=server.entry()) as http:
        found: list[Any] = []

        async def call() -> None:
            found.append((await post(http, "tool")).json())

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                for _ in range(220):
                    tasks.start_soon(call)
    assert found == [GOOD] * 220


async def test_answer_counts_only_with_exactly_the_id_of_the_request(serving: Serving) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        number = request.message["id"]
        request.answer(json.dumps({"jsonrpc": "2.0", "id": number + 1, "result": {}}).encode())
        others: list[Any] = [str(number), float(number), True, None, [number], {}, number + 1000]
        for other in others:
            stream.say(id=other, result={"content": [{"type": "text", "text": "other"}]})
        stream.result(request)
        stream.result(request, "again")

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        for _ in range(3):
            assert (await post(http, "tool")).json() == GOOD


@pytest.mark.parametrize("result", [None, [], "text", 1])
async def test_answer_that_is_no_result_fails_its_call(serving: Serving, result: Any) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.answer(b"", 202)
        stream.say(id=request.message["id"], result=result)

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        assert (await post(http, "tool")).json()["outcome"] == "unknown"
        server.call = good
        assert (await post(http, "tool")).json() == GOOD


@pytest.mark.parametrize(
    ("code", "headers", "code_here", "outcome"),
    [
        (400, {}, 502, "not-executed"),
        (401, {}, 502, "not-executed"),
        (403, {}, 502, "not-executed"),
        (413, {}, 502, "not-executed"),
        (500, {}, 502, "unknown"),
        (502, {}, 502, "unknown"),
        (503, {"retry-after": "7"}, 503, None),
        (429, {"retry-after": "7"}, 503, None),
    ],
)
async def test_status_of_the_post_says_if_the_call_was_executed(
    serving: Serving, code: int, headers: dict[str, str], code_here: int, outcome: str | None
) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.answer(b"secret", code, headers=headers)

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        answer = await post(http, "tool")
        assert (answer.status_code, answer.json().get("outcome")) == (code_here, outcome)
        assert "secret" not in answer.text
        assert len(server.named("tools/call")) == 1
        server.call = good
        assert (await post(http, "tool")).json() == GOOD
    assert len(server.named("initialize")) == 2


async def test_error_of_the_server_is_its_answer_with_any_status(serving: Serving) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.error(-32602, "Which one?", 400)

    async with sse_server(call) as server, serving(one=server.entry()) as http, connected(http, "legacy") as client:
        with pytest.raises(Exception, match="Which one"):
            await client.call_tool("tool")


async def test_headers_are_read_again_after_a_refusal(serving: Serving, tmp_path: Path) -> None:
    file = tmp_path / "headers.json"
    file.write_text('{"Authorization": "Bearer old"}')

    async def call(request: Asked, stream: Stream) -> None:
        if request.headers["authorization"] == "Bearer old":
            file.write_text('{"Authorization": "Bearer new"}')
            request.answer(b"", 401)
        else:
            await good(request, stream)

    async with sse_server(call) as server, serving(one=server.entry(headersFile=str(file))) as http:
        assert (await post(http, "tool")).json() == GOOD
        assert len(server.named("tools/call")) == 2


@pytest.mark.parametrize("place", ["stream", "body"])
async def test_answer_that_is_too_long_fails_and_the_next_call_works(serving: Serving, place: str) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        if place == "body":
            request.result({"content": [{"type": "text", "text": "x" * 5000}]})
            return
        request.answer(b"", 202)
        stream.result(request, "x" * 5000)

    async with sse_server(call) as server, serving(one=server.entry(maxMessage=4096)) as http:
        await status(http)
        answer = await post(http, "tool")
        assert (answer.status_code, answer.json()["outcome"]) == (502, "unknown")
        assert (await post(http, "tool", {"text": "x" * 5000})).json()["outcome"] == "not-executed"
        server.call = good
        assert (await post(http, "tool")).json() == GOOD


async def test_messages_that_no_server_should_send_harm_nobody(serving: Serving) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.answer(b"", 202)
        methods: list[Any] = [1, None, [], "notifications/new", "notifications/progress", "notifications/cancelled"]
        wrong: list[Any] = [None, 1, [], {"progressToken": []}, {"requestId": {}}, {"requestId": 1}]
        for method in methods:
            for params in wrong:
                stream.say(method=method, params=params)
                stream.say(method=method, params=params, id=[1])
        stream.say(method="notifications/message", params={"level": [], "data": object.__name__})
        stream.result(request)

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        assert (await post(http, "tool")).json() == GOOD
        await answered(server)


async def answered(server: SseServer) -> None:
    """Waits until questions of the server have been answered, and checks that each was refused."""
    async with asyncio.timeout(10):
        while not (refused := [asked for asked in server.asked if "error" in asked.message]):
            await asyncio.sleep(0.01)
    assert {asked.message["error"]["code"] for asked in refused} == {-32601}
