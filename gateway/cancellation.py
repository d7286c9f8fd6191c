"""Tells a cancellation that was asked for from an exception that only looks like one."""

from __future__ import annotations

import asyncio


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
