"""Resumed coroutines, which behave as if they had been awaited from the start."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import anyio
import pytest

from gateway.first_step import resume

pytestmark = pytest.mark.anyio


async def run(call: Coroutine[Any, Any, Any]) -> Any:
    return await resume(call, call.send(None))


async def test_every_step_runs_and_the_result_is_returned() -> None:
    steps = []

    async def work() -> int:
        for number in range(3):
            await anyio.lowlevel.checkpoint()
            steps.append(number)
        return 7

    assert await run(work()) == 7
    assert steps == [0, 1, 2]


async def test_exception_is_raised() -> None:
    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await run(work())


async def test_cancellation_reaches_the_coroutine_and_can_be_handled() -> None:
    async def work() -> str:
        try:
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "cleaned up"
        return "never"

    task = asyncio.create_task(run(work()))
    await anyio.lowlevel.checkpoint()
    task.cancel()
    assert await task == "cleaned up"


async def test_cancel_scope_inside_works() -> None:
    async def work() -> bool:
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep_forever()
        return scope.cancelled_caught

    assert await run(work())


async def test_task_group_inside_ends_on_cancellation() -> None:
    ended = []

    async def child() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("child")

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child)
            await anyio.sleep_forever()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run(work())
    assert ended == ["child"]


async def test_closing_closes_the_coroutine() -> None:
    ended = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("work")

    call = run(work())
    call.send(None)
    call.close()
    assert ended == ["work"]
