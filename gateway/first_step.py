"""A coroutine's first step at once: a call that never waits needs no timer, and nobody to watch for its client."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


@coroutine
def resume(call: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """Go on with `call`, whose first step (`call.send(None)`) in this task gave `awaited`.

    What is sent or thrown in while it waits reaches it as if it had been awaited from the start.
    """
    while True:
        try:
            sent = yield awaited
        except GeneratorExit:
            call.close()
            raise
        except BaseException as exc:  # whatever it is, it is the coroutine's to answer
            step: Callable[[Any], Any] = call.throw
            sent = exc
        else:
            step = call.send
        try:
            awaited = step(sent)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
