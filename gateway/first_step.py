"""Continues a coroutine whose first step has already run.

A call that finishes in its first step never waits, so it needs no timer and no watch for a client that disconnects.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


@coroutine
def resume(call: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Continues `call`, whose first step (`call.send(None)`) returned `awaited`, and returns its result.

    Values and exceptions reach it as if it had been awaited from the start. The first step must have run in this task.
    """
    while True:
        try:
            sent = yield awaited
        except BaseException as exc:  # the coroutine must see all of them, also a cancellation and its own close
            step: Callable[[Any], Any] = call.throw
            sent = exc
        else:
            step = call.send
        try:
            awaited = step(sent)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
