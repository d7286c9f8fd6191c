"""The Redis client with a real Redis that stops, hangs and comes back."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from gateway.redis import RETRY_INTERVAL, RedisClient, RedisUnavailable
from gateway.redis_budget import SECONDS
from tests.redis.redis import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.redis]


async def test_commands_are_answered(client: RedisClient) -> None:
    await client.ask("cache reads", lambda: client.client.set("one", "1"))
    assert await client.ask("cache reads", lambda: client.client.get("one")) == b"1"


async def test_client_recovers_after_redis_stopped(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    missed = []
    client = RedisClient(own_redis.url, "test", clock=lambda: now)
    client.listeners.append(lambda _: missed.append(now))
    async with client.opened():
        assert await client.ask("cache reads", client.client.ping)
        own_redis.stop()
        for later in (0.0, RETRY_INTERVAL / 2, RETRY_INTERVAL + 0.1):
            now = later
            with pytest.raises(RedisUnavailable):
                await client.ask("cache reads", client.client.ping)
        own_redis.start()
        with pytest.raises(RedisUnavailable):  # not asked again yet, though it would answer
            await client.ask("cache reads", client.client.ping)
        now = 3 * RETRY_INTERVAL
        assert await client.ask("cache reads", client.client.ping)
    assert len(missed) == 4
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.partition(":")[0] for line in warnings] == ["Redis unavailable", "Redis available again"]


async def test_hanging_redis_is_unavailable_for_all_concurrent_requests(own_redis: RedisServer) -> None:
    client = RedisClient(own_redis.url, "test")
    async with client.opened():
        assert await client.ask("cache reads", client.client.ping)
        with own_redis.hanging():
            requests = [client.ask("cache reads", client.client.ping) for _ in range(100)]
            responses = await asyncio.gather(*requests, return_exceptions=True)
    assert {type(response) for response in responses} == {RedisUnavailable}


async def test_blocked_event_loop_does_not_make_redis_unavailable(
    client: RedisClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask_and_block() -> bytes | str | None:
        asked = asyncio.ensure_future(client.client.get("one"))
        await asyncio.sleep(0)
        time.sleep(1.5 * SECONDS)  # noqa: ASYNC251  # a tool that blocks the loop
        return await asked

    await client.ask("cache reads", lambda: client.client.set("one", "1"))
    assert await client.ask("cache reads", ask_and_block) == b"1"
    assert caplog.text == ""


async def test_connections_closed_while_idle_are_reopened(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    client = RedisClient(own_redis.url, "test")
    async with client.opened():
        for _ in range(2):
            assert (
                await asyncio.gather(*(client.ask("cache reads", client.client.ping) for _ in range(10))) == [True] * 10
            )
            own_redis.stop()
            own_redis.start()
    assert caplog.text == ""
