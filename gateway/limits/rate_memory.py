"""Moving windows in the memory of this process."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from math import ceil, inf

from gateway.limits.rate_limit import Full
from gateway.limits.rate_rules import Window

MAX_CALLERS = 10_000
"""Callers that are counted one by one; further callers share the overflow windows."""
OVERFLOW_WINDOWS = 256
MAX_EXACT_CALLS = 1024


class Calls:
    """The times of the calls in one window, and the number of calls at each time. Takes at most about 16 KiB.

    Above 1,024 calls, times are rounded up to 1/1,024 of the window; the error is always on the strict side.
    """

    __slots__ = ("_counts", "_times", "_total")

    def __init__(self) -> None:
        self._times = array("d")
        self._counts = array("I")
        self._total = 0

    def count(self, since: float) -> int:
        """Returns the number of calls later than `since`, and forgets the others."""
        times = self._times
        if times and times[0] <= since:
            expired = bisect_right(times, since)
            self._total -= sum(self._counts[:expired])
            del times[:expired], self._counts[:expired]
        return self._total

    def add(self, at: float) -> None:
        # Rounded times can lie ahead of the clock, so `at` may be earlier than the last one; the order must stay.
        if self._times and self._times[-1] >= at:
            self._counts[-1] += 1
        else:
            self._times.append(at)
            self._counts.append(1)
        self._total += 1

    @property
    def first(self) -> float:
        """The time of the oldest stored call. Fails if there are no calls."""
        return self._times[0]

    @property
    def last(self) -> float:
        return self._times[-1] if self._times else -inf


class MemoryWindows:
    """At most `max_windows` moving windows, for any number of callers.

    When full, expired windows are removed. If none has expired, new callers share 256 overflow windows, chosen by a
    per-process hash, and stay there until theirs is empty. No call is forgotten, so no caller gets more than their
    limit; callers who share a window may get less.
    """

    def __init__(self, max_windows: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_windows = max_windows
        self._clock = clock
        # By length: in each, the window with the oldest last call is first, and so is the first to expire.
        self._own: defaultdict[int, OrderedDict[str, Calls]] = defaultdict(OrderedDict)
        self._overflow: dict[tuple[int, int, int], Calls] = {}

    async def take(self, windows: Sequence[Window]) -> Full | None:
        now = self._clock()
        full = None
        for position, (key, limit, seconds) in enumerate(windows):
            calls = self._find(key, limit, seconds, now)
            if calls is not None and calls.count(now - seconds) >= limit:
                wait = calls.first + seconds - now
                if full is None or wait >= full.wait:
                    full = Full(position, wait)
        if full is None:
            for key, limit, seconds in windows:
                self._add(key, limit, seconds, now)
        return full

    def _add(self, key: str, limit: int, seconds: int, now: float) -> None:
        # Looked up again: an empty window found before may have been removed for another window of the same call.
        calls = self._find(key, limit, seconds, now) or self._create(key, limit, seconds, now)
        grain = seconds / MAX_EXACT_CALLS
        calls.add(now if limit <= MAX_EXACT_CALLS else ceil(now / grain) * grain)
        if key in (own := self._own[seconds]):
            own.move_to_end(key)

    def _find(self, key: str, limit: int, seconds: int, now: float) -> Calls | None:
        """Returns the caller's own window, or their overflow window if it is not empty."""
        if (own := self._own[seconds].get(key)) is not None:
            return own
        shared = self._overflow.get(_overflow_key(key, limit, seconds))
        return shared if shared is not None and shared.count(now - seconds) else None

    def _create(self, key: str, limit: int, seconds: int, now: float) -> Calls:
        if self._is_full() and not self._remove_expired(now):
            return self._overflow.setdefault(_overflow_key(key, limit, seconds), Calls())
        return self._own[seconds].setdefault(key, Calls())

    def _is_full(self) -> bool:
        return sum(map(len, self._own.values())) >= self._max_windows

    def _remove_expired(self, now: float) -> bool:
        """Returns True if there is room afterwards."""
        for seconds, own in self._own.items():
            while own and next(iter(own.values())).last <= now - seconds:
                own.popitem(last=False)
        return not self._is_full()


def _overflow_key(key: str, limit: int, seconds: int) -> tuple[int, int, int]:
    """Returns which overflow window `key` uses."""
    # hash() of a str is seeded per process, so a client cannot choose whom it shares a window with.
    return seconds, limit, hash(key) % OVERFLOW_WINDOWS
