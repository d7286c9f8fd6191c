"""A server whose own tasks end while it is served has failed: its calls get 503, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import pytest
from mcp.server.mcpserver import MCPServer

from tests.clients import ERAS, connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]


class Panic(BaseException):
    """Is no `Exception`."""


async def add(a: int, b: int) -> int:
    return a + b


async def _awaits_a_cancelled_task() -> None:
    other = asyncio.ensure_future(asyncio.sleep(60))
    other.cancel()
    await other


async def _raises() -> None:
    raise RuntimeError("lost")


async def _panics() -> None:
    raise Panic("lost")


def in_a_task_group(end: Callable[[], Any], crash: anyio.Event) -> Any:
    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
        async def crashing() -> None:
            await crash.wait()
            await end()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(crashing)
            yield

    return lifespan


def in_asyncio(end: Callable[[], Any], crash: anyio.Event) -> Any:
    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
        async def crashing() -> None:
            await crash.wait()
            await end()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crashing())
            yield

    return lifespan


def kept_to_itself(end: Callable[[], Any], crash: anyio.Event) -> Any:
    inner = in_a_task_group(end, crash)

    @asynccontextmanager
    async def lifespan(server: MCPServer[Any]) -> AsyncIterator[None]:
        with suppress(BaseException):
            async with inner(server):
                yield

    return lifespan


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        (in_a_task_group, _raises),
        (in_a_task_group, _panics),
        (in_a_task_group, _awaits_a_cancelled_task),
        (in_asyncio, _raises),
        (in_asyncio, _panics),
        (kept_to_itself, _raises),
        (kept_to_itself, _panics),
    ],
)
async def test_server_whose_lifespan_ends_is_failed_and_the_others_go_on(
    make_app: MakeApp, kind: Callable[..., Any], end: Callable[[], Any]
) -> None:
    crash = anyio.Event()
    app = make_app(server_of(add), server_of(add, name="two", lifespan=kind(end, crash)), metrics="/metrics")
    async with opened(app) as http:
        assert (await http.get("/health")).status_code == 200
        crash.set()
        with anyio.fail_after(5):
            while app.state.registry.states() != {"one": "ready", "two": "failed"}:
                await anyio.lowlevel.checkpoint()
        health = await http.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "failed")
        assert health.json()["servers"][1] == {"status": "failed", "server": "two"}
        assert (await http.get("/two/mcp/health")).status_code == 503
        assert (await http.get("/one/mcp/health")).json()["status"] == "ok"
        metrics = (await http.get("/metrics")).text
        assert 'mcp_server_up{server="two"} 0.0' in metrics
        assert 'mcp_server_up{server="one"} 1.0' in metrics
        assert (await post(http, "add", {"a": 1, "b": 2}, server="two")).status_code == 503
        assert (await post(http, "add", {"a": 1, "b": 2}, server="one")).json() == {"result": 3}
        for era in ERAS:
            for endpoint, tool in (("one", "add"), ("", "one_add")):
                async with connected(http, era, endpoint) as client:
                    assert (await client.call_tool(tool, {"a": 1, "b": 2})).structured_content == {"result": 3}
