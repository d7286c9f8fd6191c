"""Rate limits that several processes share by a real Redis: exact, and back by themselves after it was away."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from limits import parse
from limits.aio.strategies import MovingWindowRateLimiter

from gateway.limits.rate_redis import RedisWindows
from gateway.limits.rate_rules import Window
from gateway.redis import RedisClient
from tests.clients import post
from tests.conftest import MakeApp, server_of
from tests.process.live.router import Router
from tests.redis.redis import RedisServer
from tests.transport import opened

pytestmark = [pytest.mark.anyio, pytest.mark.redis]
CALL = {"tool": "add", "arguments": {"a": 1, "b": 2}}
Start = Callable[..., Router]


@pytest.fixture
def mortal() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `python app.py` with these settings, in a folder of its own."""
    with ExitStack() as stack:

        def begin(name: str, **settings: str) -> Router:
            (tmp_path / name).mkdir()
            return stack.enter_context(Router(tmp_path / name, **settings))

        yield begin


async def add(a: int = 1, b: int = 2) -> int:
    return a + b


async def statuses(ports: Sequence[int], count: int) -> Counter[int]:
    """What comes of `count` calls at once, dealt out over the ports."""
    bounds = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(limits=bounds, timeout=60) as http:
        urls = [f"http://127.0.0.1:{ports[number % len(ports)]}/math/mcp/call" for number in range(count)]
        answers = await asyncio.gather(*(http.post(url, json=CALL) for url in urls))
    return Counter(answer.status_code for answer in answers)


async def test_of_a_thousand_calls_at_once_over_four_routers_exactly_the_allowed_number_passes(
    redis: RedisServer, start: Start
) -> None:
    settings = {"REDIS_URL": redis.url, "MCP_RATE_LIMIT": "137/hour", "LOG_LEVEL": "warning"}
    routers = [start(str(number), **settings) for number in range(4)]
    ports = [router.await_table().port for router in routers]
    assert await statuses(ports, 1000) == {200: 137, 429: 863}
    assert [router.log() for router in routers] == [""] * 4


async def test_of_a_thousand_calls_at_once_over_four_workers_exactly_the_allowed_number_passes(
    redis: RedisServer, start: Start
) -> None:
    settings = {"REDIS_URL": redis.url, "MCP_RATE_LIMIT": "math:*=137/hour", "LOG_LEVEL": "warning"}
    router = start("one", WORKERS="4", **settings).await_workers(4)
    assert await statuses([router.port], 1000) == {200: 137, 429: 863}, router.log()
    assert not [line for line in router.table if "MCP_RATE_LIMIT" in line]


async def test_several_windows_are_exact_too(redis: RedisServer, make_app: MakeApp) -> None:
    settings = {"rate_limit": "100/hour, 300/day", "redis_url": redis.url, "max_calls": 2000}
    apps = [make_app(server_of(add), **settings) for _ in range(2)]
    async with opened(apps[0]) as one, opened(apps[1]) as other:
        answers = await asyncio.gather(*(post(http, "add") for http in [one, other] * 250))
    assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 400}


async def test_keys_are_ours_say_nothing_and_expire_by_themselves(redis: RedisServer, make_app: MakeApp) -> None:
    limits = "5/minute, 7/hour; one:add=3/day"
    async with opened(make_app(server_of(add), rate_limit=limits, redis_url=redis.url)) as http:
        await post(http, "add")
        await post(http, "nothing")
    shared = RedisClient(redis.url)
    async with shared.opened():
        keys: list[Any] = await shared.client.keys("*")
        ends = sorted([await shared.client.ttl(key) for key in keys])
    assert all(
        re.fullmatch(rb"multi-mcp:rate:(default|one:add)/[0-9a-f]{32}/[357]/1/(minute|hour|day)", key) for key in keys
    )
    assert [bound - end in range(10) for bound, end in zip((60, 3600, 86_400), ends, strict=True)] == [True] * 3


