"""Who waits is told in every case, whatever becomes of who leads; and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.cache.single_flight import TRIES, Flights, Turn

pytestmark = pytest.mark.anyio
KEY = b"key"
Fetch = Callable[[], Coroutine[Any, Any, str]]


async def turns() -> None:
    """As many as a chain of wake-ups needs."""
    for _ in range(20):
        await asyncio.sleep(0)


class Desk:
    """Callers that all want the same, and fetch it when they are told to."""

    def __init__(self) -> None:
        self.flights: Flights[str] = Flights()
        self.fetched = 0
        self.at_once = 0
        self.most_at_once = 0

    async def ask(self, fetch: Fetch) -> str:
        turn = await self.flights.join(KEY)
        if isinstance(turn, str):
            return turn
        if turn is Turn.ALONE:
            return await self._fetch(fetch)
        brought = None
        failed = False
        try:
            brought = await self._fetch(fetch)
        except Exception:
            failed = True
            raise
        finally:
            if brought is None:
                self.flights.leave(KEY, failed=failed)
            else:
                self.flights.land(KEY, brought)
        return brought

    async def _fetch(self, fetch: Fetch) -> str:
        self.fetched += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await fetch()
        finally:
            self.at_once -= 1

    def callers(self, count: int, fetch: Fetch) -> list[asyncio.Task[str]]:
        return [asyncio.create_task(self.ask(fetch)) for _ in range(count)]


class Gate:
    """A fetch that waits until it is told how to end."""

    def __init__(self) -> None:
        self.endings: asyncio.Queue[str | Exception] = asyncio.Queue()

    async def __call__(self) -> str:
        ending = await self.endings.get()
        if isinstance(ending, Exception):
            raise ending
        return ending


async def test_a_thousand_are_one() -> None:
    desk, gate = Desk(), Gate()
    callers = desk.callers(1000, gate)
    await turns()
    gate.endings.put_nowait("brought")
    assert await asyncio.gather(*callers) == ["brought"] * 1000
    assert (desk.fetched, len(desk.flights)) == (1, 0)


async def test_another_key_does_not_wait() -> None:
    flights: Flights[str] = Flights()
    assert await flights.join(b"one") is Turn.LEAD
    assert await flights.join(b"other") is Turn.LEAD


async def test_the_failure_of_a_leader_is_its_own_and_the_next_takes_over() -> None:
    desk, gate = Desk(), Gate()
    callers = desk.callers(100, gate)
    await turns()
    gate.endings.put_nowait(RuntimeError("no"))
    gate.endings.put_nowait("brought")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [RuntimeError, *[str] * 99]
    assert (desk.fetched, desk.most_at_once, len(desk.flights)) == (2, 1, 0)


async def test_after_many_failures_nobody_waits_for_another() -> None:
    desk, gate = Desk(), Gate()
    callers = desk.callers(50, gate)
    for _ in range(TRIES):
        await turns()
        assert desk.at_once == 1
        gate.endings.put_nowait(RuntimeError("no"))
    await turns()
    assert desk.at_once == 50 - TRIES
    for _ in range(50 - TRIES):
        gate.endings.put_nowait("alone")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [*[RuntimeError] * TRIES, *[str] * (50 - TRIES)]
    assert len(desk.flights) == 0


async def test_a_leader_that_leaves_fails_nobody() -> None:
    desk, gate = Desk(), Gate()
    callers = desk.callers(10, gate)
    for leader in callers[:5]:
        await turns()
        leader.cancel()
    await turns()
    gate.endings.put_nowait("brought")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [*[asyncio.CancelledError] * 5, *[str] * 5]
    assert (desk.fetched, desk.most_at_once, len(desk.flights)) == (6, 1, 0)


async def test_one_that_waits_and_leaves_is_passed_over() -> None:
    desk, gate = Desk(), Gate()
    callers = desk.callers(4, gate)
    await turns()
    callers[1].cancel()
    callers[2].cancel()
    gate.endings.put_nowait(RuntimeError("no"))
    gate.endings.put_nowait("brought")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [
        RuntimeError, asyncio.CancelledError, asyncio.CancelledError, str,
    ]  # fmt: skip
    assert (desk.fetched, len(desk.flights)) == (2, 0)


async def test_one_that_leaves_in_the_moment_in_which_it_is_told_to_lead_passes_it_on() -> None:
    desk, gate = Desk(), Gate()
    callers = desk.callers(3, gate)
    await turns()
    gate.endings.put_nowait(RuntimeError("no"))
    while not callers[0].done():
        await asyncio.sleep(0)
    callers[1].cancel()  # told, and not yet awake
    await turns()
    gate.endings.put_nowait("brought")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [RuntimeError, asyncio.CancelledError, str]
    assert (desk.fetched, len(desk.flights)) == (2, 0)


async def test_one_that_leaves_in_the_moment_in_which_it_is_answered_keeps_nobody_waiting() -> None:
    desk, gate = Desk(), Gate()
    callers = desk.callers(3, gate)
    await turns()
    gate.endings.put_nowait("brought")
    while not callers[0].done():
        await asyncio.sleep(0)
    callers[1].cancel()
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [str, asyncio.CancelledError, str]
    assert len(desk.flights) == 0


async def test_when_all_leave_nothing_is_left() -> None:
    desk, gate = Desk(), Gate()
    callers = desk.callers(20, gate)
    await turns()
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert (desk.fetched, len(desk.flights)) == (1, 0)
    again = desk.callers(2, gate)
    await turns()
    gate.endings.put_nowait("brought")
    assert await asyncio.gather(*again) == ["brought", "brought"]
