"""The half second that a call may wait for a slow Redis, in all its requests together."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import httpx2
import pytest
from mcp.server.mcpserver import MCPServer

from gateway.redis import MAX_CONCURRENT_REQUESTS
from gateway.redis_budget import SECONDS
from tests.clients import post
from tests.conftest import MakeApp
from tests.redis.redis import RedisServer
from tests.redis.slow import slow_redis
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.redis]
CALLERS = 100
WITHOUT_A_BUDGET = 3.0
"""Seconds. Three requests, each with its own half second and a queue before it, took 8."""


def served() -> MCPServer[None]:
    async def double(number: int) -> int:
        return 2 * number

    server: MCPServer[None] = MCPServer("one")
    server.add_tool(double, meta={"cache": {"ttl": 60, "scope": "public"}})
    return server


async def timed(http: httpx2.AsyncClient, number: int) -> tuple[int, Any, float]:
    """Returns the status, the answer and the duration of a call."""
    started = time.monotonic()
    answer = await post(http, "double", {"number": number})
    return answer.status_code, answer.json(), time.monotonic() - started


async def calls(http: httpx2.AsyncClient) -> list[tuple[int, Any, float]]:
    return await asyncio.gather(*(timed(http, number) for number in range(CALLERS)))


@pytest.mark.parametrize("delay", [0.1, 0.4, 2.0])
async def test_no_call_waits_longer_than_its_budget_for_a_slow_redis(
    redis: RedisServer, make_app: MakeApp, delay: float
) -> None:
    async with slow_redis(redis) as slow:
        app = make_app(served(), redis_url=slow.url, rate_limit="10000/hour")
        async with opened(app) as http:
            await calls(http)
            redis.empty()
            slow.seconds = delay
            for _ in range(2):
                found = await calls(http)
                assert [answer for _, answer, _ in found] == [{"result": 2 * number} for number in range(CALLERS)]
                assert max(seconds for _, _, seconds in found) < WITHOUT_A_BUDGET


async def test_queue_longer_than_the_budget_counts_as_away(
    redis: RedisServer, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    limits = {"rate_limit": "10000/hour", "rate_limit_without_redis": "closed"}
    async with slow_redis(redis) as slow, opened(make_app(served(), redis_url=slow.url, **limits)) as http:
        await calls(http)
        assert caplog.text == ""
        slow.seconds = 0.8 * SECONDS
        statuses = Counter(status for status, _, _ in await calls(http))
    assert set(statuses) == {200, 503}
    assert statuses[200] <= MAX_CONCURRENT_REQUESTS
    assert f"Redis unavailable: no response within {SECONDS:g} seconds" in caplog.text
