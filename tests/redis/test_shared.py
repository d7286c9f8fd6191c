"""Redis as it is shared: it answers, goes away, and comes back by itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

import pytest

from gateway.redis import PATIENCE, PAUSE, Away, Shared
from tests.redis.redis import RedisServer

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
    now = 0.0
    missed = []
    shared = Shared(mortal.url, clock=lambda: now)
    shared.listeners.append(lambda: missed.append(now))
    async with shared.opened():
        assert await shared.ask(shared.client.ping)
        mortal.stop()
        for later in (0.0, PAUSE / 2, PAUSE + 0.1):
            now = later
            with pytest.raises(Away):
                await shared.ask(shared.client.ping)
        mortal.start()
        with pytest.raises(Away):  # left alone for a while, though it would answer
            await shared.ask(shared.client.ping)
        now = 3 * PAUSE
        assert await shared.ask(shared.client.ping)
    assert len(missed) == 4
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.partition(":")[0] for line in warnings] == ["Redis is away", "Redis answers again"]


async def test_one_that_hangs_is_away_for_whoever_asks(mortal: RedisServer) -> None:
    shared = Shared(mortal.url)
    async with shared.opened():
        assert await shared.ask(shared.client.ping)
        with mortal.hanging():
            asked = [shared.ask(shared.client.ping) for _ in range(100)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Away}


async def test_while_this_process_is_busy_it_is_not_away(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    shared = Shared(redis.url)

    async def ask_and_be_busy() -> bytes | str | None:
        asked = asyncio.ensure_future(shared.client.get("one"))
        await asyncio.sleep(0)
        time.sleep(1.5 * PATIENCE)  # noqa: ASYNC251  # a tool that holds up all others
        return await asked

    async with shared.opened():
        await shared.ask(lambda: shared.client.set("one", "1"))
        assert await shared.ask(ask_and_be_busy) == b"1"
    assert caplog.text == ""


async def test_connections_that_ended_unnoticed_are_opened_anew(
    mortal: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    shared = Shared(mortal.url)
    async with shared.opened():
        for _ in range(2):
            assert await asyncio.gather(*(shared.ask(shared.client.ping) for _ in range(10))) == [True] * 10
            mortal.stop()
            mortal.start()
    assert caplog.text == ""
