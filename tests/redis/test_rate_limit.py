"""Rate limits that several processes share in a real Redis: exact, and working again after it was unavailable."""

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
def start(tmp_path: Path) -> Iterator[Start]:
    """Returns a function that starts `python app.py` with settings, each in a new folder."""
    with ExitStack() as stack:

        def begin(name: str, **settings: str) -> Router:
            (tmp_path / name).mkdir()
            return stack.enter_context(Router(tmp_path / name, **settings))

        yield begin


async def add(a: int = 1, b: int = 2) -> int:
    return a + b


async def statuses(ports: Sequence[int], count: int) -> Counter[int]:
    """Sends `count` concurrent calls, spread over the ports, and counts their statuses."""
    bounds = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(limits=bounds, timeout=60) as http:
        urls = [f"http://127.0.0.1:{ports[number % len(ports)]}/math/mcp/call" for number in range(count)]
        answers = await asyncio.gather(*(http.post(url, json=CALL) for url in urls))
    return Counter(answer.status_code for answer in answers)


async def test_exactly_the_limit_of_a_thousand_calls_to_four_routers_passes(redis: RedisServer, start: Start) -> None:
    settings = {"REDIS_URL": redis.url, "MCP_RATE_LIMIT": "137/hour", "LOG_LEVEL": "warning"}
    routers = [start(str(number), **settings) for number in range(4)]
    ports = [router.await_table().port for router in routers]
    assert await statuses(ports, 1000) == {200: 137, 429: 863}
    assert [router.log() for router in routers] == [""] * 4


async def test_exactly_the_limit_of_a_thousand_calls_to_four_workers_passes(redis: RedisServer, start: Start) -> None:
    settings = {"REDIS_URL": redis.url, "MCP_RATE_LIMIT": "math:*=137/hour", "LOG_LEVEL": "warning"}
    router = start("one", WORKERS="4", **settings).await_workers(4)
    assert await statuses([router.port], 1000) == {200: 137, 429: 863}, router.log()
    assert not [line for line in router.table if "MCP_RATE_LIMIT" in line]


async def test_several_windows_are_exact(redis: RedisServer, make_app: MakeApp) -> None:
    settings = {"rate_limit": "100/hour, 300/day", "redis_url": redis.url, "max_calls": 2000}
    apps = [make_app(server_of(add), **settings) for _ in range(2)]
    async with opened(apps[0]) as one, opened(apps[1]) as other:
        answers = await asyncio.gather(*(post(http, "add") for http in [one, other] * 250))
    assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 400}


async def test_keys_have_our_prefix_hide_names_and_expire(
    redis: RedisServer, client: RedisClient, make_app: MakeApp
) -> None:
    limits = "5/minute, 7/hour; one:add=3/day"
    async with opened(make_app(server_of(add), rate_limit=limits, redis_url=redis.url)) as http:
        await post(http, "add")
        await post(http, "nothing")
    keys: list[Any] = await client.client.keys("*:rate:*")
    ends = sorted([await client.client.ttl(key) for key in keys])
    pattern = rb"multi-mcp:[0-9a-f]{12}:rate:(default|one:add)/[0-9a-f]{32}/(5/60|7/3600|3/86400)"
    assert all(re.fullmatch(pattern, key) for key in keys)
    assert [bound - end in range(10) for bound, end in zip((60, 3600, 86_400), ends, strict=True)] == [True] * 3


async def test_refusal_has_the_same_headers_as_without_redis(redis: RedisServer, make_app: MakeApp) -> None:
    async with opened(make_app(server_of(add), rate_limit="1/hour", redis_url=redis.url)) as http:
        await post(http, "add")
        refused = await post(http, "add")
    assert refused.status_code == 429
    assert refused.headers["ratelimit-policy"] == '"default";q=1;w=3600'
    seconds = int(refused.headers["retry-after"])
    assert 3500 < seconds <= 3600
    assert refused.headers["ratelimit"] == f'"default";r=0;t={seconds}'


@pytest.mark.parametrize(("setting", "meanwhile"), [("open", 200), ("closed", 503)])
async def test_limits_work_again_after_redis_restarted(
    own_redis: RedisServer, start: Start, setting: str, meanwhile: int
) -> None:
    settings = {"REDIS_URL": own_redis.url, "MCP_RATE_LIMIT": "3/hour", "MCP_RATE_LIMIT_WITHOUT_REDIS": setting}
    router = start("one", LOG_LEVEL="warning", **settings).await_table()
    port = router.port
    assert await statuses([port], 10) == {200: 3, 429: 7}
    own_redis.stop()
    assert await statuses([port], 200) == {meanwhile: 200}
    own_redis.start()
    while (back := await statuses([port], 10)) == {meanwhile: 10}:
        await asyncio.sleep(0.05)
    for _ in range(2):
        back = await statuses([port], 10)
    assert back == {429: 10}, router.log()


async def test_calls_pass_while_redis_hangs(
    own_redis: RedisServer, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(server_of(add), rate_limit="3/hour", redis_url=own_redis.url, max_calls=2000)
    async with opened(app) as http:
        assert (await post(http, "add")).status_code == 200
        with own_redis.hanging():
            answers: list[Any] = await asyncio.gather(*(post(http, "add") for _ in range(200)))
    assert Counter(answer.status_code for answer in answers) == {200: 200}
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.partition(":")[0] for line in warnings] == ["Redis unavailable"]
