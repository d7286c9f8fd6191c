"""Tasks whose first step runs at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from gateway.own_tasks import OwnTasks

pytestmark = pytest.mark.anyio
colour: ContextVar[str] = ContextVar("colour", default="none")


async def run(call: Coroutine[Any, Any, Any], tasks: OwnTasks | None = None) -> Any:
    task, result = (tasks or OwnTasks()).begin(call)
    return result if task is None else await task


async def test_call_that_finishes_in_its_first_step_needs_no_turn_of_the_loop() -> None:
    async def work() -> int:
        return 7

    assert OwnTasks().begin(work()) == (None, 7)


async def test_exception_of_the_first_step_is_raised_at_once() -> None:
    async def work() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        OwnTasks().begin(work())


async def test_every_step_runs_in_the_same_task_and_not_in_the_callers() -> None:
    seen: list[Any] = []

    async def work() -> str:
        for _ in range(3):
            seen.append(asyncio.current_task())
            await asyncio.sleep(0)
        return "done"

    assert await run(work()) == "done"
    assert len({*map(id, seen)}) == 1
    assert seen[0] is not asyncio.current_task()


async def test_the_callers_task_is_current_again_after_the_first_step() -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    before = asyncio.current_task()
    task, _ = OwnTasks().begin(work())
    assert asyncio.current_task() is before
    assert task is not None
    await task


async def test_time_limits_inside_work_across_steps() -> None:
    async def work() -> list[str]:
        ended = []
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep_forever()
        ended.append(str(scope.cancelled_caught))
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            ended.append("timeout")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 0)
        return ended

    assert await run(work()) == ["True", "timeout"]


@pytest.mark.slow
async def test_context_is_the_callers_at_first_and_its_own_in_every_step() -> None:
    async def work() -> list[str]:
        seen = [colour.get()]
        token = colour.set("green")
        await asyncio.sleep(0)
        seen.append(colour.get())
        colour.reset(token)  # only the context in which it was set allows that
        await asyncio.sleep(0)
        return [*seen, colour.get()]

    colour.set("red")
    assert await run(work()) == ["red", "green", "red"]
    assert colour.get() == "red"


async def test_cancellation_reaches_the_coroutine_at_any_time() -> None:
    async def work() -> str:
        try:
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            return "cleaned up"
        return "never"

    for turns in range(4):  # before the task has taken over, while it does, and after it
        task, _ = OwnTasks().begin(work())
        assert task is not None
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        assert await task == "cleaned up"


async def test_cancellation_reaches_what_the_coroutine_awaits() -> None:
    inner = asyncio.ensure_future(asyncio.sleep(60))

    async def work() -> None:
        await inner

    task, _ = OwnTasks().begin(work())
    assert task is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner.cancelled()


async def test_call_that_cancels_itself_in_its_first_step_spoils_no_other() -> None:
    async def cancels_itself() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "finished"

    async def work() -> str:
        await asyncio.sleep(0)
        return "done"

    tasks = OwnTasks()
    with suppress(asyncio.CancelledError):  # since Python 3.12
        assert await run(cancels_itself(), tasks) == "finished"
    assert await run(work(), tasks) == "done"


async def test_call_that_nobody_waits_for_runs_to_its_end_and_its_failure_is_not_reported() -> None:
    reported: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    ended = anyio.Event()

    async def work() -> None:
        await asyncio.sleep(0)
        ended.set()
        raise LookupError("nobody reads this")

    OwnTasks().begin(work())
    await ended.wait()
    await asyncio.sleep(0)
    assert reported == []


async def test_calls_may_be_nested() -> None:
    tasks = OwnTasks()

    async def inner() -> str:
        await asyncio.sleep(0)
        return "inner"

    async def outer() -> str:
        return f"outer {await run(inner(), tasks)}"

    assert await run(outer(), tasks) == "outer inner"
