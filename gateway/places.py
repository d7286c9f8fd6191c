"""Places of one kind, such as those for open sessions: so many in all, and a share of them for one caller."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from gateway.caller import Caller
from gateway.errors import GatewayError, ShareExceeded, Unavailable


def part(limit: int, share: float) -> int:
    """Returns the places that `share` of `limit` is: rounded up, at least one."""
    return max(1, ceil(round(limit * share, 6)))  # 100 * 0.07 is a little more than 7


class Places:
    """`limit` places in all, and at most `each` for one caller. `kind` names them in refusals: `open sessions`.

    Each `take` that returns needs one `give_back` of the same caller and number. Without authentication all clients
    are one caller, who may hold every place.
    """

    __slots__ = ("_each", "_held", "_kind", "_limit", "taken")

    def __init__(self, limit: int, each: int, kind: str) -> None:
        self._limit = limit
        self._each = each
        self._kind = kind
        self._held: dict[str, int] = {}
        self.taken = 0

    def __len__(self) -> int:
        """Returns the number of callers who hold a place now: an entry without places is removed."""
        return len(self._held)

    @property
    def is_full(self) -> bool:
        return self.taken >= self._limit

    def take(self, who: Caller, count: int = 1) -> None:
        """Takes `count` places.

        Raises:
            ShareExceeded: the caller would hold more than one caller may.
            Unavailable: there are not as many places left.
        """
        if who.grants is not None:
            key = who.key
            held = self._held.get(key, 0) + count
            if held > self._each:
                raise ShareExceeded(self._kind, self._each, self._limit)
            if self.taken + count > self._limit:
                raise self._full()
            self._held[key] = held
        elif self.taken + count > self._limit:
            raise self._full()
        self.taken += count

    def give_back(self, who: Caller, count: int = 1) -> None:
        self.taken -= count
        if who.grants is not None:
            key = who.key
            held = self._held[key] - count
            if held:
                self._held[key] = held
            else:
                del self._held[key]

    def _full(self) -> Unavailable:
        return Unavailable(f"Too many {self._kind}: the limit is {self._limit}.")


def take_each(several: Sequence[Places], who: Caller) -> None:
    """Takes a place of each, or of none if one refuses. Raises ShareExceeded or Unavailable."""
    taken: list[Places] = []
    try:
        for places in several:
            places.take(who)
            taken.append(places)
    except GatewayError:
        for places in taken:
            places.give_back(who)
        raise
