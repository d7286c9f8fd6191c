from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.redis.redis import RedisServer


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(redis_process: RedisServer) -> RedisServer:
    """Empty, and running."""
    redis_process.empty()
    return redis_process
