"""Streams of sessions: one for each client, and what becomes of calls, changes and sessions when one ends."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest

from tests.clients import connected, post
from tests.gateway.upstream.calls.asking import Person, asked, said
from tests.gateway.upstream.calls.test_wishes import NOTE, Watcher, watched
from tests.gateway.upstream.conftest import Serving, status
from tests.gateway.upstream.http.peer import Asked
from tests.gateway.upstream.sse.conftest import sse_server as sdk_server
from tests.gateway.upstream.sse.peer import Stream, good, sse_server

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
GOOD = {"result": "good"}


async def silent(request: Asked, stream: Stream) -> None:
    request.answer(b"", 202)


async def test_stream_that_ends_in_mid_call_fails_its_call_and_the_next_one_opens_another(serving: Serving) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.answer(b"", 202)
        stream.asked.close()

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        answer = await post(http, "tool")
        assert (answer.status_code, answer.json()["outcome"]) == (502, "unknown")
        assert answer.json()["type"] == "urn:multi-mcp:error:upstream-error"
        assert len(server.named("tools/call")) == 1
        server.call = good
        assert (await post(http, "tool")).json() == GOOD
        assert (await http.get("/one/mcp/health")).json()["status"] == "ok"


async def test_stream_that_ends_between_calls_is_opened_anew(serving: Serving) -> None:
    async with sse_server() as server, serving(one=server.entry()) as http:
        assert (await post(http, "tool")).json() == GOOD
        server.streams["secret-2"].asked.end()
        with anyio.fail_after(10):
            while (await post(http, "tool")).json() != GOOD or len(server.streams) < 3:
                await anyio.sleep(0.01)  # the router may not have seen the end yet
        assert server.named("tools/call")[-1].target.endswith("-3")


@pytest.mark.slow
async def test_call_whose_server_is_killed_fails_and_the_next_one_reaches_its_successor(serving: Serving) -> None:
    async with AsyncExitStack() as opened:

        async def call(http: httpx2.AsyncClient) -> None:
            answers.append(await post(http, "sleep", {"seconds": 60}))

        answers: list[httpx2.Response] = []
        with sdk_server() as entry:
            http = await opened.enter_async_context(serving(one=entry))
            client = await opened.enter_async_context(connected(http, "legacy"))
            assert (await client.call_tool("add", {"a": 1, "b": 1})).structured_content == {"result": 2}
            tasks = await opened.enter_async_context(anyio.create_task_group())
            tasks.start_soon(call, http)
            with anyio.fail_after(10):
                while not (await post(http, "slept")).json()["result"]["asleep"]:
                    await anyio.sleep(0.01)
        with anyio.fail_after(10):
            while not answers:
                await anyio.sleep(0.01)
        assert (answers[0].status_code, answers[0].json()["outcome"]) == (502, "unknown")
        assert (await post(http, "add", {"a": 1, "b": 1})).json()["outcome"] == "not-executed"
        with sdk_server(urlsplit(entry["url"]).port or 0):
            assert (await post(http, "add", {"a": 1, "b": 2})).json() == {"result": 3}
            assert (await client.call_tool("add", {"a": 2, "b": 2})).structured_content == {"result": 4}
            await opened.aclose()


@pytest.mark.slow
async def test_question_reaches_the_client_whose_call_is_in_flight_on_the_stream(serving: Serving) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        request.answer(b"", 202)
        stream.say(id="p", method="ping")
        stream.say(id="q", method="roots/list")

    async def answer() -> None:
        """Gives the result of the call when both are answered."""
        while not {"p", "q"} <= answers.keys():
            answers.update({asked.message["id"]: asked.message for asked in server.asked if "result" in asked.message})
            await anyio.sleep(0.01)
        server.streams["secret-2"].result(server.named("tools/call")[0])

    answers: dict[str, Any] = {}
    person = Person("Ann")
    async with (
        sse_server(call) as server,
        serving(one=server.entry()) as http,
        asked(http, "legacy", person) as client,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(answer)
        assert await said(client, "tool") == "good"
    assert person.asked == ["roots"]
    assert answers["p"]["result"] == {}
    assert answers["q"]["result"]["roots"][0]["uri"] == "file:///Ann"


@pytest.mark.slow
async def test_call_that_is_cancelled_is_cancelled_by_its_id_in_its_session(serving: Serving) -> None:
    async with sse_server(silent) as server, serving({"call_timeout": 0.2}, one=server.entry()) as http:
        assert (await post(http, "tool")).status_code == 504
        cancelled = await server.has("notifications/cancelled")
        (call,) = server.named("tools/call")
        assert (cancelled.message["params"]["requestId"], cancelled.target) == (call.message["id"], call.target)


@pytest.mark.slow
async def test_change_that_is_told_on_any_stream_is_heard(serving: Serving) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        server.tools = [{"name": name, "inputSchema": {"type": "object"}} for name in ("tool", "other")]
        for each in server.streams.values():
            each.say(method="notifications/tools/list_changed")
        await good(request, stream)

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        assert (await post(http, "tool")).json() == GOOD
        await server.has("tools/list", 2)
        with anyio.fail_after(5):
            while len((await http.get("/one/mcp/tools")).json()["tools"]) < 2:
                await anyio.sleep(0.01)
        assert len(server.named("tools/list")) == 2


@pytest.mark.slow
async def test_own_stream_is_opened_again_and_watches_the_resources_again(serving: Serving) -> None:
    one = Watcher()
    async with sse_server() as server, serving(one=server.entry()) as http:
        await status(http)
        async with connected(http, "legacy", message_handler=one.hear) as client:
            await watched(client)
            assert server.named("resources/subscribe")[0].target.endswith("-1")
            server.streams["secret-1"].asked.close()
            again = await server.has("resources/subscribe", 2)
            assert (again.message["params"], again.target[-2:]) == ({"uri": NOTE}, "-2")
            await one.hears(1)
            server.streams["secret-2"].say(method="notifications/resources/updated", params={"uri": NOTE})
            await one.hears(2)
            await server.has("tools/list", 2)
    assert one.heard == [NOTE, NOTE]


async def test_all_streams_end_with_the_router(serving: Serving) -> None:
    async with sse_server() as server:
        async with serving(one=server.entry()) as http:
            assert (await post(http, "tool")).json() == GOOD
            assert [stream.asked.writer.is_closing() for stream in server.streams.values()] == [False, False]
        with anyio.fail_after(5):
            while not all(stream.asked.writer.is_closing() for stream in server.streams.values()):
                await anyio.sleep(0.01)
