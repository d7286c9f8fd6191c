"""Sync tools in threads: each server has a limited number, and each thread is released once."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2
import pytest
from anyio import from_thread
from mcp.server.mcpserver import Context

from gateway.call import request_id
from gateway.local.fair_limiter import FairLimiter
from gateway.local.threads import Threads, _Place
from tests.clients import ERAS, Era, connected, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = pytest.mark.anyio


class Sleepy:
    """A server with the sync tool `sleep`, which returns after `wake` is set."""

    def __init__(self, name: str = "one") -> None:
        self.wake = threading.Event()
        self.asleep = threading.Semaphore(0)
        self.inside = self.most = self.begun = 0
        self._lock = threading.Lock()
        self.server = server_of(self.sleep, self.quick, name=name)

    def sleep(self) -> str:
        with self._lock:
            self.begun += 1
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.asleep.release()
        self.wake.wait(10)
        with self._lock:
            self.inside -= 1
        return "awake"

    def quick(self) -> str:
        return threading.current_thread().name

    async def all_asleep(self, count: int) -> None:
        for _ in range(count):
            await anyio.to_thread.run_sync(self.asleep.acquire)


@asynccontextmanager
async def sleeping(client: httpx2.AsyncClient, sleepy: Sleepy, count: int) -> AsyncIterator[list[int]]:
    """Keeps `count` calls asleep during the block and yields the statuses of those answered so far."""
    statuses: list[int] = []

    async def call() -> None:
        statuses.append((await post(client, "sleep")).status_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(call)
        try:
            await sleepy.all_asleep(count)
            yield statuses
        finally:
            sleepy.wake.set()


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.slow
async def test_forty_sleeping_sync_tools_of_one_server_do_not_delay_another_server(make_app: MakeApp, era: Era) -> None:
    sleepy, other = Sleepy(), Sleepy("two")
    async with opened(make_app(sleepy.server, other.server)) as client, connected(client, era, "two") as mcp:
        async with sleeping(client, sleepy, 40) as statuses:
            assert (await post(client, "quick", server="two")).status_code == 200
            assert not (await mcp.call_tool("quick")).is_error
            assert statuses == []
        assert statuses == [200] * 40


@pytest.mark.slow
@pytest.mark.parametrize("era", ERAS)
async def test_forty_sleeping_calls_over_mcp_do_not_delay_another_server(make_app: MakeApp, era: Era) -> None:
    sleepy, other = Sleepy(), Sleepy("two")
    async with (
        opened(make_app(sleepy.server, other.server)) as client,
        connected(client, era) as slow,
        connected(client, era, "two") as mcp,
        anyio.create_task_group() as tasks,
    ):
        for _ in range(40):
            tasks.start_soon(slow.call_tool, "sleep")
        try:
            await sleepy.all_asleep(40)
            assert not (await mcp.call_tool("quick")).is_error
            assert (await post(client, "quick", server="two")).status_code == 200
        finally:
            sleepy.wake.set()


async def test_call_waits_if_all_threads_of_its_server_are_busy(make_app: MakeApp) -> None:
    sleepy = Sleepy()
    async with opened(make_app(sleepy.server, threads=2)) as client, anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(post, client, "sleep")
        await sleepy.all_asleep(2)
        assert sleepy.begun == 2
        sleepy.wake.set()
    assert (sleepy.begun, sleepy.most) == (6, 2)


@pytest.mark.slow
async def test_thread_of_a_timed_out_call_is_busy_until_its_function_returns(make_app: MakeApp) -> None:
    sleepy = Sleepy()
    async with opened(make_app(sleepy.server, threads=1, call_timeout=0.1)) as client:
        statuses = [(await post(client, "sleep")).status_code for _ in range(3)]
        sleepy.wake.set()
    assert statuses == [504] * 3
    assert sleepy.begun == 1


async def test_thread_of_a_cancelled_call_is_released_once() -> None:
    sleepy, threads = Sleepy(), Threads(1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(threads.run, sleepy.sleep)
        await sleepy.all_asleep(1)
        tasks.cancel_scope.cancel()
    sleepy.wake.set()
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(threads.run, sleepy.sleep)
    assert (sleepy.begun, sleepy.most) == (5, 1)


async def test_call_cancelled_before_its_function_begins_releases_its_thread() -> None:
    sleepy, threads = Sleepy(), Threads(1)
    sleepy.wake.set()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await threads.run(sleepy.sleep)
    assert await threads.run(sleepy.sleep) == "awake"
    assert sleepy.begun == 1


async def test_function_does_not_begin_if_its_caller_has_left() -> None:
    sleepy, places = Sleepy(), FairLimiter(1, 1)
    place = _Place(places)
    await places.acquire_on_behalf_of(place)
    place.leave()
    assert place.occupy(sleepy.sleep, {}) is None
    assert (sleepy.begun, places.borrowed_tokens) == (0, 0)


async def test_place_is_released_once_if_both_sides_release_it() -> None:
    sleepy, places = Sleepy(), FairLimiter(1, 1)
    place = _Place(places)
    await places.acquire_on_behalf_of(place)
    place.occupy(sleepy.quick, {})
    for _ in range(2):
        place.leave()
    assert places.borrowed_tokens == 0


@pytest.mark.slow
async def test_function_in_a_thread_has_the_context_of_its_call_and_can_call_the_event_loop(make_app: MakeApp) -> None:
    async def ask(ctx: Context) -> str:
        return type(ctx).__name__

    def looks_around(ctx: Context) -> list[str]:
        return [request_id.get(), from_thread.run(ask, ctx)]

    def looks() -> str:
        return request_id.get()

    async with opened(make_app(server_of(looks_around, looks))) as client:
        headers = {"x-request-id": "my-request"}
        answers = [
            (await client.post("/one/mcp/call", json={"tool": tool}, headers=headers)).json()["result"]
            for tool in ("looks_around", "looks")
        ]
    assert answers == [["my-request", "Context"], "my-request"]
