"""A store of bounded size for what all graphs have made. What was not used for longest goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """At most `most` values of `size` together, in a unit of their own; one larger than a quarter is not kept."""

    def __init__(self, most: int, size: int) -> None:
        self._most = most
        self._size = size
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._held = 0

    def get(self, key: Hashable) -> T | None:
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def keep(self, key: Hashable, value: T, size: int) -> None:
        if size > self._size // 4 or key in self._values:  # it may have been made twice at once
            return
        self._values[key] = (value, size)
        self._held += size
        while len(self._values) > self._most or self._held > self._size:
            _, (_, dropped) = self._values.popitem(last=False)
            self._held -= dropped

    def clear(self) -> None:
        self._values.clear()
        self._held = 0
