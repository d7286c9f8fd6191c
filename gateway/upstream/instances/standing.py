"""The standing of one instance: how often it has failed, and until when it is set aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from gateway.upstream.link import LinkFailure

FAILURES = 5
"""Failures in a row after which an instance is ejected. A refused connection is enough by itself."""

SLOW, LONGEST = 10.0, 60.0
"""Seconds for which a slow instance is set aside: at first, doubled each time, and at most."""

Aside = Literal["", "slow", "busy"]


class Standing:
    """`may_go` returns True if one more instance may be set aside."""

    def __init__(self, may_go: Callable[[], bool], now: Callable[[], float]) -> None:
        self.failures = 0
        self.aside: Aside = ""
        self.until = 0.0
        self.reason = ""
        self._may_go = may_go
        self._now = now
        self._slow_times = 0

    def answered(self) -> None:
        """Notes an answer, whatever it says: an error of a tool is one, too."""
        self.failures = 0

    def failed(self, exc: LinkFailure) -> str:
        """Notes a failure. Returns the reason if the instance is to be given up, else nothing."""
        if exc.retry_after is not None:
            self._set_aside("busy", min(exc.retry_after, LONGEST), str(exc))
        if not exc.is_fault:
            return ""
        self.failures += 1
        if exc.is_refused:
            return str(exc)
        if self.failures >= FAILURES and self._may_go():
            return f"{self.failures} requests in a row failed, the last one: {exc}"
        return ""

    def slow(self, reason: str) -> bool:
        """Sets the instance aside because it is slow. Returns False if no more instances may be."""
        if not self._may_go():
            return False
        if self._now() - self.until > LONGEST:
            self._slow_times = 0
        self._set_aside("slow", min(SLOW * 2**self._slow_times, LONGEST), reason)
        self._slow_times = min(self._slow_times + 1, 10)
        return True

    def is_back(self) -> bool:
        """Returns True once, when the time is over for which the instance was set aside."""
        if self.aside and self._now() >= self.until:
            self.aside = ""
            return True
        return False

    def _set_aside(self, state: Aside, seconds: float, reason: str) -> None:
        self.aside, self.until, self.reason = state, self._now() + seconds, reason
