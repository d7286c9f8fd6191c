"""Event streams of a slow client, of one that disconnects, and at the end of the process."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import Context
from starlette.types import Message

from routes.json_api.stream import event, stream
from tests.calls import Broken, make_call
from tests.conftest import MakeApp, server_of
from tests.events import STREAM, events
from tests.routes.raw import HOST, ask
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def wait() -> None:
    await anyio.sleep_forever()


@pytest.mark.slow
async def test_events_are_sent_at_once_and_a_disconnect_cancels_a_silent_tool(make_app: MakeApp) -> None:
    began, ended, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def silent() -> None:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    async def two(ctx: Context[Any, Any]) -> None:
        await ctx.report_progress(1)
        await go_on.wait()

    async with opened(make_app(server_of(silent, two))) as client:
        with anyio.fail_after(10):
            async with client.stream("POST", "/call", json={"tool": "two"}, headers=STREAM) as answer:
                incoming = events(answer)
                assert (await anext(incoming)).name == "progress"
                go_on.set()
                assert (await anext(incoming)).name == "result"
            async with client.stream("POST", "/call", json={"tool": "silent"}, headers=STREAM):
                await began.wait()
            await ended.wait()


class Wire:
    """The server's side of one response. Its client reads nothing until `taken` is set."""

    def __init__(self, *, reads: bool = True) -> None:
        self.body = b""
        self.taken = asyncio.Event()
        self.sends = 0
        if reads:
            self.taken.set()

    async def receive(self) -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.sends += 1
        if message["type"] == "http.response.body":
            await self.taken.wait()
            self.body += message["body"]


async def one(app: Any, wire: Wire, tool: str, keep_alive: float = 60, **arguments: Any) -> None:
    server = app.state.registry["one"]
    call = make_call(tool, arguments, entry=server.find(tool))
    await stream(server, call, wire.receive, wire.send, keep_alive=keep_alive)


@pytest.mark.slow
async def test_comments_keep_a_silent_stream_alive(make_app: MakeApp) -> None:
    app, wire = make_app(server_of(wait), call_timeout=0.1), Wire()
    async with opened(app):
        await one(app, wire, "wait", keep_alive=0.01)
    assert wire.body.startswith(b": keep-alive\n\n: keep-alive\n\n")
    assert wire.body.count(b"event: ") == 1


@pytest.mark.slow
async def test_client_that_does_not_read_suspends_the_tool_and_nothing_is_buffered(make_app: MakeApp) -> None:
    reported = 0

    async def chatters(ctx: Context[Any, Any]) -> None:
        nonlocal reported
        for number in range(1000):
            await ctx.report_progress(number)
            reported += 1

    app, wire = make_app(server_of(chatters)), Wire(reads=False)
    async with opened(app), anyio.create_task_group() as tasks:
        tasks.start_soon(one, app, wire, "chatters", 0.001)
        while wire.sends < 2:
            await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        assert (reported, wire.sends) == (0, 2)
        wire.taken.set()
    assert reported == 1000
    assert wire.body.count(b"event: progress") == 1000


async def test_no_event_follows_the_last_one(make_app: MakeApp) -> None:
    late: list[asyncio.Task[None]] = []

    async def leaves_a_task(ctx: Context[Any, Any]) -> None:
        late.append(asyncio.create_task(ctx.report_progress(1)))

    app, wire = make_app(server_of(leaves_a_task)), Wire()
    async with opened(app):
        await one(app, wire, "leaves_a_task")
        await asyncio.wait(late)
    assert wire.body.rpartition(b"event: ")[2] == b'result\ndata: {"result":null}\n\n'


async def test_stream_cut_by_the_end_of_the_process_ends_with_an_error(make_app: MakeApp) -> None:
    app, wire = make_app(server_of(wait)), Wire()
    async with opened(app):
        task = asyncio.create_task(one(app, wire, "wait"))
        while wire.sends < 1:
            await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()
        task.cancel()
        await task
    assert b"event: error\n" in wire.body
    assert b"urn:multi-mcp:error:unavailable" in wire.body


async def test_bug_of_the_router_ends_the_stream_with_an_error(caplog: pytest.LogCaptureFixture) -> None:
    wire = Wire()
    await stream(Broken(), make_call("any"), wire.receive, wire.send)
    assert b"urn:multi-mcp:error:internal-error" in wire.body
    assert b"hidden" not in wire.body
    assert "hidden" in caplog.text


async def test_each_line_of_the_data_has_its_own_field() -> None:
    assert event("log", b'{"a":\r\n1,\n"b":2}') == b'event: log\ndata: {"a":\ndata: 1,\ndata: "b":2}\n\n'


async def test_disconnected_client_is_sent_nothing(make_app: MakeApp) -> None:
    app = make_app(server_of(wait))
    headers = [HOST, (b"content-type", b"application/json"), (b"accept", b"text/event-stream")]
    async with opened(app):
        with anyio.fail_after(5):
            answer = await ask(app, "POST", "/call", headers, b'{"tool": "wait"}')
    assert (answer.status, answer.body) == (200, b"")
