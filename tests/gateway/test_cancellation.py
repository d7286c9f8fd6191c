"""Work that goes on to its end in a task that is cancelled, also more than once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.cancellation import to_its_end

pytestmark = pytest.mark.anyio


async def _at(leaves: asyncio.Event, end: Callable[[], str]) -> str:
    await leaves.wait()
    return end()


def _broken() -> str:
    raise LookupError


async def test_work_that_nobody_cancels_returns_its_value_or_raises() -> None:
    leaves = asyncio.Event()
    leaves.set()
    assert await to_its_end(_at(leaves, lambda: "done")) == "done"
    with pytest.raises(LookupError):
        await to_its_end(_at(leaves, _broken))


@pytest.mark.parametrize("end", [lambda: "done", _broken])
async def test_work_ends_before_a_task_that_is_cancelled_again_and_again(end: Callable[[], str]) -> None:
    leaves, ended = asyncio.Event(), list[str]()

    def note() -> str:
        ended.append("ended")
        return end()

    task = asyncio.ensure_future(to_its_end(_at(leaves, note)))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    leaves.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["ended"]
