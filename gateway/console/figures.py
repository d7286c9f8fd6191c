"""The figures of each tool: calls, errors, durations, the last error, and calls over the last ten minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

GOOD = frozenset({"ok", "input-required", "task"})
"""The outcomes that are no error."""

MAX_TOOLS = 2000
"""Tools that are counted. Names that no server has are not."""

SAMPLES = 200
"""The durations of the last calls of a tool, from which its percentiles are taken."""

SLOTS, SLOT_SECONDS = 60, 10


class Tally:
    """The figures of one tool in one process."""

    __slots__ = ("_count", "_slot", "_slots", "calls", "errors", "last_error", "recent", "without_tool")

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.without_tool = 0
        self.recent: deque[float] = deque(maxlen=SAMPLES)
        self.last_error: tuple[float, str, str] | None = None
        self._slot = self._count = 0
        self._slots: dict[int, int] = {}

    def add(self, seconds: Sequence[float], slot: int) -> None:
        """Counts calls that ended in `slot`, a number of periods of ten seconds since 1970."""
        self.calls += len(seconds)
        self.recent.extend(seconds)
        if slot != self._slot:
            self._slots = {each: number for each, number in self._by_slot().items() if each > slot - SLOTS}
            self._slot, self._count = slot, self._slots.pop(slot, 0)
        self._count += len(seconds)

    def shown(self, now: float) -> dict[str, Any]:
        """Returns the figures with the samples, so that those of several processes can be added."""
        last, slots = int(now) // SLOT_SECONDS, self._by_slot()
        return {
            "calls": self.calls,
            "errors": self.errors,
            "without_tool": self.without_tool,
            "last_error": self.last_error and [*self.last_error],  # a list, as those of other processes are
            "samples": [round(each, 6) for each in self.recent],
            "spark": [slots.get(slot, 0) for slot in range(last - SLOTS + 1, last + 1)],
        }

    def _by_slot(self) -> dict[int, int]:
        return {**self._slots, self._slot: self._count}


def added(several: Iterable[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Returns the sums of the figures of several processes, each by `server:tool`, with percentiles for the samples."""
    sums: dict[str, dict[str, Any]] = {}
    for figures in several:
        for name, each in figures.items():
            sums[name] = _sum(sums[name], each) if name in sums else dict(each)
    return {name: {**each, **percentiles(each["samples"]), "samples": []} for name, each in sums.items()}


def _sum(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {key: one[key] + other[key] for key in ("calls", "errors", "without_tool", "samples")}
    found["spark"] = [a + b for a, b in zip(one["spark"], other["spark"], strict=True)]
    errors = [each["last_error"] for each in (one, other) if each["last_error"]]
    found["last_error"] = max(errors) if errors else None
    return found


def percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """Returns p50, p95 and p99 in seconds, None without a sample."""
    ordered = sorted(seconds)
    return {
        f"p{percent}": ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] if ordered else None
        for percent in (50, 95, 99)
    }
