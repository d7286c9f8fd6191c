"""Limits of time: that of one call, in which its tool alone is waited for, and how often a caller may call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from gateway.spans import begin_step


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
        self._ends = self._now() + max(limits.total, limits.silence)
        self._silent_until = self._now() + limits.silence
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
                begin_step("tool")

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
