"""Streams whose answer comes late, and those that go on after it."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.upstream.http.peer import Asked, Peer, call, legacy, linked, modern, serving

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("speaking", [modern, legacy])
GOOD = {"content": [], "isError": False}


async def until_connections(peer: Peer, wanted: int) -> None:
    async with asyncio.timeout(20):
        while peer.connections != wanted:
            await asyncio.sleep(0.01)


@ERAS
async def test_answer_may_come_long_after_the_head_of_its_stream(speaking: object) -> None:
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def answer(asked: Asked) -> None:
        asked.stream()
        await asked.writer.drain()
        begun.set()
        await goes_on.wait()
        asked.event(asked.encoded(result=GOOD))
        asked.end()

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:  # type: ignore[operator]
        asking = asyncio.ensure_future(call(link))
        await begun.wait()
        assert not asking.done()
        goes_on.set()
        assert await asking == GOOD


@ERAS
async def test_connection_is_used_again_when_the_rest_of_its_stream_has_come(speaking: object) -> None:
    ends = asyncio.Event()

    async def answer(asked: Asked) -> None:
        asked.stream()
        asked.event(asked.encoded(result=GOOD))
        await asked.writer.drain()
        await ends.wait()
        asked.end()

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:  # type: ignore[operator]
        assert await call(link) == GOOD
        ends.set()
        for _ in range(30):
            assert await call(link) == GOOD
        assert peer.connections < 20


@ERAS
@pytest.mark.slow
async def test_connections_whose_streams_do_not_end_after_their_answers_are_closed(speaking: object) -> None:
    async def answer(asked: Asked) -> None:
        asked.stream()
        asked.event(asked.encoded(result=GOOD))

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:  # type: ignore[operator]
        before = peer.connections
        for _ in range(2):
            assert await asyncio.gather(*(call(link) for _ in range(3))) == [GOOD] * 3
            await until_connections(peer, 0)
        assert before <= 1
