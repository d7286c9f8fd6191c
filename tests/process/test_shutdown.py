"""The shutdown as the application sees it. A real process is tested in tests/process/live."""

from __future__ import annotations

from collections.abc import Iterator

import anyio.lowlevel
import pytest
import uvicorn
from sse_starlette.sse import AppStatus

from gateway.call import ToolCall, ToolResult
from gateway.limits.capacity import Capacity
from gateway.servers.registry import Registry
from process.server import Server
from process.shutdown import drained
from routes.middleware.probes import Readiness
from tests.calls import make_call

pytestmark = pytest.mark.anyio


class Endless:
    ended = False

    def end_streams(self) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def _flags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restores the flags of sse-starlette, which belong to the whole process."""
    monkeypatch.setattr(AppStatus, "should_exit", False)
    monkeypatch.setattr(AppStatus, "enable_automatic_graceful_drain", True)


@pytest.fixture
def server() -> Iterator[uvicorn.Server]:
    """Provides a server that handles the signals, as it does before it starts the application."""
    server = uvicorn.Server(uvicorn.Config("none", log_config=None))
    with server.capture_signals():
        yield server


async def until_streams_end() -> None:
    while not AppStatus.should_exit:
        await anyio.sleep(0.01)


@pytest.mark.slow
async def test_no_stream_ends_while_the_server_serves(server: uvicorn.Server) -> None:
    stream = Endless()
    async with drained(lambda: [stream], Capacity(1), Readiness(Registry()), grace=10):
        await anyio.sleep(0.2)
        assert (stream.ended, AppStatus.should_exit) == (False, False)
        assert not AppStatus.enable_automatic_graceful_drain  # sse-starlette would cut the calls in flight


@pytest.mark.slow
async def test_streams_stay_open_while_the_server_drains_and_still_serves() -> None:
    stream, readiness = Endless(), Readiness(Registry())
    server = Server(uvicorn.Config("none", log_config=None), drain_delay=60, announce=lambda: None)
    with server.capture_signals():
        async with drained(lambda: [stream], Capacity(1), readiness, grace=10):
            assert not readiness.is_draining
            server.is_draining = True
            while not readiness.is_draining:
                await anyio.sleep(0.01)
            await anyio.sleep(0.1)
            assert (stream.ended, AppStatus.should_exit) == (False, False)


async def test_all_streams_end_at_once_if_no_call_is_in_flight(server: uvicorn.Server) -> None:
    streams = [Endless(), Endless()]
    async with drained(lambda: streams, Capacity(1), Readiness(Registry()), grace=10):
        server.should_exit = True
        with anyio.fail_after(2):
            await until_streams_end()
    assert [stream.ended for stream in streams] == [True, True]


@pytest.mark.slow
async def test_streams_are_those_that_are_open_at_the_shutdown(server: uvicorn.Server) -> None:
    removed, added = Endless(), Endless()
    streams = [removed]
    async with drained(lambda: streams, Capacity(1), Readiness(Registry()), grace=10):
        await anyio.lowlevel.checkpoint()
        streams[:] = [added]
        server.should_exit = True
        with anyio.fail_after(2):
            await until_streams_end()
    assert (removed.ended, added.ended) == (False, True)


@pytest.mark.slow
async def test_streams_of_sessions_wait_for_calls_in_flight(server: uvicorn.Server) -> None:
    capacity, stream, answered = Capacity(1), Endless(), anyio.Event()

    async def execute(call: ToolCall) -> ToolResult:
        await answered.wait()
        return ToolResult()

    async with anyio.create_task_group() as tasks, drained(lambda: [stream], capacity, Readiness(Registry()), grace=10):
        tasks.start_soon(capacity, make_call("add_tool", server="math", via="mcp"), execute)
        await anyio.lowlevel.checkpoint()
        server.should_exit = True
        while not stream.ended:
            await anyio.sleep(0.01)
        await anyio.sleep(0.2)
        assert not AppStatus.should_exit
        answered.set()
        with anyio.fail_after(2):
            await until_streams_end()


@pytest.mark.slow
async def test_streams_end_before_the_grace_even_if_a_call_is_in_flight(server: uvicorn.Server) -> None:
    capacity = Capacity(1)

    async def execute(call: ToolCall) -> ToolResult:
        await anyio.sleep_forever()
        return ToolResult()

    async with anyio.create_task_group() as tasks, drained(list, capacity, Readiness(Registry()), grace=1.1):
        tasks.start_soon(capacity, make_call("add_tool", server="math", via="mcp"), execute)
        await anyio.lowlevel.checkpoint()
        server.should_exit = True
        with anyio.fail_after(2):
            await until_streams_end()
        tasks.cancel_scope.cancel()


async def test_nothing_is_watched_if_no_server_handles_the_signals() -> None:
    async with drained(lambda: [Endless()], Capacity(1), Readiness(Registry()), grace=10):
        assert AppStatus.enable_automatic_graceful_drain
