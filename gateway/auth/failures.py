"""How often the credentials of an address were wrong, so that nobody may guess for long."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import TooManyFailures

WINDOW = 60.0
ADDRESSES = 10_000
_REST = ""


@dataclass(slots=True)
class _Count:
    ends: float
    number: int = 0


class Failures:
    """Counts each address by itself, for a minute from its first failure. Beyond `addresses` further ones share one
    count: whoever has many addresses gets no more by them, and those that are counted already stay so."""

    def __init__(self, limit: int, addresses: int = ADDRESSES, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._addresses = addresses
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()  # by their ends, the earliest first

    def __len__(self) -> int:
        return len(self._counts)

    def refuse(self, address: str) -> None:
        """Raises TooManyFailures where the address has had its number."""
        if not self._counts:
            return
        self._forget()
        count = self._counts.get(self._counted_as(address))
        if count is not None and count.number >= self._limit:
            raise TooManyFailures(math.ceil(count.ends - self._clock()))

    def add(self, address: str) -> None:
        self._forget()
        count = self._counts.setdefault(self._counted_as(address), _Count(self._clock() + WINDOW))
        count.number += 1

    def _forget(self) -> None:
        now = self._clock()
        while self._counts and next(iter(self._counts.values())).ends <= now:
            self._counts.popitem(last=False)

    def _counted_as(self, address: str) -> str:
        return address if address in self._counts or len(self._counts) < self._addresses else _REST
