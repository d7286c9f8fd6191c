"""Redis as it is shared: it answers, goes away, and comes back by itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from gateway.shared import PAUSE, Away, Shared
from tests.shared.redis import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.redis]


@pytest.fixture
def mortal() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


async def test_it_answers(redis: RedisServer) -> None:
    shared = Shared(redis.url)
    async with shared.opened():
        await shared.ask(lambda: shared.client.set("one", "1"))
        assert await shared.ask(lambda: shared.client.get("one")) == b"1"


async def test_it_goes_away_and_comes_back(mortal: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    clock = [0.0]
    missed = []
    shared = Shared(mortal.url, clock=lambda: clock[0])
    shared.listeners.append(lambda: missed.append(clock[0]))
    async with shared.opened():
        assert await shared.ask(shared.client.ping)
        mortal.stop()
        for clock[0] in (0.0, PAUSE / 2, PAUSE + 0.1):
            with pytest.raises(Away):
                await shared.ask(shared.client.ping)
        mortal.start()
        with pytest.raises(Away):  # left alone for a while, though it would answer
            await shared.ask(shared.client.ping)
        clock[0] = 3 * PAUSE
        assert await shared.ask(shared.client.ping)
    assert missed == [0.0, PAUSE / 2, PAUSE + 0.1, PAUSE + 0.1]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.partition(":")[0] for line in warnings] == ["Redis is away", "Redis answers again"]
