"""The console over replicas that share a Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.console.login_redis import RedisStore
from gateway.console.logins import MAX_LOGINS
from gateway.redis import RedisClient
from tests.conftest import MakeApp, server_of
from tests.keys import bearer
from tests.redis.redis import RedisServer
from tests.routes.console.console import OWN, keys, login, stream
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.redis]


async def add(a: int, b: int) -> int:
    return a + b


async def wait() -> str:
    await asyncio.sleep(60)
    return "never"


@asynccontextmanager
async def replicas(make_app: MakeApp, redis: RedisServer, count: int) -> AsyncIterator[list[httpx2.AsyncClient]]:
    async with AsyncExitStack() as stack:
        app = [make_app(server_of(add, wait), console=True, redis_url=redis.url) for _ in range(count)]
        yield [await stack.enter_async_context(opened(each)) for each in app]


async def many(clients: list[httpx2.AsyncClient], count: int) -> None:
    body = {"tool": "add", "arguments": {"a": 1, "b": 2}}
    for number in range(count):
        assert (await clients[number % len(clients)].post("/one/mcp/call", json=body)).status_code == 200


async def read(http: httpx2.AsyncClient, cursor: str, found: list[tuple[str, int]], count: int) -> str:
    """Reads a stream from a cursor until there are so many calls, and returns the cursor after them."""
    is_start = not cursor
    async with stream(http, {"last-event-id": cursor} if cursor else {}) as feed, asyncio.timeout(20):
        while len(found) < count:
            data = await feed.next("calls")
            assert data["missed"] == 0
            assert data["start"] is is_start
            found += [(call["process"], call["number"]) for call in data["calls"]]
            is_start = False
        return feed.cursor


async def test_page_counts_the_calls_of_all_replicas_whichever_it_reads_from(
    make_app: MakeApp, redis: RedisServer
) -> None:
    async with replicas(make_app, redis, 3) as clients:
        found: list[tuple[str, int]] = []
        cursor = ""
        for turn in range(6):
            await many(clients, 60)
            cursor = await read(clients[turn % 3], cursor, found, 60 * (turn + 1))
        assert len(found) == len({*found}) == 360
        assert len({process for process, _ in found}) == 3
        states = (await clients[1].get("/console/data/sessions")).json()["processes"]
        assert len(states) == 3


async def test_figures_and_one_call_are_those_of_all_replicas(make_app: MakeApp, redis: RedisServer) -> None:
    async with replicas(make_app, redis, 2) as clients:
        answer = await clients[0].post("/one/mcp/call", json={"tool": "none"}, headers={"x-request-id": "known"})
        assert answer.status_code == 404
        await many(clients, 20)
        async with asyncio.timeout(10):
            while not (found := (await clients[1].get("/console/data/calls/known")).json()["calls"]):
                await asyncio.sleep(0.05)
            assert found[0]["outcome"] == "unknown-tool"
            while (row := await figures(clients[1], "add")).get("calls") != 20:
                await asyncio.sleep(0.2)
            assert row["p50"] > 0


async def figures(http: httpx2.AsyncClient, tool: str) -> dict[str, Any]:
    rows = (await http.get("/console/data/tools")).json()["tools"]
    return next(row for row in rows if row["tool"] == tool)


async def test_call_that_runs_in_another_replica_is_cancelled(make_app: MakeApp, redis: RedisServer) -> None:
    async with replicas(make_app, redis, 2) as clients:
        call = asyncio.create_task(clients[0].post("/one/mcp/call", json={"tool": "wait"}))
        async with stream(clients[1]) as feed:
            state = await feed.until("state", lambda each: any(one["running"] for one in each["processes"]))
        (process,) = [each for each in state["processes"] if each["running"]]
        body = {"process": process["process"], "number": process["running"][0]["number"]}
        assert (await clients[1].post("/console/cancel", json=body, headers=OWN)).json() == {"cancelled": True}
        assert (await asyncio.wait_for(call, 5)).json()["type"] == "urn:multi-mcp:error:cancelled"
        gone = {"process": "gone", "number": 1}
        assert (await clients[1].post("/console/cancel", json=gone, headers=OWN)).json() == {"cancelled": False}


async def test_redis_that_goes_away_is_told_and_calls_go_on(make_app: MakeApp, own_redis: RedisServer) -> None:
    async with replicas(make_app, own_redis, 1) as clients:
        await many(clients, 5)
        async with stream(clients[0]) as feed:
            await feed.until("calls", lambda each: len(each["calls"]) == 5)
            own_redis.stop()
            await many(clients, 5)
            state = await feed.until("state", lambda each: each["trouble"])
            assert state["trouble"].startswith("Redis is away")
            assert len(state["processes"]) == 1
            own_redis.start()
            await feed.until("state", lambda each: not each["trouble"])
            found = 0
            async with asyncio.timeout(10):
                while found < 5:
                    found += len((await feed.next("calls"))["calls"])
            assert found == 5


async def test_login_in_one_replica_counts_in_all_and_ends_in_all(
    make_app: MakeApp, redis: RedisServer, tmp_path: Path
) -> None:
    setting, given = keys(tmp_path)
    async with AsyncExitStack() as stack:
        apps = [make_app(server_of(add), console=True, redis_url=redis.url, **setting) for _ in range(2)]
        one, other = [await stack.enter_async_context(opened(each)) for each in apps]
        cookie = {**OWN, "cookie": await login(one, given["reader"])}
        assert (await other.get("/console/data/servers", headers=cookie)).status_code == 200
        await other.post("/console/logout", headers=cookie)
        assert (await one.get("/console/data/servers", headers=cookie)).status_code == 401


async def test_while_redis_is_away_a_login_is_503_and_a_key_is_taken(
    make_app: MakeApp, own_redis: RedisServer, tmp_path: Path
) -> None:
    setting, given = keys(tmp_path)
    async with opened(make_app(server_of(add), console=True, redis_url=own_redis.url, **setting)) as http:
        cookie = {"cookie": await login(http, given["reader"])}
        own_redis.stop()
        assert (await http.get("/console/data/servers", headers=cookie)).status_code == 503
        assert (await http.get("/console/data/servers", headers=bearer(given["reader"]))).status_code == 200


async def test_logins_in_redis_are_bounded(client: RedisClient) -> None:
    store = RedisStore(client)
    for number in range(MAX_LOGINS + 3):
        await store.put(str(number), "sealed")
    assert await store.get("0") is None
    assert await store.get(str(MAX_LOGINS)) == "sealed"
    assert len(await client.client.keys("*login:*")) == MAX_LOGINS
