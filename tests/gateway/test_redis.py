"""The Redis client without a server. Tests with a real Redis are in `tests/redis`."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.errors import LoadError
from gateway.redis import MAX_CONCURRENT_REQUESTS, RedisClient, RedisUnavailable
from gateway.redis_budget import SECONDS, Budget, budget

pytestmark = pytest.mark.anyio
UNREACHABLE = "redis://127.0.0.1:1/0"


async def test_unreachable_redis_is_unavailable() -> None:
    redis = RedisClient(UNREACHABLE, "test")
    async with redis.opened():
        with pytest.raises(RedisUnavailable):
            await redis.ask("cache reads", redis.client.ping)


def test_url_of_another_scheme_is_refused() -> None:
    with pytest.raises(LoadError, match="REDIS_URL: "):
        RedisClient("http://127.0.0.1:1", "test")


async def test_concurrent_requests_are_bounded_and_the_others_wait() -> None:
    redis = RedisClient(UNREACHABLE, "test")
    running, most = 0, 0

    async def request() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return most

    responses = await asyncio.gather(*(redis.ask("cache reads", request) for _ in range(10 * MAX_CONCURRENT_REQUESTS)))
    assert (len(responses), most, running) == (10 * MAX_CONCURRENT_REQUESTS, MAX_CONCURRENT_REQUESTS, 0)


@pytest.mark.slow
async def test_waiting_requests_are_not_sent_after_a_failure() -> None:
    redis = RedisClient(UNREACHABLE, "test")
    sent = 0

    async def request() -> None:
        nonlocal sent
        sent += 1
        await asyncio.sleep(0)
        raise ConnectionResetError

    requests = [redis.ask("cache reads", request) for _ in range(10 * MAX_CONCURRENT_REQUESTS)]
    responses = await asyncio.gather(*requests, return_exceptions=True)
    assert {type(response) for response in responses} == {RedisUnavailable}
    assert sent == MAX_CONCURRENT_REQUESTS


async def test_other_exceptions_do_not_count_as_unavailable() -> None:
    redis = RedisClient(UNREACHABLE, "test")

    async def failing() -> None:
        raise KeyError("a bug of ours")

    async def answered() -> int:
        return 1

    with pytest.raises(KeyError):
        await redis.ask("cache reads", failing)
    assert await redis.ask("cache reads", answered) == 1


async def test_one_request_tests_the_connection_while_the_others_fail_at_once() -> None:
    now, back = 0.0, asyncio.Event()
    redis = RedisClient(UNREACHABLE, "test", clock=lambda: now)

    async def answered() -> bool:
        return await back.wait()

    with pytest.raises(RedisUnavailable):
        await redis.ask("cache reads", redis.client.ping)
    now = 10.0
    first = asyncio.create_task(redis.ask("cache reads", answered))
    await asyncio.sleep(0)
    with pytest.raises(RedisUnavailable):
        await redis.ask("cache reads", answered)
    back.set()
    assert await first
    assert await redis.ask("cache reads", answered)


async def test_log_does_not_contain_the_password(caplog: pytest.LogCaptureFixture) -> None:
    redis = RedisClient("redis://somebody:secret@127.0.0.1:1/0", "test")
    with pytest.raises(RedisUnavailable):
        await redis.ask("cache reads", redis.client.ping)
    assert "Redis unavailable: " in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.slow
async def test_long_queue_in_front_of_a_fast_redis_does_not_count(caplog: pytest.LogCaptureFixture) -> None:
    """Otherwise a flood of calls would switch off the rate limits."""
    redis = RedisClient(UNREACHABLE, "test")

    async def answered() -> bool:
        await asyncio.sleep(0.003)
        return True

    started = time.monotonic()
    requests = [redis.ask("rate limits", answered) for _ in range(200 * MAX_CONCURRENT_REQUESTS)]
    assert await asyncio.gather(*requests) == [True] * len(requests)
    assert time.monotonic() - started > SECONDS
    assert caplog.text == ""


@pytest.mark.slow
async def test_requests_of_one_call_share_its_budget() -> None:
    redis = RedisClient(UNREACHABLE, "test")

    async def slow() -> None:
        await asyncio.sleep(0.7 * SECONDS)

    async def mute() -> None:
        await asyncio.Event().wait()

    async def requests_of_a_call() -> list[str]:
        budget.set(Budget())
        outcomes = []
        for work in (slow, mute, mute):
            try:
                await redis.ask("cache reads", work)
                outcomes.append("answered")
            except RedisUnavailable:
                outcomes.append("gave up")
        return outcomes

    started = time.monotonic()
    assert await asyncio.create_task(requests_of_a_call()) == ["answered", "gave up", "gave up"]
    assert time.monotonic() - started < 2 * SECONDS  # with a budget each, it would be 2.7 of them
