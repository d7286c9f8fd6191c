"""Sessions at a server of the transport of 2024: one for each client, counted, lost and closed."""

from __future__ import annotations

from contextlib import AsyncExitStack

import anyio
import httpx2
import pytest

from gateway.upstream.config import Upstream
from gateway.upstream.http.entry import Clients
from gateway.upstream.http.sessions import SessionLimits
from gateway.upstream.sse.link import SseLink
from tests.clients import connected, post
from tests.gateway.upstream.calls.asking import Person, asked, said
from tests.gateway.upstream.conftest import Serving
from tests.gateway.upstream.http.peer import Asked
from tests.gateway.upstream.sse.peer import Stream, good, sse_server

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]
GOOD = {"result": "good"}


async def test_call_in_a_session_that_the_server_has_lost_is_sent_again_in_another(serving: Serving) -> None:
    lost = {"secret-2"}

    async def call(request: Asked, stream: Stream) -> None:
        if request.target.rpartition("=")[2] in lost:
            request.answer(b"Could not find session", 404)
        else:
            await good(request, stream)

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        assert (await post(http, "tool")).json() == GOOD
        assert [asked.target[-1] for asked in server.named("tools/call")] == ["2", "3"]
        lost.update(f"secret-{number}" for number in range(9))
        assert (await post(http, "tool")).json()["outcome"] == "not-executed"


@pytest.mark.slow
async def test_no_two_clients_share_a_stream(serving: Serving) -> None:
    async with sse_server() as server, serving(one=server.entry()) as http, AsyncExitStack() as clients:
        people = [Person(f"P{number}") for number in range(3)]
        for person in people:
            client = await clients.enter_async_context(asked(http, "legacy", person))
            for _ in range(2):
                assert await said(client, "tool") == "good"
        plain = await clients.enter_async_context(connected(http, "legacy"))
        assert await said(plain, "tool") == "good"
        assert (await post(http, "tool")).json() == GOOD
        sessions = [request.target for request in server.named("tools/call")]
        assert len(set(sessions)) == 5
        assert [sessions[number] == sessions[number + 1] for number in (0, 2, 4)] == [True] * 3
        assert server.streams["secret-1"].introduced["capabilities"] == {}


@pytest.mark.slow
async def test_streams_of_sessions_are_bounded_and_the_idle_ones_end() -> None:
    async def open_ones(number: int) -> None:
        with anyio.fail_after(5):
            while sum(not stream.asked.writer.is_closing() for stream in server.streams.values()) != number:
                await anyio.sleep(0.01)

    async with sse_server() as server:
        client = Clients(Upstream.model_validate(server.entry()), {}).make()
        link = SseLink(client, lambda method, params: None, 5, SessionLimits(number=3, idle=0.3))
        await link.start()
        for key in "abcd":
            await link.request("tools/call", {"name": "tool"}, session=key)
        await open_ones(3)
        await open_ones(1)
        await link.request("tools/call", {"name": "tool"}, session="d")
        assert len(server.streams) == 6
        await link.close()
        await open_ones(0)


async def test_stream_of_a_lost_session_stays_open_for_the_calls_in_flight_on_it(serving: Serving) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        if not request.target.endswith("-2"):
            await good(request, stream)
        elif len(server.named("tools/call")) == 1:
            request.answer(b"", 202)
        else:
            request.answer(b"Could not find session", 404)

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        answers: list[httpx2.Response] = []

        async def first() -> None:
            answers.append(await post(http, "tool"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            slow = await server.has("tools/call")
            assert (await post(http, "tool")).json() == GOOD
            assert len(server.streams) == 3
            server.streams["secret-2"].result(slow)
        assert answers[0].json() == GOOD
        with anyio.fail_after(5):
            while not server.streams["secret-2"].asked.writer.is_closing():
                await anyio.sleep(0.01)


async def test_session_that_replaces_a_lost_one_is_told_the_log_level_again(serving: Serving) -> None:
    lost: set[str] = set()

    async def call(request: Asked, stream: Stream) -> None:
        if request.target in lost:
            request.answer(b"Could not find session", 404)
        else:
            await good(request, stream)

    async with sse_server(call) as server, serving(one=server.entry()) as http:
        assert (await post(http, "tool")).json() == GOOD
        async with connected(http, "legacy") as client:
            await client.session.set_logging_level("error")
            first = await server.has("logging/setLevel")
            lost.add(first.target)
            assert await said(client, "tool") == "good"
            again = await server.has("logging/setLevel", 2)
        assert again.target not in lost
        assert again.message["params"] == first.message["params"]
        assert server.named("tools/call")[-1].target == again.target


async def test_question_that_needs_an_undeclared_capability_is_refused_with_its_name(serving: Serving) -> None:
    async def call(request: Asked, stream: Stream) -> None:
        stream.say(id="who", method="elicitation/create", params={"message": "Who?"})
        await good(request, stream)

    async with sse_server(call) as server, serving(one=server.entry()) as http, connected(http, "legacy") as client:
        assert await said(client, "tool") == "good"
        with anyio.fail_after(5):
            while not (answers := [asked.message for asked in server.asked if asked.message.get("id") == "who"]):
                await anyio.sleep(0.01)
    assert answers[0]["error"]["code"] == -32021
    assert answers[0]["error"]["data"] == {"requiredCapabilities": {"elicitation": {}}}
