"""Removal of servers with calls in flight, and the failure of one server beside others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from mcp.server.mcpserver import MCPServer

from gateway.errors import LoadError, StartError, UnknownServer
from tests import wire
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.gateway.servers.added import Waiting, add, listed, local, statuses
from tests.sockets import Refused
from tests.sockets import connected as socket_connected
from tests.transport import opened

pytestmark = pytest.mark.anyio


async def test_calls_in_flight_to_a_removed_server_finish(make_app: MakeApp) -> None:
    app, waiting = make_app(server_of(add)), Waiting()
    async with opened(app) as http:
        await app.state.registry.add(local(app, waiting.mcp))
        headers, native = wire.modern("tools/call", name="wait", arguments={})
        answers: dict[str, httpx2.Response] = {}

        async def call(way: str, url: str, body: Any, headers: Any = None) -> None:
            answers[way] = await http.post(url, json=body, headers=headers)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call, "json", "/two/mcp/call", {"tool": "wait"})
            tasks.start_soon(call, "native", "/two/mcp", native, headers)
            await waiting.begun.wait()
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(app.state.registry.remove, "two", 5)
            await anyio.wait_all_tasks_blocked()
            assert (await post(http, "wait", server="two")).status_code == 404
            assert waiting.events == ["opens"]
            waiting.go_on.set()
        assert answers["json"].json() == {"result": "went on"}
        assert "went on" in answers["native"].text
    assert waiting.events == ["opens", "answers", "answers", "closes"]


async def test_removal_waits_no_longer_than_the_grace_period(make_app: MakeApp) -> None:
    app, waiting = make_app(server_of(add)), Waiting()
    async with opened(app) as http:
        await app.state.registry.add(local(app, waiting.mcp))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(post, http, "wait", None, "two")
            await waiting.begun.wait()
            await app.state.registry.remove("two", grace=0.01)
        assert waiting.events == ["opens", "closes"]


async def test_websocket_of_a_removed_server_closes_after_its_calls(make_app: MakeApp) -> None:
    app, waiting = make_app(server_of(add)), Waiting()
    async with opened(app):
        await app.state.registry.add(local(app, waiting.mcp))
        async with socket_connected(app, "/two/mcp/ws") as socket, socket_connected(app, "/ws") as other:
            socket.send({"id": 1, "tool": "wait"})
            await waiting.begun.wait()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(app.state.registry.remove, "two", 5)
                await anyio.wait_all_tasks_blocked()
                waiting.go_on.set()
                assert await socket.receive() == {"id": 1, "result": "went on"}
                assert await socket.close_code() == 1001
            assert socket.closed == (1001, "Server 'two' was removed.")
            answer = await other.ask({"id": 1, "server": "two", "tool": "wait"})
            assert answer["error"]["type"] == "urn:multi-mcp:error:unknown-server"
            assert await other.ask({"id": 2, "tool": "one_add", "arguments": {"a": 1, "b": 2}}) == {
                "id": 2,
                "result": 3,
            }
        with pytest.raises(Refused):
            async with socket_connected(app, "/two/mcp/ws"):
                pass


@pytest.mark.slow
async def test_server_that_fails_to_start_is_503_until_it_is_removed(make_app: MakeApp) -> None:
    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    app = make_app(server_of(add), metrics="/metrics")
    registry = app.state.registry
    async with opened(app) as http:
        with pytest.raises(StartError, match="server 'two' does not start: RuntimeError: no database"):
            await registry.add(local(app, server_of(add, name="two", lifespan=lifespan)))
        assert registry.states() == {"one": "ready", "two": "failed"}
        assert set((await statuses(http)).values()) <= {404, 503}
        assert (await http.get("/two/mcp/health")).status_code == 503
        assert not (await listed(http))["tools"]
        assert 'mcp_server_up{server="two"} 0.0' in (await http.get("/metrics")).text
        with pytest.raises(LoadError, match="the name 'two' is taken"):
            await registry.add(local(app, server_of(add, name="two")))
        await registry.remove("two", grace=1)
        assert (await http.get("/two/mcp/health")).status_code == 404
        with pytest.raises(UnknownServer):
            await registry.remove("two", grace=1)


async def test_server_that_fails_while_running_does_not_end_the_others(make_app: MakeApp) -> None:
    crash = anyio.Event()

    async def crashing() -> None:
        await crash.wait()
        raise RuntimeError("lost")

    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(crashing)
            yield

    app = make_app(server_of(add), server_of(add, name="two", lifespan=lifespan))
    told: list[tuple[str, bool]] = []
    async with opened(app) as http:
        app.state.registry.subscribe(lambda server, came: told.append((server.name, came)))
        assert set((await statuses(http)).values()) == {200}
        crash.set()
        with anyio.fail_after(5):
            while app.state.registry.states() != {"one": "ready", "two": "failed"}:
                await anyio.lowlevel.checkpoint()
        assert told == [("two", False)]
        assert (await post(http, "add", {"a": 1, "b": 2}, server="two")).status_code == 503
        assert (await post(http, "add", {"a": 1, "b": 2}, server="one")).json() == {"result": 3}
