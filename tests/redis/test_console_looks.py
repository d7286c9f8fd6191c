"""The console over replicas at which nobody has looked for a while, or of which one is missing or has a wrong clock."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from gateway.console.source import MAX_SENT
from gateway.redis import RedisClient
from tests.conftest import MakeApp
from tests.redis.redis import RedisServer
from tests.redis.test_console import many, replicas
from tests.routes.console.console import stream

pytestmark = [pytest.mark.anyio, pytest.mark.redis]


async def test_calls_cost_redis_nothing_until_somebody_looks_and_none_is_lost(
    make_app: MakeApp, redis: RedisServer, client: RedisClient
) -> None:
    async with replicas(make_app, redis, 2) as clients:
        await many(clients, 700)
        assert await client.client.keys("*console:calls") == []
        async with stream(clients[0]) as feed, asyncio.timeout(20):
            found: set[tuple[str, int]] = set()
            while len(found) < MAX_SENT:
                data = await feed.next("calls")
                assert data["missed"] == 0, "the page was opened after these calls"
                ends = [call["begun"] + call["seconds"] for call in data["calls"]]
                assert ends == sorted(ends)
                found |= {(call["process"], call["number"]) for call in data["calls"]}
            assert len({process for process, _ in found}) == 2
        for http in clients:
            async with stream(http) as feed:
                await feed.until("state", lambda state: sum(each["calls"] for each in state["processes"]) == 700)


async def test_page_is_told_of_calls_that_it_missed_while_nobody_looked_if_it_is_older(
    make_app: MakeApp, redis: RedisServer, client: RedisClient
) -> None:
    async with replicas(make_app, redis, 1) as (http,):
        async with stream(http) as feed:
            await feed.next("calls")
            cursor = feed.cursor
        (key,) = await client.client.keys("*console:calls")
        later = int(cursor.partition("-")[0]) + 1
        for missed, earlier in ((2000, 1), (7, later)):
            await client.client.xadd(key, {"calls": "[]", "missed": missed, "earlier": earlier})
        async with stream(http, {"last-event-id": cursor}) as feed:
            assert (await feed.until("calls", lambda each: not each["start"]))["missed"] == 7


async def test_replica_whose_clock_is_wrong_loses_no_call_and_hides_none(
    make_app: MakeApp, redis: RedisServer, client: RedisClient
) -> None:
    async with replicas(make_app, redis, 1) as clients, stream(clients[0]) as feed, asyncio.timeout(20):
        await feed.next("calls")
        await many(clients, 1)
        call = (await feed.until("calls", lambda each: each["calls"]))["calls"][0]
        (key,) = await client.client.keys("*console:calls")
        numbers: list[tuple[str, int]] = []
        for number, skew in enumerate((-7200, 7200, -60, 60)):
            wrong = {**call, "process": "00000000", "number": number, "begun": call["begun"] + skew}
            await client.client.xadd(key, {"calls": json.dumps([wrong]), "missed": 0})
            await many(clients, 1)
        while len(numbers) < 8:
            data = await feed.next("calls")
            assert (data["start"], data["missed"]) == (False, 0)
            numbers += [(each["process"], each["number"]) for each in data["calls"]]
        assert len({*numbers}) == 8


async def test_every_page_says_that_a_replica_is_missing_which_has_not_said_that_it_ends(
    make_app: MakeApp, redis: RedisServer, client: RedisClient
) -> None:
    async with replicas(make_app, redis, 1) as (http,):
        async with replicas(make_app, redis, 1):
            await processes(http, 2)
        assert (await processes(http, 1))["trouble"] == ""
        (key,) = [bytes(each) for each in await client.client.keys("*console:state:????????")]  # type: ignore[arg-type]
        state = json.loads(await client.client.get(key))  # type: ignore[arg-type]
        dead = key[:-8] + b"00000000"
        await client.client.set(dead, json.dumps({**state, "process": "00000000"}))
        await client.client.sadd(key[:-8] + b"names", "00000000")
        await processes(http, 2)
        await client.client.delete(dead)  # as it expires when its process has been killed
        for page in ("tools", "refusals", "sessions", "servers", "calls/x"):
            found = (await http.get(f"/console/data/{page}")).json()
            assert found["trouble"].startswith("1 of the other processes no longer answer"), page


async def processes(http: httpx2.AsyncClient, count: int) -> Any:
    """Returns the state as soon as it is that of so many processes."""
    async with stream(http) as feed:
        return await feed.until("state", lambda state: len(state["processes"]) == count)
