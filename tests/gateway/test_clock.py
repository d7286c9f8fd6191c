"""The clock of a call."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import anyio
import pytest

from gateway.clock import Clock, Deadlines, TimeLimits

pytestmark = pytest.mark.anyio


async def test_silence_ends_first_without_progress() -> None:
    clock = Clock(TimeLimits(silence=10, total=60, answer=300))
    assert 9 < clock.left() <= 10
    assert clock.limit == 10


async def test_total_is_never_shorter_than_the_silence() -> None:
    clock = Clock(TimeLimits(silence=10, total=1, answer=300))
    assert 9 < clock.left() <= 10


async def test_progress_gives_the_tool_more_time_but_not_more_than_the_total() -> None:
    clock = Clock(TimeLimits(silence=10, total=15, answer=300))
    clock._ends -= 10  # as if 10 seconds had passed
    clock.progressed()
    assert 4 < clock.left() <= 5
    assert clock.limit == 15


async def test_thinking_time_does_not_count_and_has_a_limit_of_its_own() -> None:
    clock = Clock(TimeLimits(silence=10, total=60, answer=300))
    with clock.paused():
        assert 299 < clock.left() <= 300
        assert clock.limit == 300
        with clock.paused():
            await anyio.sleep(0.02)
        assert 299 < clock.left() < 300
    assert 9.9 < clock.left() <= 10


somebody: ContextVar[str] = ContextVar("somebody", default="nobody")


class Bell:
    def __init__(self) -> None:
        self.rang = asyncio.Event()
        self.context = ""

    def ring(self) -> None:
        self.context = somebody.get()
        self.rang.set()


async def test_bells_ring_at_their_time_in_their_order_unless_they_are_removed() -> None:
    deadlines, bells = Deadlines(0.02), [Bell() for _ in range(4)]
    for bell in bells[:3]:
        deadlines.add(bell)
    deadlines.remove(bells[0])
    await anyio.sleep(0.005)
    deadlines.add(bells[3])
    async with asyncio.timeout(20):
        await bells[3].rang.wait()
    assert [bell.rang.is_set() for bell in bells] == [False, True, True, True]
    deadlines.remove(bells[1])  # one that has rung
    deadlines.add(bells[0])
    async with asyncio.timeout(20):
        await bells[0].rang.wait()


async def test_bell_that_is_added_by_another_rings_too() -> None:
    deadlines = Deadlines(0)
    bells = [Bell(), Bell()]
    first = bells[0].ring
    bells[0].ring = lambda: (first(), deadlines.add(bells[1]))  # type: ignore[assignment,method-assign,func-returns-value]
    deadlines.add(bells[0])
    async with asyncio.timeout(20):
        await bells[1].rang.wait()


async def test_bell_rings_in_no_context_of_a_request() -> None:
    deadlines, bell = Deadlines(0), Bell()
    somebody.set("a caller")
    deadlines.add(bell)
    async with asyncio.timeout(20):
        await bell.rang.wait()
    assert bell.context == "nobody"


def test_deadlines_outlive_an_event_loop() -> None:
    deadlines = Deadlines(0.01)

    async def left_behind() -> None:
        deadlines.add(Bell())

    async def rings() -> None:
        bell = Bell()
        deadlines.add(bell)
        async with asyncio.timeout(20):
            await bell.rang.wait()

    asyncio.run(left_behind())
    asyncio.run(rings())