async def test_it_goes_by_the_clock_of_redis(redis: RedisServer) -> None:
    """Replicas need not agree on the time: each has its own, and they count the same calls."""
    shared = RedisClient(redis.url)
    async with shared.opened():
        behind, ahead = (RedisWindows(shared, is_open=False, clock=lambda at=at: at) for at in (5.0, 50_000.0))  # type: ignore[misc]
        assert await ahead.get_moving_window("a", 2, 60) == (50_000.0, 0)
        assert [await windows.acquire_entry("a", 2, 60) for windows in (behind, ahead, behind, ahead)] == [
            *(True, True),
            *(False, False),
        ]
        first, count = await behind.get_moving_window("a", 2, 60)
        assert count == 2
        assert 0 <= 5.0 - first < 30
        time, _ = await shared.client.time()
        assert abs(float((await shared.client.lrange("multi-mcp:rate:a", 0, 0))[0]) - time) < 30


async def test_a_call_counts_in_every_window_or_in_none(redis: RedisServer) -> None:
    shared = RedisClient(redis.url)
    async with shared.opened():
        windows = RedisWindows(shared, is_open=False)
        small, large = Window("a", 1, 60), Window("b", 3, 3600)
        assert [await windows.take([small, large]) for _ in range(4)] == [True, False, False, False]
        assert [await windows.take([large]) for _ in range(3)] == [True, True, False]
        assert [(await windows.get_moving_window(*window))[1] for window in (small, large)] == [1, 3]


async def test_the_moving_window_of_limits_counts_by_it(redis: RedisServer) -> None:
    shared = RedisClient(redis.url)
    async with shared.opened():
        limiter, limit = MovingWindowRateLimiter(RedisWindows(shared, is_open=False)), parse("2/minute")
        assert [await limiter.hit(limit, "a") for _ in range(3)] == [True, True, False]
        assert [await limiter.test(limit, who) for who in "ab"] == [False, True]
        assert (await limiter.get_window_stats(limit, "a")).remaining == 0
        assert await limiter.hit(limit, "c", cost=2)
        assert not await limiter.hit(limit, "c")


async def test_a_place_is_free_again_after_its_window(redis: RedisServer) -> None:
    shared = RedisClient(redis.url)
    async with shared.opened():
        windows = RedisWindows(shared, is_open=False)
        assert [await windows.acquire_entry("a", 1, 60) for _ in range(2)] == [True, False]
        time, _ = await shared.client.time()
        await shared.client.lset("multi-mcp:rate:a", 0, str(time - 60))  # as if it had been a minute ago
        assert (await windows.get_moving_window("a", 1, 60))[1] == 0
        assert [await windows.acquire_entry("a", 1, 60) for _ in range(2)] == [True, False]


async def test_the_refusal_says_the_same_as_without_redis(redis: RedisServer, make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), rate_limit="1/hour", redis_url=redis.url)) as http:
        await post(http, "add")
        refused = await post(http, "add")
    assert refused.status_code == 429
    assert refused.headers["ratelimit-policy"] == '"default";q=1;w=3600'
    seconds = int(refused.headers["retry-after"])
    assert 3500 < seconds <= 3600
    assert refused.headers["ratelimit"] == f'"default";r=0;t={seconds}'


@pytest.mark.parametrize(("setting", "meanwhile"), [("open", 200), ("closed", 503)])
async def test_redis_stops_in_mid_run_and_comes_back(
    mortal: RedisServer, start: Start, setting: str, meanwhile: int
) -> None:
    settings = {"REDIS_URL": mortal.url, "MCP_RATE_LIMIT": "3/hour", "MCP_RATE_LIMIT_WITHOUT_REDIS": setting}
    router = start("one", LOG_LEVEL="warning", **settings).await_table()
    port = router.port
    assert await statuses([port], 10) == {200: 3, 429: 7}
    mortal.stop()
    assert await statuses([port], 200) == {meanwhile: 200}
    mortal.start()
    while (back := await statuses([port], 10)) == {meanwhile: 10}:
        await asyncio.sleep(0.05)
    for _ in range(2):
        back = await statuses([port], 10)
    assert back == {429: 10}, router.log()


async def test_a_redis_that_hangs_is_away_too(
    mortal: RedisServer, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(server_of(add), rate_limit="3/hour", redis_url=mortal.url, max_calls=2000)
    async with opened(app) as http:
        assert (await post(http, "add")).status_code == 200
        with mortal.hanging():
            answers: list[Any] = await asyncio.gather(*(post(http, "add") for _ in range(200)))
    assert Counter(answer.status_code for answer in answers) == {200: 200}
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.partition(":")[0] for line in warnings] == ["Redis unavailable"]
