"""Sessions of the native endpoint: their number, their lifetime, and resumption after a lost connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest
from mcp.server.mcpserver import Context

from gateway.sdk.sessions.events import EventLimits
from tests.clients import open_session, open_sessions, post
from tests.conftest import MakeApp, server_of
from tests.limited import native_app
from tests.transport import opened
from tests.wire import BOTH_TYPES, INITIALIZE, messages, request

pytestmark = pytest.mark.anyio
URL = "/one/mcp"


class Poll:
    """A tool that reports progress three times, and answers when `go` is set."""

    def __init__(self) -> None:
        self.go = anyio.Event()
        self.server = server_of(self.poll)

    async def poll(self, ctx: Context) -> str:
        for step in range(3):
            await ctx.report_progress(step)
        await self.go.wait()
        return "done"


async def polled(client: httpx2.AsyncClient, headers: dict[str, str], number: int = 1) -> list[str]:
    """Calls `poll`, disconnects after its reports and returns the ids of the received events."""
    call = request("tools/call", number, name="poll", arguments={}, _meta={"progressToken": number})
    async with client.stream("POST", URL, json=call, headers=headers) as answer:
        text = await read(answer, lambda found: len(found) == 3)
    return ids(text)


async def resumed(client: httpx2.AsyncClient, headers: dict[str, str], last: str, until: str) -> list[dict[str, Any]]:
    """Resumes a stream after the event `last` and returns its messages up to the first that contains `until`."""
    async with client.stream("GET", URL, headers={**headers, "last-event-id": last}) as answer:
        return messages(await read(answer, lambda found: any(until in message for message in found)))


async def read(answer: httpx2.Response, is_enough: Callable[[list[dict[str, Any]]], bool]) -> str:
    assert answer.status_code == 200
    text = ""
    with anyio.fail_after(5):
        async for chunk in answer.aiter_text():
            text += chunk
            if is_enough(messages(text)):
                break
    return text


def ids(stream: str) -> list[str]:
    return [line.removeprefix("id:").strip() for line in stream.splitlines() if line.startswith("id:")]


@pytest.mark.slow
async def test_client_that_lost_its_stream_receives_the_rest(make_app: MakeApp) -> None:
    poll = Poll()
    async with opened(make_app(poll.server)) as client:
        headers = await open_session(client, URL)
        primed, first, *_ = await polled(client, headers)
        poll.go.set()
        await client.post(URL, json=request("ping", 2), headers=headers)  # answered after the call
        whole = await resumed(client, headers, primed, "result")
        rest = await resumed(client, headers, first, "result")

    assert [message.get("params", {}).get("progress") for message in whole] == [0, 1, 2, None]
    assert whole[-1]["result"]["structuredContent"] == {"result": "done"}
    assert rest == whole[1:]


@pytest.mark.slow
async def test_running_call_continues_on_the_resumed_stream(make_app: MakeApp) -> None:
    poll = Poll()
    async with opened(make_app(poll.server)) as client:
        headers = await open_session(client, URL)
        *_, last = await polled(client, headers)
        await client.post(URL, json=request("ping", 2), headers=headers)  # the lost connection is noticed meanwhile
        async with client.stream("GET", URL, headers={**headers, "last-event-id": last}) as answer:

            def is_whole(found: list[dict[str, Any]]) -> bool:
                poll.go.set()  # the stream is resumed
                return found != []

            [heard] = messages(await read(answer, is_whole))
    assert (heard["id"], heard["result"]["structuredContent"]) == (1, {"result": "done"})


@pytest.mark.slow
async def test_large_result_is_replayed(make_app: MakeApp) -> None:
    go, size = anyio.Event(), 2 * 1024 * 1024

    async def large(ctx: Context) -> str:
        await ctx.report_progress(1)
        await go.wait()
        return "x" * size

    async with opened(make_app(server_of(large))) as client:
        headers = await open_session(client, URL)
        call = request("tools/call", name="large", arguments={}, _meta={"progressToken": 1})
        async with client.stream("POST", URL, json=call, headers=headers) as answer:
            primed, *_ = ids(await read(answer, lambda found: len(found) == 1))
        go.set()
        await client.post(URL, json=request("ping", 2), headers=headers)
        reported, answered = await resumed(client, headers, primed, "result")
    assert reported["params"]["progress"] == 1
    assert answered["result"]["structuredContent"] == {"result": "x" * size}


async def test_resuming_after_a_dropped_event_is_an_error() -> None:
    poll = Poll()
    async with opened(native_app(poll.server, events=EventLimits(per_stream=2))) as client:
        headers = await open_session(client, URL)
        primed, *_ = await polled(client, headers, 7)
        [answer] = await resumed(client, headers, primed, "error")
        poll.go.set()
    assert (answer["id"], answer["error"]["code"]) == (7, -32002)


@pytest.mark.slow
async def test_events_of_another_session_are_not_replayed(make_app: MakeApp) -> None:
    poll = Poll()
    async with opened(make_app(poll.server)) as client:
        theirs = await polled(client, await open_session(client, URL))
        own = await open_session(client, URL)
        answers = [await resumed(client, own, last, "error") for last in theirs]
        poll.go.set()
    assert [[message["error"]["code"] for message in answer] for answer in answers] == [[-32002]] * 4


@pytest.mark.slow
async def test_stream_states_its_retry_interval() -> None:
    poll = Poll()
    async with opened(native_app(poll.server, retry_interval=2.5)) as client:
        poll.go.set()
        headers = await open_session(client, URL)
        answer = await client.post(URL, json=request("tools/call", name="poll", arguments={}), headers=headers)
    assert "retry: 2500" in answer.text


@pytest.mark.slow
async def test_session_is_counted_until_its_client_ends_it(make_app: MakeApp) -> None:
    async with opened(make_app(Poll().server)) as client:
        headers = await open_session(client, URL)
        assert await open_sessions(client, "/one/mcp/health") == 1
        assert (await client.delete(URL, headers=headers)).status_code == 200
        assert await open_sessions(client, "/one/mcp/health") == 0
        assert (await client.post(URL, json=request("ping"), headers=headers)).status_code == 404


@pytest.mark.slow
async def test_session_beyond_the_limit_is_refused(make_app: MakeApp) -> None:
    async with opened(make_app(Poll().server, max_sessions=1)) as client:
        headers = await open_session(client, URL)
        assert (await client.post(URL, json=INITIALIZE, headers=BOTH_TYPES)).status_code == 503
        await client.delete(URL, headers=headers)
        await open_session(client, URL)


@pytest.mark.slow
async def test_idle_session_ends(make_app: MakeApp) -> None:
    async with opened(make_app(Poll().server, session_idle_timeout=0.05)) as client:
        await open_session(client, URL)
        with anyio.fail_after(5):
            while await open_sessions(client, "/one/mcp/health"):
                await anyio.lowlevel.checkpoint()


@pytest.mark.slow
async def test_stateless_server_gives_no_session_id_and_answers_calls(make_app: MakeApp) -> None:
    poll = Poll()
    poll.go.set()
    async with opened(make_app(poll.server, stateless=True)) as client:
        answer = await client.post(URL, json=INITIALIZE, headers=BOTH_TYPES)
        assert "mcp-session-id" not in answer.headers
        call = request("tools/call", name="poll", arguments={})
        result = await client.post(URL, json=call, headers=BOTH_TYPES)
        assert messages(result.text)[-1]["result"]["structuredContent"] == {"result": "done"}
        assert ids(result.text) == []
        assert await open_sessions(client, "/one/mcp/health") == 0


@pytest.mark.slow
async def test_body_beyond_the_limit_is_refused_over_mcp_and_json(make_app: MakeApp) -> None:
    async with opened(make_app(Poll().server, max_body=1000)) as client:
        large = request("tools/call", name="x" * 1000)
        assert (await client.post(URL, json=large, headers=BOTH_TYPES)).status_code == 413
        assert (await post(client, "x" * 1000)).status_code == 413
        await open_session(client, URL)
