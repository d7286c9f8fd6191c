"""Calls, errors and refusals of the last minute, by the second."""

from __future__ import annotations

from typing import NamedTuple

WINDOW = 60
"""Seconds that are counted."""

RATE_SECONDS = 10
"""Seconds over which the calls a second are told."""


class Counts(NamedTuple):
    calls: int = 0
    errors: int = 0
    refusals: int = 0


class Rates:
    def __init__(self) -> None:
        self._seconds: dict[int, Counts] = {}

    def add(self, now: float, *, calls: int = 0, errors: int = 0, refusals: int = 0) -> None:
        second = int(now)
        before = self._seconds.get(second, Counts())
        if before == Counts():
            self._seconds = {at: counts for at, counts in self._seconds.items() if at > second - WINDOW}
        self._seconds[second] = Counts(before.calls + calls, before.errors + errors, before.refusals + refusals)

    def last(self, now: float, seconds: int = WINDOW) -> Counts:
        """Returns the sums of the last seconds, the present one among them."""
        found = [counts for at, counts in self._seconds.items() if now - seconds < at <= now]
        return Counts(*(sum(column) for column in zip(*found, strict=True)))
