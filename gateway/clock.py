"""Limits of time: that of one call, in which its tool alone is waited for, and how often a caller may call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gateway.spans import TOOL_STEP, begin_step


class Quota(NamedTuple):
    """At most `calls` in any period of `seconds`."""

    name: str
    calls: int
    seconds: int


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds that a tool may take without progress, and in all, and that its client may take to answer a question."""

    silence: float
    total: float
    answer: float


class Clock:
    """Runs while the tool works, and stands still while a person thinks. Made and asked in the event loop."""

    __slots__ = ("_ends", "_limits", "_now", "_paused_at", "_pauses", "_silent_until")

    def __init__(self, limits: TimeLimits) -> None:
        self._now = asyncio.get_running_loop().time
        self._limits = limits
        now = self._now()
        self._ends = now + max(limits.total, limits.silence)
        self._silent_until = now + limits.silence
        self._pauses = 0
        self._paused_at = 0.0

    def progressed(self) -> None:
        """Notes that the tool reported progress."""
        self._silent_until = self._now() + self._limits.silence

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stops the clock while the tool waits for its client's answer."""
        if not self._pauses:
            self._paused_at = self._now()
            begin_step("waits for the client's answer")
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                waited = self._now() - self._paused_at
                self._ends += waited
                self._silent_until += waited
                begin_step(TOOL_STEP)

    def left(self) -> float:
        """Returns the seconds until the call has to be looked at again; 0 or less if its time is over."""
        if self._pauses:
            return self._paused_at + self._limits.answer - self._now()
        return min(self._silent_until, self._ends) - self._now()

    @property
    def limit(self) -> float:
        """The seconds of the limit that ends first."""
        if self._pauses:
            return self._limits.answer
        return self._limits.silence if self._silent_until <= self._ends else self._limits.total


class Bell(Protocol):
    """An object that hears when its time has come. It is equal to itself alone."""

    def ring(self) -> None: ...


class Deadlines:
    """Rings each bell that was added `seconds` before, unless it was removed. All share one timer of the event loop.

    A bell rings in no context of a request: the timer may have been begun by any of them.
    """

    __slots__ = ("_bells", "_loop", "_seconds", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._bells: dict[Bell, float] = {}  # the first is the one whose time comes first: all have the same time
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, bell: Bell) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # a loop before may have ended without its timers
            self._loop, self._timer = loop, None
            self._bells.clear()
        self._bells[bell] = when = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(when, self._look, context=Context())

    def remove(self, bell: Bell) -> None:
        self._bells.pop(bell, None)

    def _look(self) -> None:
        assert self._loop is not None
        self._timer = None
        now, due = self._loop.time(), []
        for bell, when in self._bells.items():
            if when > now:
                self._timer = self._loop.call_at(when, self._look, context=Context())
                break
            due.append(bell)
        for bell in due:
            del self._bells[bell]
        for bell in due:
            bell.ring()
