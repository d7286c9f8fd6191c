"""The times that calls of each tool take at several instances, to find the one that is slow by itself."""

from __future__ import annotations

from collections import deque
from statistics import median

FLOOR = 0.25
"""Seconds. Nothing that is faster is slow."""

RATIO = 3.0
LAST = 15
"""Calls of one tool at one instance that are remembered."""

ENOUGH = 8
MAX_TOOLS = 100
"""Tools whose times are remembered. Calls of further ones are not measured."""


class Speeds:
    """The times of tools at `count` instances, which are numbered from 0.

    An instance is slow if the median of its last calls of one tool is more than `FLOOR`, and more than `RATIO` times
    that of the other instances (the median of their medians). A tool that is slow everywhere says nothing.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._times: dict[str, list[deque[float]]] = {}

    def note(self, number: int, tool: str, seconds: float) -> str:
        """Notes a call. Returns the reason if the instance `number` is slow, else nothing."""
        times = self._times.get(tool)
        if times is None:
            if len(self._times) >= MAX_TOOLS:
                return ""
            times = self._times[tool] = [deque(maxlen=LAST) for _ in range(self._count)]
        own = times[number]
        own.append(seconds)
        if seconds < FLOOR or len(own) < ENOUGH:
            return ""
        others = [median(known) for known in times if known is not own and len(known) >= ENOUGH]
        if not others or median(own) <= max(FLOOR, RATIO * median(others)):
            return ""
        return f"calls of {tool!r} take {median(own):.2f} seconds, and {median(others):.2f} elsewhere"

    def forget(self, number: int) -> None:
        """Forgets the times of an instance."""
        for times in self._times.values():
            times[number].clear()
