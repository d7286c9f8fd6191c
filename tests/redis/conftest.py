from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.redis import RedisClient
from tests.redis.redis import RedisServer


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(redis_process: RedisServer) -> RedisServer:
    """A Redis that is empty, and must not be stopped."""
    redis_process.empty()
    return redis_process


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis of this test alone, which it may stop and start."""
    with RedisServer() as server:
        yield server


@pytest.fixture
async def client(redis: RedisServer) -> AsyncIterator[RedisClient]:
    client = RedisClient(redis.url, "test")
    async with client.opened():
        yield client
