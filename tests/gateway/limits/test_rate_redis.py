"""Rate limits while Redis is unavailable. Tests with a real Redis are in `tests/redis`."""

from __future__ import annotations

import logging

import pytest

from tests.clients import ERAS, Era, connected, error_of, post
from tests.conftest import MakeApp, server_of
from tests.transport import opened

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
UNREACHABLE = "redis://127.0.0.1:1/0"


async def add(a: int = 1, b: int = 2) -> int:
    return a + b


async def test_calls_pass_and_the_log_says_so_once(make_app: MakeApp, caplog: pytest.LogCaptureFixture) -> None:
    limits = {"rate_limit": "1/minute, 2/hour", "state_keys": ("of replicas, and not from Redis!",)}
    async with opened(make_app(server_of(add), redis_url=UNREACHABLE, **limits)) as http:
        assert [(await post(http, "add")).status_code for _ in range(5)] == [200] * 5
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.partition(":")[0] for line in warnings] == ["Redis unavailable"]


@pytest.mark.parametrize("era", ERAS)
async def test_calls_are_refused_if_set_to_closed(make_app: MakeApp, era: Era) -> None:
    settings = {"rate_limit": "one:add=1/minute", "redis_url": UNREACHABLE, "rate_limit_without_redis": "closed"}
    async with opened(make_app(server_of(add), **settings)) as http, connected(http, era) as mcp:
        refused = await post(http, "add")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["type"] == "urn:multi-mcp:error:unavailable"
        assert (await error_of(mcp, "add"))["data"] == {"type": "unavailable", "retryAfter": 1}
        assert (await post(http, "nothing")).status_code == 404  # has no limit
