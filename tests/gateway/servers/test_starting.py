"""Servers that take long to start: removed, given up or shut down before they are open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from gateway.errors import StartError
from gateway.server import Server
from tests.conftest import MakeApp, server_of
from tests.gateway.servers.added import add, local
from tests.transport import opened

pytestmark = pytest.mark.anyio


def never_open(app: Starlette, begun: anyio.Event | None = None) -> Server:
    """Returns a server `two` whose start does not end. `begun` is set when it begins."""

    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
        if begun is not None:
            begun.set()
        await anyio.sleep_forever()
        yield

    return local(app, server_of(add, name="two", lifespan=lifespan))


@pytest.mark.parametrize("has_begun", [True, False])
async def test_server_is_removed_while_it_starts(make_app: MakeApp, has_begun: bool) -> None:
    app, begun = make_app(server_of(add)), anyio.Event()
    registry = app.state.registry
    failures: list[str] = []
    told: list[tuple[str, bool]] = []

    async def add_it() -> None:
        with pytest.raises(StartError) as caught:
            await registry.add(never_open(app, begun))
        failures.append(str(caught.value))

    async with opened(app) as http, anyio.create_task_group() as tasks:
        registry.subscribe(lambda server, came: told.append((server.name, came)))
        tasks.start_soon(add_it)
        while not (begun.is_set() if has_begun else "two" in registry):
            await anyio.lowlevel.checkpoint()
        assert registry.states() == {"one": "ready", "two": "starting"}
        if has_begun:
            assert (await http.get("/two/mcp/health")).status_code == 503
        with anyio.fail_after(5):
            await registry.remove("two", grace=60)
        assert (await http.get("/two/mcp/health")).status_code == 404
        await registry.add(local(app, server_of(add, name="two")))
        assert registry.states() == {"one": "ready", "two": "ready"}
    assert failures == ["server 'two' was removed before it was open"]
    assert told == [("two", True)]


async def test_cancelled_addition_leaves_a_failed_server(make_app: MakeApp) -> None:
    app = make_app(server_of(add))
    registry = app.state.registry
    async with opened(app) as http:
        with anyio.move_on_after(0.01):
            await registry.add(never_open(app))
        assert registry.states() == {"one": "ready", "two": "failed"}
        assert (await http.get("/two/mcp/health")).status_code == 503
        with anyio.fail_after(5):
            await registry.remove("two", grace=60)
        assert registry.states() == {"one": "ready"}


async def test_shutdown_does_not_wait_for_a_server_that_starts(make_app: MakeApp) -> None:
    app, begun = make_app(server_of(add)), anyio.Event()
    failures: list[str] = []

    async def add_it() -> None:
        try:
            await app.state.registry.add(never_open(app, begun))
        except StartError as exc:
            failures.append(str(exc))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks, opened(app):
            tasks.start_soon(add_it)
            await begun.wait()
    assert failures == ["server 'two' was removed before it was open"]
