"""Shutdown of WebSockets: calls in flight are answered first. tests/process has the same with a real process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import uvicorn
from sse_starlette.sse import AppStatus

from tests.conftest import MakeApp
from tests.routes.websocket.sockets import Seen, server, slug
from tests.sockets import Refused, connected
from tests.transport import opened

pytestmark = pytest.mark.anyio
ADD = {"tool": "add", "arguments": {"a": 1, "b": 2}}


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[uvicorn.Server]:
    """A server that handles the signals, as it does before it starts the application."""
    monkeypatch.setattr(AppStatus, "should_exit", False)
    monkeypatch.setattr(AppStatus, "enable_automatic_graceful_drain", True)
    process = uvicorn.Server(uvicorn.Config("none", log_config=None))
    with process.capture_signals():
        yield process


@pytest.mark.slow
async def test_busy_connection_is_closed_after_its_last_answer(make_app: MakeApp, process: uvicorn.Server) -> None:
    seen = Seen()
    app = make_app(server(seen))
    async with opened(app), connected(app, "/ws") as busy, connected(app, "/ws") as idle:
        busy.send({"id": 1, "tool": "wait"})
        await seen.until(began=1)
        process.should_exit = True
        assert await idle.close_code() == 1001
        refused = await busy.ask({"id": 2, **ADD})
        assert (refused["id"], slug(refused)) == (2, "unavailable")
        seen.go_on.set()
        assert await busy.receive() == {"id": 1, "result": "went on"}
        assert await busy.close_code() == 1001


async def test_call_that_the_shutdown_interrupts_is_answered(make_app: MakeApp) -> None:
    seen = Seen()
    app = make_app(server(seen))
    async with opened(app):
        before = asyncio.all_tasks()
        async with connected(app, "/ws") as socket:
            (serving,) = [task for task in asyncio.all_tasks() - before if not task.done()]
            socket.send({"id": 1, "tool": "wait"})
            await seen.until(began=1)
            serving.cancel()
            cut = await socket.receive()
            assert (cut["id"], slug(cut)) == (1, "unavailable")
            assert await socket.close_code() == 1001
    assert seen.cancelled == 1


@pytest.mark.slow
async def test_connections_are_refused_during_shutdown(make_app: MakeApp, process: uvicorn.Server) -> None:
    app = make_app(server(Seen()))
    async with opened(app):
        async with connected(app, "/ws") as idle:
            process.should_exit = True
            assert await idle.close_code() == 1001
        with pytest.raises(Refused) as refused:
            async with connected(app, "/ws"):
                pass
    assert (refused.value.status, refused.value.document["detail"]) == (503, "The router is shutting down.")
