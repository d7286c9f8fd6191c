"""The key of `requestState` in Redis: the first replica puts it there, and all use it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anyio
import pytest

from gateway.redis import RedisClient
from tests.conftest import MakeApp
from tests.gateway.sdk.test_request_state import answered, asked, replica
from tests.redis.redis import RedisServer
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.redis]
PREFIX = "multi-mcp:test:"


async def key_in(client: RedisClient) -> bytes | None:
    found: Any = await client.client.get(f"{PREFIX}state-key")
    assert found is None or isinstance(found, bytes)
    return found


async def key_comes(client: RedisClient) -> bytes:
    """Waits until Redis has a key, and returns it."""
    with anyio.fail_after(10):
        while (key := await key_in(client)) is None:
            await asyncio.sleep(0.05)
    return key


async def test_replicas_that_start_later_use_the_key_of_the_first(
    redis: RedisServer, make_app: MakeApp, client: RedisClient
) -> None:
    def new() -> Any:
        return opened(replica(make_app, redis_url=redis.url, redis_prefix="test"))

    async with new() as first:
        key = await key_in(client)
        async with new() as second:
            assert (await answered(second, await asked(first))).json() == {"result": "cake, mine"}
    async with new() as third:
        assert (await answered(third, await asked(third))).status_code == 200
    assert key is not None
    assert await key_in(client) == key
    assert 86_000 < await client.client.ttl(f"{PREFIX}state-key") <= 86_400


async def test_emptied_redis_gets_the_same_key_back(redis: RedisServer, make_app: MakeApp, client: RedisClient) -> None:
    async with opened(replica(make_app, redis_url=redis.url, redis_prefix="test")) as http:
        key, question = await key_comes(client), await asked(http)
        redis.empty()
        assert await key_comes(client) == key
        assert (await answered(http, question)).status_code == 200


async def test_replicas_that_started_without_redis_agree_when_it_is_there(
    own_redis: RedisServer, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.stop()
    apps = [replica(make_app, redis_url=own_redis.url) for _ in range(2)]
    async with opened(apps[0]) as one, opened(apps[1]) as other:
        question = await asked(one)
        assert (await answered(one, question)).status_code == 200
        assert (await answered(other, question)).status_code == 400
        own_redis.start()
        with anyio.fail_after(15):
            while (await answered(other, await asked(one))).status_code != 200:
                await asyncio.sleep(0.05)
        assert (await answered(one, question)).status_code == 200  # sealed with the key of before
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    told = [line.partition(",")[0] for line in warnings if "requestState" in line and "rejected" not in line]
    assert [*dict.fromkeys(told)] == [
        "this replica seals requestState with a key that others lack",
        "all replicas seal requestState with the key in Redis now",
    ]


async def test_key_of_the_setting_is_not_put_into_redis(
    redis: RedisServer, make_app: MakeApp, client: RedisClient
) -> None:
    async with opened(replica(make_app, "k" * 32, redis_url=redis.url, redis_prefix="test")):
        assert await key_in(client) is None


async def test_something_else_in_the_place_of_the_key_is_left_alone(
    redis: RedisServer, make_app: MakeApp, client: RedisClient, caplog: pytest.LogCaptureFixture
) -> None:
    await client.client.set(f"{PREFIX}state-key", "short")
    async with opened(replica(make_app, redis_url=redis.url, redis_prefix="test")) as http:
        assert (await answered(http, await asked(http))).status_code == 200
    assert await key_in(client) == b"short"
    assert "it has something else in its place" in caplog.text
