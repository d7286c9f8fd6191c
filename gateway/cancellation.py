"""Tells a cancellation that was asked for from an exception that only looks like one, and lets work end anyway."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def was_requested(exc: BaseException) -> bool:
    """Returns True if `exc` ends the running task because it was asked to end: by a timeout, a scope or the process.

    A `CancelledError` also comes out of code that awaits something which somebody else cancelled. asyncio counts the
    requests to cancel a task, and anyio's scopes take part in that count.
    """
    if not isinstance(exc, asyncio.CancelledError | GeneratorExit):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs any more: the coroutine is closed
        return True
    return isinstance(exc, asyncio.CancelledError) and task is not None and task.cancelling() > 0


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Returns what `work` returns. It goes on to its end however often the running task is cancelled meanwhile.

    Raises:
        asyncio.CancelledError: the task was cancelled, and `work` has ended.
        BaseException: `work` raised it.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # the cancellation is raised in its place
        raise cancelled
    return task.result()
