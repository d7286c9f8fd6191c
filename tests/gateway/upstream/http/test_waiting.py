"""Calls that nobody answers, that cannot be sent, or whose answer nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.upstream.link import LinkFailure
from tests.gateway.upstream.http.peer import Asked, call, legacy, linked, modern, serving

pytestmark = pytest.mark.anyio
ERAS = pytest.mark.parametrize("speaking", [modern, legacy])
GOOD = {"content": [], "isError": False}


async def good(asked: Asked) -> None:
    asked.result(GOOD)


@ERAS
async def test_a_request_that_is_too_long_is_not_sent(speaking: Any) -> None:
    async with serving(speaking(good)) as peer, linked(peer.url, maxMessage=20_000) as link:
        with pytest.raises(LinkFailure) as failed:
            await call(link, text="x" * 20_000)
        assert not failed.value.was_sent
        assert peer.named("tools/call") == []


@ERAS
async def test_a_call_to_a_mute_server_can_be_cancelled_and_the_next_one_works(speaking: Any) -> None:
    reached = asyncio.Event()

    async def answer(asked: Asked) -> None:
        if asked.rpc != "tools/call":
            asked.answer(b"", 202)
        elif asked.message["params"]["name"] == "mute":
            reached.set()
        else:
            asked.result(GOOD)

    async with serving(speaking(answer)) as peer, linked(peer.url) as link:
        mute = asyncio.create_task(call(link, "mute"))
        await reached.wait()
        assert await call(link, "good") == GOOD
        mute.cancel()
        await asyncio.wait([mute])
        assert mute.cancelled()
        assert await call(link, "good") == GOOD


@pytest.mark.slow
async def test_a_hundred_calls_without_an_answer_do_not_keep_their_places() -> None:
    async def answer(asked: Asked) -> None:
        if asked.message["params"]["name"] == "good":
            asked.result(GOOD)

    async with serving(modern(answer)) as peer, linked(peer.url) as link:
        mute = [asyncio.create_task(call(link, "mute")) for _ in range(120)]
        while len(peer.named("tools/call")) < 100:
            await asyncio.sleep(0.01)
        last = asyncio.create_task(call(link, "good"))
        for task in mute:
            task.cancel()
        assert await asyncio.wait_for(last, 5) == GOOD
        assert len(peer.named("tools/call")) == 101


@pytest.mark.slow
async def test_a_slow_reader_of_progress_holds_the_server_back() -> None:
    gate = asyncio.Event()

    async def answer(asked: Asked) -> None:
        asked.stream()
        token = asked.message["params"]["_meta"]["progressToken"]
        for step in range(3000):
            asked.notify("notifications/progress", progressToken=token, progress=step, message="x" * 10_000)
            await asked.writer.drain()
        asked.event(asked.encoded(result=GOOD))
        asked.end()

    steps: list[int] = []

    async def report(params: Mapping[str, Any]) -> None:
        steps.append(params["progress"])
        await gate.wait()

    async with serving(modern(answer)) as peer, linked(peer.url) as link:
        task = asyncio.create_task(link.request("tools/call", {"name": "x", "arguments": {}}, report))
        while not steps:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        waiting = peer.asked[-1].writer.transport.get_write_buffer_size()
        assert (waiting > 0, steps) == (True, [0])  # it is not read into our memory
        gate.set()
        assert await task == GOOD
        assert steps == list(range(3000))


@ERAS
async def test_a_server_that_cannot_be_reached_has_not_executed_the_call(speaking: Any) -> None:
    async with serving(speaking(good)) as peer:
        link_of = linked(peer.url)
        link = await link_of.__aenter__()
        await call(link)
    with pytest.raises(LinkFailure, match="no connection") as failed:
        await call(link)
    assert not failed.value.was_sent
    await link_of.__aexit__(None, None, None)
    with pytest.raises(LinkFailure) as failed:
        await call(link)
    assert (failed.value.was_sent, failed.value.is_over) == (False, True)
    assert await link.ended() == "it was stopped"
