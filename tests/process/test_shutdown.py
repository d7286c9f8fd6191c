"""What the application does when its server begins to end. On a real process it is tested in tests/process."""

from __future__ import annotations

from collections.abc import Iterator

import anyio.lowlevel
import pytest
import uvicorn
from sse_starlette.sse import AppStatus

from gateway.call import ToolCall, ToolResult
from gateway.limits.capacity import Capacity
from process.shutdown import streams_ended

pytestmark = pytest.mark.anyio


class Endless:
    ended = False

    def end_streams(self) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def _flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of sse-starlette are of the whole process."""
    monkeypatch.setattr(AppStatus, "should_exit", False)
    monkeypatch.setattr(AppStatus, "enable_automatic_graceful_drain", True)


@pytest.fixture
def server() -> Iterator[uvicorn.Server]:
    """One that has taken over the signals, as it does before it starts the application."""
    server = uvicorn.Server(uvicorn.Config("none", log_config=None))
    with server.capture_signals():
        yield server


async def until_streams_may_end() -> None:
    while not AppStatus.should_exit:
        await anyio.sleep(0.01)


async def test_nothing_ends_while_the_server_serves(server: uvicorn.Server) -> None:
    stream = Endless()
    async with streams_ended([stream], Capacity(1), grace=10):
        await anyio.sleep(0.2)
        assert (stream.ended, AppStatus.should_exit) == (False, False)
        assert not AppStatus.enable_automatic_graceful_drain  # sse-starlette would cut the calls in flight


async def test_without_calls_all_streams_end_at_once(server: uvicorn.Server) -> None:
    streams = [Endless(), Endless()]
    async with streams_ended(streams, Capacity(1), grace=10):
        server.should_exit = True
        with anyio.fail_after(2):
            await until_streams_may_end()
    assert [stream.ended for stream in streams] == [True, True]


async def test_streams_of_sessions_wait_for_the_calls_in_flight(server: uvicorn.Server) -> None:
    capacity, stream, answered = Capacity(1), Endless(), anyio.Event()

    async def execute(call: ToolCall) -> ToolResult:
        await answered.wait()
        return ToolResult()

    async with anyio.create_task_group() as tasks, streams_ended([stream], capacity, grace=10):
        tasks.start_soon(capacity, ToolCall("math", "add_tool", {}, "mcp"), execute)
        await anyio.lowlevel.checkpoint()
        server.should_exit = True
        while not stream.ended:
            await anyio.sleep(0.01)
        await anyio.sleep(0.2)
        assert not AppStatus.should_exit
        answered.set()
        with anyio.fail_after(2):
            await until_streams_may_end()


async def test_a_call_that_takes_longer_does_not_hold_them_for_ever(server: uvicorn.Server) -> None:
    capacity = Capacity(1)

    async def execute(call: ToolCall) -> ToolResult:
        await anyio.sleep_forever()
        return ToolResult()

    async with anyio.create_task_group() as tasks, streams_ended([], capacity, grace=1.1):
        tasks.start_soon(capacity, ToolCall("math", "add_tool", {}, "mcp"), execute)
        await anyio.lowlevel.checkpoint()
        server.should_exit = True
        with anyio.fail_after(2):
            await until_streams_may_end()
        tasks.cancel_scope.cancel()


async def test_where_no_server_has_the_signals_nothing_is_watched() -> None:
    async with streams_ended([Endless()], Capacity(1), grace=10):
        assert AppStatus.enable_automatic_graceful_drain
