"""The time limit of calls that always end when they are cancelled: they run in the task of their caller."""

from __future__ import annotations

import asyncio

import pytest

from gateway.call import ToolCall, ToolResult, chain
from gateway.clock import TimeLimits
from gateway.errors import CallTimeout, ToolCrashed, Unavailable
from gateway.limits.timeout import Timeout
from tests.calls import Known, make_call

pytestmark = pytest.mark.anyio


class Stopping(Known):
    """The entry of a tool whose call always ends when it is cancelled."""

    direct = False
    stops = True


def cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def limited(execute: object, seconds: float = 0.02) -> ToolResult:
    limit = Timeout(TimeLimits(seconds, 30, 30))
    return await chain([limit], execute)(make_call(entry=Stopping()))  # type: ignore[arg-type]


async def mute(call: ToolCall) -> ToolResult:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")


async def test_call_that_is_too_slow_is_cancelled_and_its_task_goes_on() -> None:
    with pytest.raises(CallTimeout):
        await limited(mute)
    assert cancelling() == 0


async def test_call_in_time_is_answered() -> None:
    async def quick(call: ToolCall) -> ToolResult:
        await asyncio.sleep(0)
        return ToolResult(b"1")

    assert (await limited(quick, 30)).body == b"1"


@pytest.mark.slow
async def test_call_that_reports_progress_may_take_longer_than_the_limit_of_silence() -> None:
    async def reports(call: ToolCall) -> ToolResult:
        now = asyncio.get_running_loop().time
        until = now() + 0.6
        while now() < until:
            assert call.clock is not None
            call.clock.progressed()
            await asyncio.sleep(0)
        return ToolResult(b"1")

    assert (await limited(reports, 0.2)).body == b"1"


async def test_error_in_place_of_the_cancellation_stays() -> None:
    async def fails(call: ToolCall) -> ToolResult:
        try:
            return await mute(call)
        except asyncio.CancelledError as exc:
            raise Unavailable("It was stopped.") from exc

    with pytest.raises(Unavailable):
        await limited(fails)
    assert cancelling() == 0


async def test_client_that_leaves_after_the_limit_cancels_the_call() -> None:
    task = asyncio.ensure_future(limited(leaves_too))
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)


async def leaves_too(call: ToolCall) -> ToolResult:
    task = asyncio.current_task()
    assert task is not None
    try:
        return await mute(call)
    finally:
        task.cancel()


async def test_call_that_ends_as_if_it_was_cancelled_has_crashed() -> None:
    async def gives_up(call: ToolCall) -> ToolResult:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    with pytest.raises(ToolCrashed):
        await limited(gives_up, 30)
