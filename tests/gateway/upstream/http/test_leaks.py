"""Calls, aborts and links by the hundred leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import Any

import pytest

from gateway.upstream.link import LinkFailure
from tests.gateway.upstream.http.peer import Asked, call, legacy, linked, modern, serving

pytestmark = [pytest.mark.slow, pytest.mark.anyio]
GOOD = {"content": [], "isError": False}
ROUNDS = 300


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("speaking", [modern, legacy])
async def test_calls_that_are_aborted_leave_nothing_behind(speaking: Any) -> None:
    async def answer(asked: Asked) -> None:
        what = asked.message.get("params", {}).get("name")
        if what == "reset":
            asked.reset()
        elif what != "mute":
            asked.result(GOOD)

    async def abort(turns: int, what: str) -> None:
        task = asyncio.create_task(call(link, what))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            assert isinstance(task.exception(), LinkFailure | None)

    async with serving(speaking(answer)) as peer:
        before = descriptors(), len(asyncio.all_tasks())
        async with linked(peer.url) as link:
            for number in range(ROUNDS):
                await abort(number % 12, ("mute", "good", "reset")[number % 3])
            await asyncio.gather(*(abort(number % 12, "mute") for number in range(ROUNDS)))
            assert await call(link, "good") == GOOD
        async with asyncio.timeout(10):
            while (descriptors(), len(asyncio.all_tasks())) > before:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("speaking", [modern, legacy])
async def test_links_that_are_opened_and_closed_leave_nothing_behind(speaking: Any) -> None:
    async def answer(asked: Asked) -> None:
        asked.result(GOOD)

    async with serving(speaking(answer)) as peer:
        before = descriptors(), len(asyncio.all_tasks())
        for _ in range(50):
            async with linked(peer.url) as link:
                await call(link, "good")
            await link.close()
        gc.collect()
        async with asyncio.timeout(10):
            while (descriptors(), len(asyncio.all_tasks())) > before:
                await asyncio.sleep(0.01)
