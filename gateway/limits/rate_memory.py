"""The calls of each caller, counted in this process. Needs `limits`, whose own memory takes a thread for each call."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from math import ceil, inf

from limits.aio.storage import MovingWindowSupport, Storage

from gateway.limits.rate_rules import Window

BUCKETS = 256
FINEST = 1024


class Calls:
    """The times of the calls in a window, and how many there were at each.

    Each call of up to 1,024 has its own time. Where more may be, those of a 1,024th of the window count until the last
    one of them would: so it takes about 16 KiB at most.
    """

    __slots__ = ("_counts", "_times", "_total")

    def __init__(self) -> None:
        self._times = array("d")
        self._counts = array("I")
        self._total = 0

    def count(self, since: float) -> int:
        """How many are later than `since`; the others are forgotten."""
        times = self._times
        if times and times[0] <= since:
            gone = bisect_right(times, since)
            self._total -= sum(self._counts[:gone])
            del times[:gone], self._counts[:gone]
        return self._total

    def add(self, at: float, amount: int) -> None:
        if self._times and self._times[-1] >= at:
            self._counts[-1] += amount
        else:
            self._times.append(at)
            self._counts.append(amount)
        self._total += amount

    @property
    def first(self) -> float:
        """When the oldest of those that count was; there is one."""
        return self._times[0]

    @property
    def last(self) -> float:
        return self._times[-1] if self._times else -inf


class MemoryWindows(Storage, MovingWindowSupport):
    """A storage of `limits` for its moving window, of `most` windows at once, however many callers there are.

    When it is full, what has expired makes room. Where nothing has, a further caller shares one of a few windows with
    others, whom nobody can choose, and keeps to it until it is empty: no call is forgotten, so nobody gets more than
    their limit, and some may get less.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most = most
        self._clock = clock
        self._own: defaultdict[int, OrderedDict[str, Calls]] = defaultdict(OrderedDict)
        self._shared: dict[tuple[int, int, int], Calls] = {}

    async def take(self, windows: Sequence[Window], amount: int = 1) -> bool:
        now = self._clock()
        for key, limit, expiry in windows:
            calls = self._found(key, limit, expiry, now)
            if calls is not None and calls.count(now - expiry) + amount > limit:
                return False
        for key, limit, expiry in windows:  # found anew: one that was empty may have made room for another
            calls = self._found(key, limit, expiry, now) or self._new(key, limit, expiry, now)
            calls.add(now if limit <= FINEST else _coarse(now, expiry / FINEST), amount)
            if key in (own := self._own[expiry]):
                own.move_to_end(key)
        return True

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return amount <= limit and await self.take([Window(key, limit, expiry)], amount)

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        now = self._clock()
        calls = self._found(key, limit, expiry, now)
        count = calls.count(now - expiry) if calls is not None else 0
        return (calls.first if calls is not None and count else now), count

    def _found(self, key: str, limit: int, expiry: int, now: float) -> Calls | None:
        """What counts for `key` as yet: its own, or what it shares and is not empty."""
        if (own := self._own[expiry].get(key)) is not None:
            return own
        shared = self._shared.get(_bucket(key, limit, expiry))
        return shared if shared is not None and shared.count(now - expiry) else None

    def _new(self, key: str, limit: int, expiry: int, now: float) -> Calls:
        if self._is_full() and not self._forget_expired(now):
            return self._shared.setdefault(_bucket(key, limit, expiry), Calls())
        return self._own[expiry].setdefault(key, Calls())

    def _is_full(self) -> bool:
        return sum(map(len, self._own.values())) >= self._most

    def _forget_expired(self, now: float) -> bool:
        """Whether there is room. Those of one length are in the order of their last call, and so of their end."""
        for expiry, own in self._own.items():
            while own and next(iter(own.values())).last <= now - expiry:
                own.popitem(last=False)
        return not self._is_full()

    @property
    def base_exceptions(self) -> type[Exception]:
        return Exception

    async def check(self) -> bool:
        return True

    async def clear(self, key: str) -> None:
        """Its own windows; those that it shares are others' too."""
        for own in self._own.values():
            own.pop(key, None)

    async def reset(self) -> int:
        number = sum(map(len, self._own.values()))
        self._own.clear()
        self._shared.clear()
        return number

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("fixed windows are not counted here")

    async def get(self, key: str) -> int:
        raise NotImplementedError("fixed windows are not counted here")

    async def get_expiry(self, key: str) -> float:
        raise NotImplementedError("fixed windows are not counted here")


def _coarse(now: float, grain: float) -> float:
    return ceil(now / grain) * grain


def _bucket(key: str, limit: int, expiry: int) -> tuple[int, int, int]:
    """Python's hash of a text is of a secret of this process: who shares with whom is not to be foreseen."""
    return expiry, limit, hash(key) % BUCKETS
