"""Without a Redis at all; with a real one in `tests/redis`."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import LoadError
from gateway.redis import AT_ONCE, Away, Shared

pytestmark = pytest.mark.anyio


async def test_one_that_never_was_is_away() -> None:
    shared = Shared("redis://127.0.0.1:1/0")
    async with shared.opened():
        with pytest.raises(Away):
            await shared.ask(shared.client.ping)


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(LoadError, match="REDIS_URL: "):
        Shared("http://127.0.0.1:1")


async def test_so_many_requests_at_once_and_the_others_wait_for_their_turn() -> None:
    shared = Shared("redis://127.0.0.1:1/0")
    running, most = 0, 0

    async def request() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return most

    answers = await asyncio.gather(*(shared.ask(request) for _ in range(10 * AT_ONCE)))
    assert (len(answers), most, running) == (10 * AT_ONCE, AT_ONCE, 0)


async def test_those_that_wait_do_not_ask_one_by_one_whether_it_is_away() -> None:
    shared = Shared("redis://127.0.0.1:1/0")
    asked = 0

    async def request() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        raise ConnectionResetError

    answers = await asyncio.gather(*(shared.ask(request) for _ in range(10 * AT_ONCE)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Away}
    assert asked == AT_ONCE


async def test_what_another_failure_raises_is_not_taken_for_its_absence() -> None:
    shared = Shared("redis://127.0.0.1:1/0")

    async def request() -> None:
        raise KeyError("a fault of ours")

    async def answered() -> int:
        return 1

    with pytest.raises(KeyError):
        await shared.ask(request)
    assert await shared.ask(answered) == 1


async def test_one_finds_out_whether_it_is_back_and_the_others_do_not_wait() -> None:
    now, back = 0.0, asyncio.Event()
    shared = Shared("redis://127.0.0.1:1/0", clock=lambda: now)

    async def answered() -> bool:
        return await back.wait()

    with pytest.raises(Away):
        await shared.ask(shared.client.ping)
    now = 10.0
    first = asyncio.create_task(shared.ask(answered))
    await asyncio.sleep(0)
    with pytest.raises(Away):
        await shared.ask(answered)
    back.set()
    assert await first
    assert await shared.ask(answered)


async def test_one_that_cannot_be_asked_says_nothing_of_its_password(caplog: pytest.LogCaptureFixture) -> None:
    shared = Shared("redis://somebody:secret@127.0.0.1:1/0")
    with pytest.raises(Away):
        await shared.ask(shared.client.ping)
    assert "Redis is away: " in caplog.text
    assert "secret" not in caplog.text
