"""Waiting callers are woken however the leader ends, and no state is left afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.cache.single_flight import MAX_FAILURES, Role, SingleFlight

pytestmark = pytest.mark.anyio
KEY = b"key"
Fetch = Callable[[], Coroutine[Any, Any, str]]


async def settled() -> None:
    """Waits for as many rounds of the loop as a chain of wake-ups needs."""
    for _ in range(20):
        await asyncio.sleep(0)


class Callers:
    """Callers of one key, which fetch the value when they are told to."""

    def __init__(self) -> None:
        self.flights: SingleFlight[str] = SingleFlight()
        self.fetched = 0
        self.at_once = 0
        self.most_at_once = 0

    async def ask(self, fetch: Fetch) -> str:
        joined = await self.flights.join(KEY)
        if isinstance(joined, str):
            return joined
        if joined is Role.ALONE:
            return await self._fetch(fetch)
        value = None
        failed = False
        try:
            value = await self._fetch(fetch)
        except Exception:
            failed = True
            raise
        finally:
            self.flights.finish(KEY, value, failed=failed)
        return value

    async def _fetch(self, fetch: Fetch) -> str:
        self.fetched += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await fetch()
        finally:
            self.at_once -= 1

    def start(self, count: int, fetch: Fetch) -> list[asyncio.Task[str]]:
        return [asyncio.create_task(self.ask(fetch)) for _ in range(count)]


class Gate:
    """A fetch that waits for its outcome."""

    def __init__(self) -> None:
        self.outcomes: asyncio.Queue[str | Exception] = asyncio.Queue()

    async def __call__(self) -> str:
        outcome = await self.outcomes.get()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.mark.slow
async def test_thousand_callers_fetch_once() -> None:
    group, gate = Callers(), Gate()
    callers = group.start(1000, gate)
    await settled()
    gate.outcomes.put_nowait("value")
    assert await asyncio.gather(*callers) == ["value"] * 1000
    assert (group.fetched, len(group.flights)) == (1, 0)


async def test_other_key_does_not_wait() -> None:
    flights: SingleFlight[str] = SingleFlight()
    assert await flights.join(b"one") is Role.LEAD
    assert await flights.join(b"other") is Role.LEAD


async def test_next_caller_leads_after_a_failure() -> None:
    group, gate = Callers(), Gate()
    callers = group.start(100, gate)
    await settled()
    gate.outcomes.put_nowait(RuntimeError("no"))
    gate.outcomes.put_nowait("value")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [RuntimeError, *[str] * 99]
    assert (group.fetched, group.most_at_once, len(group.flights)) == (2, 1, 0)


async def test_callers_run_alone_after_many_failures() -> None:
    group, gate = Callers(), Gate()
    callers = group.start(50, gate)
    for _ in range(MAX_FAILURES):
        await settled()
        assert group.at_once == 1
        gate.outcomes.put_nowait(RuntimeError("no"))
    await settled()
    assert group.at_once == 50 - MAX_FAILURES
    for _ in range(50 - MAX_FAILURES):
        gate.outcomes.put_nowait("alone")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [*[RuntimeError] * MAX_FAILURES, *[str] * (50 - MAX_FAILURES)]
    assert len(group.flights) == 0


async def test_next_caller_leads_after_a_cancellation() -> None:
    group, gate = Callers(), Gate()
    callers = group.start(10, gate)
    for leader in callers[:5]:
        await settled()
        leader.cancel()
    await settled()
    gate.outcomes.put_nowait("value")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [*[asyncio.CancelledError] * 5, *[str] * 5]
    assert (group.fetched, group.most_at_once, len(group.flights)) == (6, 1, 0)


async def test_cancelled_waiting_caller_is_skipped() -> None:
    group, gate = Callers(), Gate()
    callers = group.start(4, gate)
    await settled()
    callers[1].cancel()
    callers[2].cancel()
    gate.outcomes.put_nowait(RuntimeError("no"))
    gate.outcomes.put_nowait("value")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [
        RuntimeError, asyncio.CancelledError, asyncio.CancelledError, str,
    ]  # fmt: skip
    assert (group.fetched, len(group.flights)) == (2, 0)


async def test_caller_cancelled_when_told_to_lead_passes_the_lead_on() -> None:
    group, gate = Callers(), Gate()
    callers = group.start(3, gate)
    await settled()
    gate.outcomes.put_nowait(RuntimeError("no"))
    while not callers[0].done():
        await asyncio.sleep(0)
    callers[1].cancel()  # told to lead, and not yet awake
    await settled()
    gate.outcomes.put_nowait("value")
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [RuntimeError, asyncio.CancelledError, str]
    assert (group.fetched, len(group.flights)) == (2, 0)


async def test_caller_cancelled_when_given_the_value_delays_no_other_caller() -> None:
    group, gate = Callers(), Gate()
    callers = group.start(3, gate)
    await settled()
    gate.outcomes.put_nowait("value")
    while not callers[0].done():
        await asyncio.sleep(0)
    callers[1].cancel()
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(answer) for answer in found] == [str, asyncio.CancelledError, str]
    assert len(group.flights) == 0


async def test_nothing_is_left_after_all_callers_are_cancelled() -> None:
    group, gate = Callers(), Gate()
    callers = group.start(20, gate)
    await settled()
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert (group.fetched, len(group.flights)) == (1, 0)
    again = group.start(2, gate)
    await settled()
    gate.outcomes.put_nowait("value")
    assert await asyncio.gather(*again) == ["value", "value"]
