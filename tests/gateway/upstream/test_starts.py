"""The starts of many servers: at most four at a time, of which no slow one holds up the next."""

from __future__ import annotations

import asyncio

import pytest

from gateway.upstream.starts import Starts

pytestmark = pytest.mark.anyio


async def test_fifth_start_waits_for_the_end_of_another() -> None:
    starts = Starts()
    given = [await starts.take() for _ in range(4)]
    fifth = asyncio.ensure_future(starts.take())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not fifth.done()
    given[0]()
    async with asyncio.timeout(20):
        (await fifth)()
    for give_back in given:
        give_back()


@pytest.mark.slow
async def test_slow_starts_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.upstream.starts.SLOT", 0.05)
    starts = Starts()
    async with asyncio.timeout(20):
        given = [await starts.take() for _ in range(12)]
    for give_back in given * 2:  # whoever gives back what was taken from it gives nothing twice
        give_back()
    monkeypatch.undo()
    taken = [await starts.take() for _ in range(4)]
    fifth = asyncio.ensure_future(starts.take())
    await asyncio.sleep(0)
    assert not fifth.done()
    fifth.cancel()
    for give_back in taken:
        give_back()
