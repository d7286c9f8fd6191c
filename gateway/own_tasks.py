"""Runs a coroutine in a task of its own, whose first step runs at once.

A call that finishes in its first step costs no turn of the event loop. Any other can be left behind: its caller need
not wait for a tool that ignores its cancellation.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from typing import Any, TypeVar

T = TypeVar("T")


class OwnTasks:
    """Starts tasks and keeps them until they end; a task that nobody waits for may raise anything."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._idle: _IdleTask | None = None

    def begin(self, call: Coroutine[Any, Any, T]) -> tuple[asyncio.Task[T] | None, T]:
        """Runs the first step of `call`. Returns the task of its other steps, or None and the result.

        Raises:
            BaseException: the first step raised it.
        """
        task, result = self._begin(call)
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._ended)
        return task, result

    if sys.version_info >= (3, 12):

        def _begin(self, call: Coroutine[Any, Any, Any]) -> tuple[asyncio.Task[Any] | None, Any]:
            task = asyncio.Task(call, loop=asyncio.get_running_loop(), eager_start=True)
            return (None, task.result()) if task.done() and not task.cancelled() else (task, None)

    else:

        def _begin(self, call: Coroutine[Any, Any, Any]) -> tuple[asyncio.Task[Any] | None, Any]:
            """Runs the first step in the name of a task that exists already, and hands it the rest."""
            loop = asyncio.get_running_loop()
            outer = asyncio.current_task(loop)
            assert outer is not None
            own, self._idle = self._idle, None
            if own is None or own.loop is not loop or own.task.cancelling():
                own = _IdleTask(loop)
            context = copy_context()
            _leave_task(loop, outer)
            _enter_task(loop, own.task)
            try:
                awaited = context.run(call.send, None)
            except StopIteration as done:
                self._idle = own
                return None, done.value
            except BaseException:  # raised again
                self._idle = own
                raise
            finally:
                _leave_task(loop, own.task)
                _enter_task(loop, outer)
            own.hand_over(call, awaited, context)
            return own.task, None

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as seen, which asyncio would log otherwise


class _IdleTask(Coroutine[Any, Any, Any]):
    """The coroutine of a task that waits until it is handed the rest of another coroutine.

    It is a class, because an `async def` that is cancelled before its first step never runs.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._handed = loop.create_future()
        self._rest: tuple[Coroutine[Any, Any, Any], Context] | None = None
        self._awaited: Any = None
        self._has_taken_over = False
        self.task: asyncio.Task[Any] = loop.create_task(self)

    def hand_over(self, call: Coroutine[Any, Any, Any], awaited: Any, context: Context) -> None:
        """Gives the task a coroutine whose first step returned `awaited`; all its steps run in `context`."""
        self._rest, self._awaited = (call, context), awaited
        if not self._handed.done():
            self._handed.set_result(None)

    def send(self, value: Any) -> Any:
        if self._rest is None:
            return next(self._handed.__await__())
        call, context = self._rest
        if not self._has_taken_over:
            self._has_taken_over = True
            return self._awaited
        return context.run(call.send, value)

    def throw(self, exc: Any, *more: Any) -> Any:
        if self._rest is None:
            raise exc
        call, context = self._rest
        if not self._has_taken_over:
            self._has_taken_over = True
            # As a task does: what is awaited is cancelled, or if that is not possible the coroutine itself.
            if asyncio.isfuture(self._awaited) and self._awaited.cancel():
                return self._awaited
        return context.run(call.throw, exc)

    def close(self) -> None:
        if self._rest is not None:
            self._rest[0].close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError  # only its task runs it
